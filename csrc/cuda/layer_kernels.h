// The kernels of nnplay::linear_act, as plain functions that start them on a stream. Torch-free.
//
// Matrices are dense, row after row, unless strides say otherwise. No function allocates, waits for the device or
// leaves the choice of an order of additions to it: the same arguments give the same bits.
#pragma once

#include <cuda_runtime.h>

#include "../activation.h"
#include "numbers.h"

namespace nnplay::cuda {

// y (rows, cols) := activation of z (rows, cols); y may be z.
cudaError_t activate(Type type, Activation activation, const void* z, void* y, int64_t rows, int64_t cols,
                     cudaStream_t stream);

// gz (rows, cols) := g times the activation's derivative, from what the forward saved (null if that is nothing);
// column_sum (cols) := the sums of gz's columns. gz may be null or g; column_sum may be null. `workspace` has
// gradient_workspace bytes.
cudaError_t gradient(Type type, Activation activation, const void* g, const void* saved, void* gz, void* column_sum,
                     void* workspace, int64_t rows, int64_t cols, cudaStream_t stream);
int64_t gradient_workspace(Type type, Activation activation, int64_t rows, int64_t cols);

// Element (i, j) lies at at + i * row + j * col; vectors have col 0.
struct View {
  const void* at;
  int64_t row, col;
};

struct SmallLayer {
  Type type;
  Activation activation;
  int rows, inputs, outputs;  // each at least 1
  View input, weight, bias;   // (rows, inputs), (outputs, inputs), (outputs) or null
};

// Whether a layer of that size is done in one kernel, which a single block of threads can do as well.
bool is_small(int64_t rows, int64_t inputs, int64_t outputs);

// y (rows, outputs) := activation(z), z := input weight^T + bias. z may be null.
cudaError_t small_forward(const SmallLayer& layer, void* y, void* z, cudaStream_t stream);

// From g and saved (rows, outputs) to the gradients by input (rows, inputs), weight (outputs, inputs) and bias
// (outputs), each of which may be null.
cudaError_t small_backward(const SmallLayer& layer, const void* g, const void* saved, void* by_input, void* by_weight,
                           void* by_bias, cudaStream_t stream);

}  // namespace nnplay::cuda

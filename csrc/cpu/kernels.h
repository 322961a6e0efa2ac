// The hot loops of the CPU and the choice among their copies. Torch-free.
//
// Every copy (kernels_avx512.cpp, kernels_avx2.cpp, kernels_baseline.cpp) is the same source compiled for
// another instruction set; instruction_set() picks the best this processor has, once.
// All loops run on the calling thread, and an element's result depends on its row alone: however a
// caller shares rows out over threads, the bits are the same.
#pragma once

#include <cstdint>

#include "../activation.h"

namespace nnplay::cpu {

template <class Real>
struct Kernels {
  // z (rows, cols) := z + bias (cols; may be null), y := activation(z). Where y is z itself only the
  // activation is kept.
  void (*activate)(Activation, Real* z, const Real* bias, Real* y, int64_t rows, int64_t cols);

  // gz (rows, cols) := g times the activation's derivative, from what the forward saved (null if that is
  // nothing). If column_sum (cols) is given, gz's columns are added to it. gz may be null or g itself.
  void (*gradient)(Activation, const Real* g, const Real* saved, Real* gz, Real* column_sum, int64_t rows,
                   int64_t cols);

  // c (m, n) := a (m, k) b (k, n). a has any strides, b and c are dense.
  void (*matmul)(const Real* a, int64_t a_row, int64_t a_col, const Real* b, Real* c, int64_t m, int64_t n,
                 int64_t k);

  // to (cols, rows) := from (rows, cols), transposed.
  void (*transpose)(const Real* from, Real* to, int64_t rows, int64_t cols);
};

// Sixteen-bit numbers, as their bits, to float and back (to nearest even).
struct Conversion {
  void (*to_float)(const uint16_t* from, float* to, int64_t count);
  void (*from_float)(const float* from, uint16_t* to, int64_t count);
};

struct InstructionSet {
  const char* name;  // "avx512", "avx2" or "baseline"
  Kernels<float> single;
  Kernels<double> twice;
  Conversion bfloat16, float16;
};

// The best one this processor has; the environment variable NNPLAY_ISA names a lesser one (for tests).
const InstructionSet& instruction_set();

}  // namespace nnplay::cpu

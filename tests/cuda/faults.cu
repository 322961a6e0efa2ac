// Kernels with one fault each, for test_faults.py: each must be found.
#include "../../csrc/cuda/launch.h"

namespace nnplay::cuda {
namespace {

constexpr int threads = 64;

enum class Fault { none, blocks, shuffle, mask, new_array, new_shared, new_memory, apart, memory, shared, array, freed };

// `memory`, and what a block shares, has as many numbers as a block has threads; result (threads).
__global__ void go_wrong(Fault fault, float* memory, float* result) {
  __shared__ float array[threads];
  float* shared = reinterpret_cast<float*>(shared_memory());
  const int i = threadIdx.x, neighbour = i ^ 1;
  array[i] = shared[i] = float(i);
  switch (fault) {
    case Fault::none:
      __syncthreads();
      result[i] = array[neighbour] + shared[neighbour] + memory[i];
      break;
    case Fault::blocks:  // the other block writes there, too
      memory[i] = float(blockIdx.x);
      break;
    case Fault::shuffle:  // waits, and orders nothing
      __shfl_xor_sync(0xffffffffu, 1.0f, 1);
      result[i] = shared[neighbour];
      break;
    case Fault::mask:  // a quarter of a warp waits, and reads from the next
      __syncwarp(0xffu << (i % 32 / 8 * 8));
      result[i] = shared[i ^ 8];
      break;
    case Fault::apart:  // one waits for its neighbour, which waits for the whole block
      if (i == 0)
        __syncwarp(3);
      else
        __syncthreads();
      break;
    case Fault::memory:
      result[i] = memory[i + threads];
      break;
    case Fault::shared:
      result[i] = shared[i + threads];
      break;
    case Fault::array:
      result[i] = array[i + threads];
      break;
    default:  // new_memory, freed
      result[i] = memory[i];
  }
}

// Reads what another block has written into memory of its own.
__global__ void read_new(Fault fault, float* result) {
  __shared__ float array[threads];
  float* shared = reinterpret_cast<float*>(shared_memory());
  float* memory = fault == Fault::new_array ? array : shared;
  if (blockIdx.x == 0)
    memory[threadIdx.x] = 1;
  else
    result[threadIdx.x] = memory[threadIdx.x];
}

}  // namespace

extern "C" void commit_fault(int which) {
  const auto fault = Fault(which);
  float *memory = nullptr, *result = nullptr;
  constexpr size_t bytes = threads * sizeof(float);
  cudaMalloc(reinterpret_cast<void**>(&memory), bytes);
  cudaMalloc(reinterpret_cast<void**>(&result), bytes);
  if (fault != Fault::new_memory) cudaMemsetAsync(memory, 0, bytes, nullptr);
  if (fault == Fault::freed) cudaFree(memory);
  const bool two = fault == Fault::blocks || fault == Fault::new_shared || fault == Fault::new_array;
  if (fault == Fault::new_shared || fault == Fault::new_array)
    launch(read_new, 2, threads, bytes, nullptr, fault, result);
  else
    launch(go_wrong, two ? 2 : 1, threads, bytes, nullptr, fault, memory, result);
  if (fault != Fault::freed) cudaFree(memory);
  cudaFree(result);
}

}  // namespace nnplay::cuda

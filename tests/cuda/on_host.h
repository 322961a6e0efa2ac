// A stand-in for the device, so that the kernels' own source runs without a GPU: each thread of a block is a fiber
// that runs until it waits for others. Blocks run one after the other, those of a grid that waits for itself together.
//
// What is proven, of the launches that the tests make: arithmetic and indices; that no two threads touch the same
// memory without a wait between them, one of them writing (watch.h; blocks of a launch are unordered, shuffles order
// nothing, no scheduler is lucky); that no memory of a block or of the device is read before it is written; that nobody
// waits for who never comes. test_faults.py leaves out every wait, and each time that is found. A build with
// AddressSanitizer (make sanitize) adds that nothing is read or written outside of its memory, dynamic shared memory
// being as large as the launch said; without it only what is written in the 64 bytes behind is.
//
// What is not: shapes that no test has; memory of tensors that a kernel is given is taken as written; a thread's own
// memory, stack and parameters, is not watched; instructions are those that GCC makes, not nvcc's; atomic operations
// and fences, of which the kernels have none; how fast it is, and what only the hardware does.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>

#include <cuda_runtime.h>

namespace nnplay::on_host {

struct Place {
  dim3 thread, block, size, grid;
};
const Place& here();
char* shared_memory();
void wait_for_block();
void wait_for_warp(unsigned int mask);
void wait_for_grid();
uint64_t swap_bits(unsigned int mask, uint64_t mine, int with);  // the bits of the lane whose number differs by `with`

void run(dim3 grid, dim3 block, size_t shared, bool together, const std::function<void()>& kernel);

}  // namespace nnplay::on_host

#undef __shared__
#undef __launch_bounds__
#undef __grid_constant__
#ifdef __SANITIZE_ADDRESS__
#define __shared__ static
#else
#define __shared__ static thread_local
#endif
#define __launch_bounds__(...)
#define __grid_constant__
#define threadIdx (nnplay::on_host::here().thread)
#define blockIdx (nnplay::on_host::here().block)
#define blockDim (nnplay::on_host::here().size)
#define gridDim (nnplay::on_host::here().grid)

inline void __syncthreads() { nnplay::on_host::wait_for_block(); }
inline void __syncwarp(unsigned int mask = 0xffffffffu) { nnplay::on_host::wait_for_warp(mask); }
template <class Number>
Number __shfl_xor_sync(unsigned int mask, Number x, int with) {
  uint64_t bits = 0;
  __builtin_memcpy(&bits, &x, sizeof x);
  bits = nnplay::on_host::swap_bits(mask, bits, with);
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

namespace nnplay::cuda {

template <class... Parameters>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, cudaStream_t,
                   std::type_identity_t<Parameters>... arguments) {
  on_host::run(grid, block, shared, false, [&] { kernel(arguments...); });
  return cudaSuccess;
}
template <class... Parameters>
cudaError_t launch_together(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, cudaStream_t,
                            std::type_identity_t<Parameters>... arguments) {
  on_host::run(grid, block, shared, true, [&] { kernel(arguments...); });
  return cudaSuccess;
}
inline char* shared_memory() { return on_host::shared_memory(); }
inline void wait_for_grid() { on_host::wait_for_grid(); }

}  // namespace nnplay::cuda

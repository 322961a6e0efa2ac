// A stand-in for the device, so that the kernels' own source runs without a GPU: each thread of a block is a fiber
// that runs until it waits for others. Blocks run one after the other, those of a grid that waits for itself together.
//
// It proves arithmetic, indices and that no result depends on the order in which threads run (set_order): a missing
// wait shows as other numbers. Memory is filled with NaN before use, and what lies behind it is watched. It says
// nothing of speed, nor of what only the hardware does.
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
#define __shared__ static
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

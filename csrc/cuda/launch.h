// Starting kernels, and the memory their blocks share. Torch-free.
#pragma once

#include <cstdint>
#include <type_traits>

#include <cuda_runtime.h>

#ifdef NNPLAY_ON_HOST  // the tests run kernels without a GPU: tests/cuda/on_host.h stands in for the device
#include "on_host.h"
#else

#include <cooperative_groups.h>

namespace nnplay::cuda {

// Starts a kernel; the result is what CUDA says to the start. What goes wrong while it runs is told by a later call.
template <class... Parameters>
inline cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                          std::type_identity_t<Parameters>... arguments) {
  kernel<<<grid, block, shared, stream>>>(arguments...);
  return cudaGetLastError();
}

// The same for a kernel whose blocks wait for each other: all of them must fit on the device at once.
template <class... Parameters>
inline cudaError_t launch_together(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared,
                                   cudaStream_t stream, std::type_identity_t<Parameters>... arguments) {
  void* addresses[] = {const_cast<void*>(static_cast<const void*>(&arguments))...};
  return cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(kernel), grid, block, addresses, shared, stream);
}

// What a block was started with as `shared` bytes.
__device__ inline char* shared_memory() {
  extern __shared__ __align__(16) char memory[];
  return memory;
}

__device__ inline void wait_for_grid() { cooperative_groups::this_grid().sync(); }

}  // namespace nnplay::cuda
#endif

namespace nnplay::cuda {

inline unsigned int blocks_for(int64_t work, int64_t each) { return static_cast<unsigned int>((work + each - 1) / each); }

}  // namespace nnplay::cuda

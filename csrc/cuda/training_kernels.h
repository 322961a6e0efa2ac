// The kernels of training, as plain functions that start them on a stream. Torch-free.
#pragma once

#include <cuda_runtime.h>

#include "../team_network.h"

namespace nnplay::cuda {

// Who shares a network: 8 lanes of a warp, a warp, a block of threads, or all threads of the device.
enum class Team : int { lanes, warp, block, grid };

// How a job is laid out on a device.
struct Layout {
  Team team;
  int threads;       // of a block
  int64_t networks;  // that are trained side by side, in one launch
  unsigned int blocks;
  int64_t stride;  // numbers of memory of a network
  size_t shared;   // bytes of a block; 0 where the memory is the device's own
};

// What a device has to offer.
struct Capacity {
  int processors;
  int64_t shared_of_block, shared_of_processor;  // bytes
  int64_t free, total;                           // bytes of its memory
};
cudaError_t read_capacity(Capacity& capacity);

// The layout for that many networks, each with `numbers` numbers of memory, as many of them parameters.
template <class Real>
cudaError_t choose_layout(const TeamPlan& plan, int64_t networks, const Capacity& capacity, Layout& layout);

// Trains networks `first` to first + layout.networks of the job. `memory` holds stride numbers for each network of a
// layout without shared memory.
template <class Real>
cudaError_t train(const TeamJob<Real>& job, const Layout& layout, int64_t first, Real* memory, cudaStream_t stream);

// orders (count, rows): the order of rows that each seed draws, as random.h has it.
cudaError_t draw_orders(const uint32_t* seeds, int64_t count, int64_t rows, uint32_t* orders, cudaStream_t stream);

}  // namespace nnplay::cuda

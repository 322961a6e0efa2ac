// Whole training runs on the device: one launch trains many networks for many epochs, or one network by many threads.
#include "../random.h"
#include "launch.h"
#include "training_kernels.h"

namespace nnplay::cuda {
namespace {

constexpr int warp = 32, lanes_of_team = 8;
constexpr int threads_of_warps = 128, most_threads = 512, threads_of_grid = 256, threads_of_orders = 64;

// Lanes side by side that wait for each other alone: the other teams of their warp go their own way.
template <int lanes>
struct WarpTeam {
  __device__ static int rank() { return threadIdx.x % lanes; }
  __device__ static int size() { return lanes; }
  __device__ static void sync() {
    const unsigned int all = lanes == warp ? 0xffffffffu : (1u << lanes % warp) - 1;
    __syncwarp(all << (threadIdx.x % warp / lanes * lanes));
  }
};

struct BlockTeam {
  __device__ static int rank() { return threadIdx.x; }
  __device__ static int size() { return blockDim.x; }
  __device__ static void sync() { __syncthreads(); }
};

struct GridTeam {
  __device__ static int rank() { return blockIdx.x * blockDim.x + threadIdx.x; }
  __device__ static int size() { return gridDim.x * blockDim.x; }
  __device__ static void sync() { wait_for_grid(); }
};

template <class Real, int lanes>
__global__ void __launch_bounds__(threads_of_warps, 4) train_by_warps(const __grid_constant__ TeamJob<Real> job,
                                                                   int64_t end, int64_t stride) {
  constexpr int teams = threads_of_warps / lanes;
  const int team = threadIdx.x / lanes;
  const int64_t network = int64_t(blockIdx.x) * teams + team;
  if (network >= end) return;
  Real* memory = reinterpret_cast<Real*>(shared_memory()) + team * stride;
  train_network(job, WarpTeam<lanes>(), network, memory);
}

template <class Real>
__global__ void __launch_bounds__(most_threads, 1) train_by_blocks(const __grid_constant__ TeamJob<Real> job) {
  train_network(job, BlockTeam(), blockIdx.x, reinterpret_cast<Real*>(shared_memory()));
}

template <class Real>
__global__ void __launch_bounds__(threads_of_grid, 1) train_by_grid(const __grid_constant__ TeamJob<Real> job,
                                                                 int64_t network, Real* memory) {
  train_network(job, GridTeam(), network, memory);
}

__global__ void __launch_bounds__(threads_of_orders) draw(const uint32_t* seeds, int64_t count, int64_t rows,
                                                          uint32_t* orders) {
  const int64_t i = int64_t(blockIdx.x) * threads_of_orders + threadIdx.x;
  if (i < count) draw_order(seeds[i], rows, orders + i * rows);
}

// Numbers between the memories of two networks: such that the teams of a warp, each at the same place of its own
// network, find it in different banks.
int64_t stride_for(int64_t numbers, int lanes) {
  const int64_t beyond = numbers % warp;
  return lanes >= warp ? numbers : numbers + (lanes - beyond + warp) % warp;
}

// Elements of the largest array that a team calculates at once.
int64_t most_work(const TeamPlan& plan) {
  int64_t work = 1;
  for (int l = 0; l < plan.layers; ++l) {
    const TeamLayer& layer = plan.layer[l];
    const int64_t outputs = int64_t(plan.rows) * layer.out, weights = int64_t(layer.in) * layer.out;
    work = outputs > work ? outputs : work;
    work = weights > work ? weights : work;
  }
  return work;
}

template <class Kernel>
cudaError_t allow_shared(Kernel kernel, size_t bytes) {
  constexpr size_t always = 48 << 10;
  if (bytes <= always) return cudaSuccess;
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                              int(bytes));
}

}  // namespace

cudaError_t read_capacity(Capacity& capacity) {
  int device = 0, shared = 0, all_shared = 0;
  size_t free = 0, total = 0;
  cudaError_t status = cudaGetDevice(&device);
  const auto ask = [&](int* value, cudaDeviceAttr what) {
    if (status == cudaSuccess) status = cudaDeviceGetAttribute(value, what, device);
  };
  ask(&capacity.processors, cudaDevAttrMultiProcessorCount);
  ask(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin);
  ask(&all_shared, cudaDevAttrMaxSharedMemoryPerMultiprocessor);
  if (status == cudaSuccess) status = cudaMemGetInfo(&free, &total);
  capacity.shared_of_block = shared;
  capacity.shared_of_processor = all_shared;
  capacity.free = int64_t(free), capacity.total = int64_t(total);
  return status;
}

template <class Real>
cudaError_t choose_layout(const TeamPlan& plan, int64_t networks, const Capacity& capacity, Layout& layout) {
  constexpr int64_t reserved = 1 << 10;  // bytes of shared memory that a block costs by itself
  constexpr int64_t busy = 256;          // threads that keep a multiprocessor busy
  const int64_t bytes = plan.numbers * int64_t(sizeof(Real));
  const int64_t each = (networks + capacity.processors - 1) / capacity.processors;  // networks of a multiprocessor
  const int64_t fit = (capacity.shared_of_processor - reserved) / bytes;
  const auto warps_fit = [&](int lanes) {
    return stride_for(plan.numbers, lanes) * int64_t(sizeof(Real)) * (threads_of_warps / lanes) <= capacity.shared_of_block;
  };
  const auto by_warps = [&](Team team, int lanes) {
    const int64_t teams = threads_of_warps / lanes, stride = stride_for(plan.numbers, lanes);
    layout = {team, threads_of_warps, networks, blocks_for(networks, teams), stride, size_t(stride * teams * sizeof(Real))};
    return cudaSuccess;
  };
  if (sizeof(Real) == sizeof(float) && warps_fit(lanes_of_team) && (each < fit ? each : fit) * lanes_of_team >= busy)
    return by_warps(Team::lanes, lanes_of_team);
  // Few networks have a block each, from where a warp would have much to do.
  if (warps_fit(warp) && (each * warp >= busy || plan.parameters < 32 * warp)) return by_warps(Team::warp, warp);
  if (bytes <= capacity.shared_of_block) {
    const int64_t wanted = (most_work(plan) + warp - 1) / warp * warp;
    const int threads = int(wanted < most_threads ? wanted : most_threads);
    layout = {Team::block, threads, networks, unsigned(networks), plan.numbers, size_t(bytes)};
    return cudaSuccess;
  }
  // One block to a multiprocessor: such a block always fits.
  const unsigned int wanted = blocks_for(most_work(plan), threads_of_grid), most = unsigned(capacity.processors);
  layout = {Team::grid, threads_of_grid, 1, wanted < most ? wanted : most, plan.numbers, 0};
  return cudaSuccess;
}

template <class Real>
cudaError_t train(const TeamJob<Real>& job, const Layout& layout, int64_t first, Real* memory, cudaStream_t stream) {
  const auto by_warps = [&](auto kernel) {
    const cudaError_t status = allow_shared(kernel, layout.shared);
    if (status != cudaSuccess) return status;
    return launch(kernel, layout.blocks, layout.threads, layout.shared, stream, job, job.networks, layout.stride);
  };
  switch (layout.team) {
    case Team::lanes:
      if constexpr (sizeof(Real) == sizeof(float)) return by_warps(train_by_warps<Real, lanes_of_team>);
      return cudaErrorInvalidValue;
    case Team::warp:
      return by_warps(train_by_warps<Real, warp>);
    case Team::block: {
      const cudaError_t status = allow_shared(train_by_blocks<Real>, layout.shared);
      if (status != cudaSuccess) return status;
      return launch(train_by_blocks<Real>, layout.blocks, layout.threads, layout.shared, stream, job);
    }
    case Team::grid:
      return launch_together(train_by_grid<Real>, layout.blocks, layout.threads, 0, stream, job, first, memory);
  }
  return cudaErrorInvalidValue;
}

cudaError_t draw_orders(const uint32_t* seeds, int64_t count, int64_t rows, uint32_t* orders, cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  return launch(draw, blocks_for(count, threads_of_orders), threads_of_orders, 0, stream, seeds, count, rows, orders);
}

template cudaError_t choose_layout<float>(const TeamPlan&, int64_t, const Capacity&, Layout&);
template cudaError_t choose_layout<double>(const TeamPlan&, int64_t, const Capacity&, Layout&);
template cudaError_t train(const TeamJob<float>&, const Layout&, int64_t, float*, cudaStream_t);
template cudaError_t train(const TeamJob<double>&, const Layout&, int64_t, double*, cudaStream_t);

}  // namespace nnplay::cuda

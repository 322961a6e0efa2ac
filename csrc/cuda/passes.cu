// Activation, and activation gradient with bias gradient, of whole matrices: one pass over memory each.
#include "launch.h"
#include "layer_kernels.h"

namespace nnplay::cuda {
namespace {

constexpr int threads = 256, warp = 32, warps = threads / warp;

// ---- y := activation(z) --------------------------------------------------------------------------------

template <class Number>
__global__ void __launch_bounds__(threads, 4) activate_numbers(Activation activation, const Number* z, Number* y,
                                                            int64_t count, bool aligned) {
  constexpr int width = numbers_per_load<Number>;
  const int64_t step = int64_t(gridDim.x) * threads * width;
  for (int64_t at = (int64_t(blockIdx.x) * threads + threadIdx.x) * width; at < count; at += step) {
    const bool whole = aligned && count - at >= width;
    RealOf<Number> x[width];
    load(z + at, whole, count - at, x);
    visit(activation, [&](auto act) {
      using Act = decltype(act);
      if constexpr (!Act::rowwise) {
        UNROLL for (int k = 0; k < width; ++k) x[k] = Act::f(x[k]);
      }
    });
    store(y + at, whole, count - at, x);
  }
}

// The sum, or the greatest, of what the threads of a row have: a warp has the row, or (wide) the whole block.
// Halves are joined in a fixed order. All threads must call it, and if the row is wide not twice in a row with the same
// `join`: what one call still reads is overwritten by the next but one, after all have waited in between.
template <bool wide, class Real, class Join>
__device__ Real join_row(Real x, Join join) {
  UNROLL for (int half = warp / 2; half > 0; half /= 2) x = join(x, __shfl_xor_sync(0xffffffffu, x, half));
  if constexpr (wide) {
    __shared__ Real of_warp[warps];
    if (threadIdx.x % warp == 0) of_warp[threadIdx.x / warp] = x;
    __syncthreads();
    x = of_warp[0];
    UNROLL for (int w = 1; w < warps; ++w) x = join(x, of_warp[w]);
  }
  return x;
}

struct Add {
  template <class Real>
  __device__ Real operator()(Real a, Real b) const {
    return a + b;
  }
};
struct Greater {
  template <class Real>
  __device__ Real operator()(Real a, Real b) const {
    return a < b ? b : a;
  }
};

// Softmax and its kind: a warp to each row or, if the rows are wide, a block. A row is read three times, from the
// second time on out of the cache.
template <class Number, bool wide>
__global__ void __launch_bounds__(threads, 4) activate_rows(Activation activation, const Number* z, Number* y,
                                                         int64_t rows, int64_t cols) {
  using Real = RealOf<Number>;
  constexpr int lanes = wide ? threads : warp;
  const int lane = threadIdx.x % lanes;
  const int64_t first = int64_t(blockIdx.x) * (threads / lanes) + threadIdx.x / lanes;
  visit(activation, [&](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      for (int64_t row = first; row < rows; row += int64_t(gridDim.x) * (threads / lanes)) {
        const Number* from = z + row * cols;
        Number* to = y + row * cols;
        Real greatest(-INFINITY);  // a lane without a number reads none: y may be z, and others write there
        for (int64_t j = lane; j < cols; j += lanes) greatest = Greater()(greatest, to_real(from[j]));
        greatest = join_row<wide>(greatest, Greater());
        Real total(0);
        for (int64_t j = lane; j < cols; j += lanes) total = total + exp(to_real(from[j]) - greatest);
        const Real normalizer = Act::normalizer(join_row<wide>(total, Add()));
        for (int64_t j = lane; j < cols; j += lanes) {
          const Real d = to_real(from[j]) - greatest;
          put(to[j], Act::f(Act::keep(d, exp(d)), normalizer));
        }
      }
    }
  });
}

// ---- gz := g f'(saved), and the sums of its columns ------------------------------------------------------

constexpr int most_rows_per_block = 256;

// A block has some rows of some columns: 32 threads side by side, each with as many columns as it loads at once,
// times 8 below each other. `sums` (blocks, cols) gets the column sums of each block's rows; where `result` (cols) is
// given, the only block's sums are the result. A row-wise activation's blocks have all columns of their rows, whose
// own sums come first. Partial sums are joined in double precision: a few numbers a column, and a bias gradient as
// exact as torch's.
template <class Number>
__global__ void __launch_bounds__(threads, 4) gradient_numbers(Activation activation, const Number* g, const Number* saved,
                                                            Number* gz, RealOf<Number>* sums, Number* result,
                                                            int64_t rows, int64_t cols, int rows_per_block, bool aligned) {
  using Real = RealOf<Number>;
  constexpr int width = numbers_per_load<Number>, tile = warp * width;
  __shared__ Real row_sum[most_rows_per_block];
  __shared__ Real part[warps][tile];
  const int across = threadIdx.x % warp, below = threadIdx.x / warp;
  const int64_t first = int64_t(blockIdx.x) * rows_per_block;
  const int count = int(rows - first < rows_per_block ? rows - first : rows_per_block);
  visit(activation, [&](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      for (int r = below; r < count; r += warps) {
        const int64_t row = (first + r) * cols;
        Real sum(0);
        for (int64_t j = across; j < cols; j += warp) sum = sum + Act::part(to_real(g[row + j]), to_real(saved[row + j]));
        sum = join_row<false>(sum, Add());
        if (across == 0) row_sum[r] = sum;
      }
    }
  });
  __syncthreads();
  for (int64_t begin = int64_t(blockIdx.y) * tile; begin < cols; begin += int64_t(gridDim.y) * tile) {
    const int64_t col = begin + across * width, left = cols - col;
    const bool whole = aligned && left >= width;
    Real sum[width] = {};
    for (int r = below; r < count && left > 0; r += warps) {
      const int64_t at = (first + r) * cols + col;
      Real x[width], kept[width] = {};
      load(g + at, whole, left, x);
      if (saved) load(saved + at, whole, left, kept);
      visit(activation, [&](auto act) {
        using Act = decltype(act);
        UNROLL for (int k = 0; k < width; ++k) {
          if constexpr (Act::rowwise) {
            x[k] = Act::gradient(x[k], kept[k], row_sum[r]);
          } else {
            x[k] = Act::gradient(x[k], kept[k]);
          }
        }
      });
      UNROLL for (int k = 0; k < width; ++k) sum[k] = sum[k] + x[k];
      if (gz) store(gz + at, whole, left, x);
    }
    if (!sums && !result) continue;
    UNROLL for (int k = 0; k < width; ++k) part[below][k * warp + across] = sum[k];
    __syncthreads();
    for (int j = threadIdx.x; j < tile; j += threads) {
      const int64_t at = begin + j % warp * width + j / warp;
      double total = double(part[0][j]);
      UNROLL for (int w = 1; w < warps; ++w) total += double(part[w][j]);
      if (at < cols && result) put(result[at], Real(total));
      if (at < cols && !result) sums[int64_t(blockIdx.x) * cols + at] = Real(total);
    }
    __syncthreads();
  }
}

// result (cols) := the sums of the columns of sums (blocks, cols), from above
template <class Number>
__global__ void __launch_bounds__(threads, 4) add_blocks(const RealOf<Number>* sums, Number* result, int blocks, int64_t cols) {
  using Real = RealOf<Number>;
  __shared__ double part[warps][warp];
  const int across = threadIdx.x % warp, below = threadIdx.x / warp;
  const int64_t col = int64_t(blockIdx.x) * warp + across;
  double sum = 0;
  if (col < cols)
    for (int b = below; b < blocks; b += warps) sum += double(sums[b * cols + col]);
  part[below][across] = sum;
  __syncthreads();
  if (below > 0 || col >= cols) return;
  UNROLL for (int w = 1; w < warps; ++w) sum += part[w][across];
  put(result[col], Real(sum));
}

bool is_rowwise(Activation activation) {
  return visit(activation, [](auto act) { return decltype(act)::rowwise; });
}

// How a matrix is cut into blocks: by shape alone, so that the order of additions is, too.
struct Cut {
  unsigned int down;
  int rows_per_block;
};
Cut cut_for(Activation activation, int64_t rows, int64_t cols) {
  constexpr int64_t wanted = 512, tile = 256;  // blocks that fill a device; columns of a block of 16-bit numbers
  const int64_t across = is_rowwise(activation) ? 1 : (cols + tile - 1) / tile;
  int64_t each = (rows * across + wanted - 1) / wanted;
  each = (each + warps - 1) / warps * warps;
  if (each > most_rows_per_block) each = most_rows_per_block;
  return {blocks_for(rows, each), int(each)};
}

}  // namespace

cudaError_t activate(Type type, Activation activation, const void* z, void* y, int64_t rows, int64_t cols,
                     cudaStream_t stream) {
  if (rows == 0 || cols == 0) return cudaSuccess;
  constexpr int64_t most_blocks = 132 * 16, most_narrow = 1024;
  return visit_type(type, [&](auto number) {
    using Number = decltype(number);
    const auto* from = static_cast<const Number*>(z);
    auto* to = static_cast<Number*>(y);
    if (is_rowwise(activation)) {
      const bool wide = cols > most_narrow;
      const auto kernel = wide ? activate_rows<Number, true> : activate_rows<Number, false>;
      const int64_t blocks = wide ? rows : blocks_for(rows, warps);
      return launch(kernel, unsigned(blocks < most_blocks ? blocks : most_blocks), threads, 0, stream, activation, from,
                    to, rows, cols);
    }
    const int64_t count = rows * cols;
    const int64_t blocks = blocks_for(count, threads * numbers_per_load<Number>);
    return launch(activate_numbers<Number>, unsigned(blocks < most_blocks ? blocks : most_blocks), threads, 0, stream,
                  activation, from, to, count, is_aligned(z) && is_aligned(y));
  });
}

int64_t gradient_workspace(Type type, Activation activation, int64_t rows, int64_t cols) {
  const int64_t size = type == Type::float64 ? sizeof(double) : sizeof(float);
  return rows == 0 || cols == 0 ? 0 : cut_for(activation, rows, cols).down * cols * size;
}

cudaError_t gradient(Type type, Activation activation, const void* g, const void* saved, void* gz, void* column_sum,
                     void* workspace, int64_t rows, int64_t cols, cudaStream_t stream) {
  if (cols == 0) return cudaSuccess;
  return visit_type(type, [&](auto number) -> cudaError_t {
    using Number = decltype(number);
    using Real = RealOf<Number>;
    if (rows == 0) return column_sum ? cudaMemsetAsync(column_sum, 0, cols * sizeof(Number), stream) : cudaSuccess;
    const Cut cut = cut_for(activation, rows, cols);
    auto* sums = column_sum && cut.down > 1 ? static_cast<Real*>(workspace) : nullptr;
    auto* result = static_cast<Number*>(column_sum);
    constexpr int width = numbers_per_load<Number>;
    const bool aligned = cols % width == 0 && is_aligned(g) && is_aligned(saved) && is_aligned(gz);
    constexpr unsigned int most_across = 65535;
    const unsigned int tiles = is_rowwise(activation) ? 1 : blocks_for(cols, warp * width);
    const cudaError_t status =
        launch(gradient_numbers<Number>, dim3(cut.down, tiles < most_across ? tiles : most_across), threads, 0, stream, activation, static_cast<const Number*>(g),
               static_cast<const Number*>(saved), static_cast<Number*>(gz), sums, sums ? nullptr : result, rows, cols,
               cut.rows_per_block, aligned);
    if (status != cudaSuccess || !sums) return status;
    return launch(add_blocks<Number>, blocks_for(cols, warp), threads, 0, stream, static_cast<const Real*>(sums),
                  result, int(cut.down), cols);
  });
}

}  // namespace nnplay::cuda

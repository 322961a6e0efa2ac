// Small layers, forward and backward in one kernel each: what a launch costs is more than what they calculate.
#include "launch.h"
#include "layer_kernels.h"

namespace nnplay::cuda {
namespace {

constexpr int threads = 256, backward_threads = 512;
// With these a block's memory stays below the 48 KiB that every device has, also in float64.
constexpr int64_t most_weights = 4096, most_width = 1024, most_outputs = 2048, most_work = 1 << 17;
constexpr int outputs_per_block = 256;

template <class Number>
struct Matrix {
  const Number* at;
  int64_t row, col;
  __device__ RealOf<Number> operator()(int i, int j) const { return to_real(at[i * row + j * col]); }
};

template <class Number>
struct Layer {
  Activation activation;
  int rows, inputs, outputs;
  Matrix<Number> input, weight, bias;  // bias.at may be null
};

// a (0) b (0) + a (1) b (1) + ..., in parts of 64, which keeps rounding errors small.
template <class Real, class A, class B>
__device__ Real dot(int n, A a, B b) {
  constexpr int part = 64;
  Real sum(0);
  for (int begin = 0; begin < n; begin += part) {
    const int end = begin + part < n ? begin + part : n;
    Real some(0);
    for (int k = begin; k < end; ++k) some = some + a(k) * b(k);
    sum = sum + some;
  }
  return sum;
}

// A block has `block_rows` rows. Its memory: weight (outputs, pitch), z (block_rows, outputs); the pitch is odd, so
// that neighbours in a column lie in different banks.
template <class Number>
__global__ void __launch_bounds__(threads, 4) forward(Layer<Number> layer, Number* y, Number* z, int block_rows) {
  using Real = RealOf<Number>;
  const int inputs = layer.inputs, outputs = layer.outputs, pitch = inputs | 1;
  Real* weight = reinterpret_cast<Real*>(shared_memory());
  Real* before = weight + outputs * pitch;
  const int first = blockIdx.x * block_rows;
  const int rows = layer.rows - first < block_rows ? layer.rows - first : block_rows;
  for (int k = threadIdx.x; k < outputs * inputs; k += threads)
    weight[k / inputs * pitch + k % inputs] = layer.weight(k / inputs, k % inputs);
  __syncthreads();
  const int64_t begin = int64_t(first) * outputs;
  for (int k = threadIdx.x; k < rows * outputs; k += threads) {
    const int r = k / outputs, o = k % outputs;
    Real sum = dot<Real>(
        inputs, [&](int i) { return layer.input(first + r, i); }, [&](int i) { return weight[o * pitch + i]; });
    if (layer.bias.at) sum = sum + layer.bias(o, 0);
    if (z) put(z[begin + k], sum);
    visit(layer.activation, [&](auto act) {
      using Act = decltype(act);
      if constexpr (Act::rowwise) {
        before[k] = sum;
      } else {
        put(y[begin + k], Act::f(sum));
      }
    });
  }
  __syncthreads();
  visit(layer.activation, [&](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      for (int r = threadIdx.x; r < rows; r += threads) {
        const Real* row = before + r * outputs;
        Real greatest = row[0];
        for (int o = 1; o < outputs; ++o) greatest = row[o] > greatest ? row[o] : greatest;
        Real total(0);
        for (int o = 0; o < outputs; ++o) total = total + exp(row[o] - greatest);
        const Real normalizer = Act::normalizer(total);
        for (int o = 0; o < outputs; ++o) {
          const Real d = row[o] - greatest;
          put(y[begin + r * outputs + o], Act::f(Act::keep(d, exp(d)), normalizer));
        }
      }
    }
  });
}

// One block does it all: gz (rows, pitch) in its memory, then the two products and the sum.
template <class Number>
__global__ void __launch_bounds__(backward_threads) backward(Layer<Number> layer, const Number* g, const Number* saved,
                                                             Number* by_input, Number* by_weight, Number* by_bias) {
  using Real = RealOf<Number>;
  const int rows = layer.rows, inputs = layer.inputs, outputs = layer.outputs, pitch = outputs | 1;
  Real* gz = reinterpret_cast<Real*>(shared_memory());
  visit(layer.activation, [&](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      for (int r = threadIdx.x; r < rows; r += backward_threads) {
        const int at = r * outputs;
        Real sum(0);
        for (int o = 0; o < outputs; ++o) sum = sum + Act::part(to_real(g[at + o]), to_real(saved[at + o]));
        for (int o = 0; o < outputs; ++o)
          gz[r * pitch + o] = Act::gradient(to_real(g[at + o]), to_real(saved[at + o]), sum);
      }
    } else {
      for (int k = threadIdx.x; k < rows * outputs; k += backward_threads) {
        const Real kept = Act::saves == Saves::nothing ? Real(0) : to_real(saved[k]);
        gz[k / outputs * pitch + k % outputs] = Act::gradient(to_real(g[k]), kept);
      }
    }
  });
  __syncthreads();
  if (by_input)
    for (int k = threadIdx.x; k < rows * inputs; k += backward_threads) {
      const int r = k / inputs, i = k % inputs;
      put(by_input[k], dot<Real>(
                           outputs, [&](int o) { return gz[r * pitch + o]; }, [&](int o) { return layer.weight(o, i); }));
    }
  if (by_weight)
    for (int k = threadIdx.x; k < outputs * inputs; k += backward_threads) {
      const int o = k / inputs, i = k % inputs;
      put(by_weight[k], dot<Real>(
                            rows, [&](int r) { return gz[r * pitch + o]; }, [&](int r) { return layer.input(r, i); }));
    }
  if (by_bias)
    for (int o = threadIdx.x; o < outputs; o += backward_threads)
      put(by_bias[o], dot<Real>(
                          rows, [&](int r) { return gz[r * pitch + o]; }, [](int) { return Real(1); }));
}

template <class Number>
Layer<Number> layer_of(const SmallLayer& layer) {
  const auto matrix = [](const View& view) {
    return Matrix<Number>{static_cast<const Number*>(view.at), view.row, view.col};
  };
  return {layer.activation, layer.rows, layer.inputs, layer.outputs, matrix(layer.input), matrix(layer.weight),
          matrix(layer.bias)};
}

}  // namespace

bool is_small(int64_t rows, int64_t inputs, int64_t outputs) {
  return rows > 0 && inputs > 0 && outputs > 0 && rows <= most_outputs && inputs <= most_weights &&
         outputs <= most_width && inputs * outputs <= most_weights && rows * outputs <= most_outputs &&
         rows * inputs * outputs <= most_work;
}

cudaError_t small_forward(const SmallLayer& layer, void* y, void* z, cudaStream_t stream) {
  return visit_type(layer.type, [&](auto number) {
    using Number = decltype(number);
    const int fit = outputs_per_block / layer.outputs, rows = fit < 1 ? 1 : fit < layer.rows ? fit : layer.rows;
    const int numbers = layer.outputs * (layer.inputs | 1) + rows * layer.outputs;
    return launch(forward<Number>, blocks_for(layer.rows, rows), threads, numbers * sizeof(RealOf<Number>), stream,
                  layer_of<Number>(layer), static_cast<Number*>(y), static_cast<Number*>(z), rows);
  });
}

cudaError_t small_backward(const SmallLayer& layer, const void* g, const void* saved, void* by_input, void* by_weight,
                           void* by_bias, cudaStream_t stream) {
  return visit_type(layer.type, [&](auto number) {
    using Number = decltype(number);
    const size_t shared = size_t(layer.rows) * (layer.outputs | 1) * sizeof(RealOf<Number>);
    return launch(backward<Number>, 1, backward_threads, shared, stream, layer_of<Number>(layer),
                  static_cast<const Number*>(g), static_cast<const Number*>(saved), static_cast<Number*>(by_input),
                  static_cast<Number*>(by_weight), static_cast<Number*>(by_bias));
  });
}

}  // namespace nnplay::cuda

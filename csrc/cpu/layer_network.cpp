#include "layer_network.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "parallel.h"
#include "trained_network.h"

namespace nnplay::cpu {
namespace {

constexpr int64_t share = 1 << 19;     // multiplications that are worth a thread
constexpr int64_t row_block = 32;      // rows whose gradients are summed at once
constexpr int64_t long_step = 1 << 27;   // multiplications of a step, from which on it may be given up: some 5 ms
constexpr int64_t at_once = 1 << 25;     // multiplications between two looks at whether it is: some 1 ms

// Up to here a small network's loops are faster than matrix products (measured on Iris-like shapes).
constexpr int64_t most_small_work = 4096, most_small_rows = 32;

int64_t grain_for(int64_t limit, int64_t each) { return std::max<int64_t>(1, limit / std::max<int64_t>(each, 1)); }

}  // namespace

bool is_small(const Shape& shape, int64_t batch_size) {
  int64_t work = 0;
  for (int l = 0; l < shape.layers; ++l) {
    const auto [in, out, activation] = shape.layer[l];
    const bool by_row = visit(activation, [](auto act) { return decltype(act)::rowwise; });
    if (by_row && l + 1 < shape.layers) return false;
    work += in * out;
  }
  return work <= most_small_work && batch_size <= most_small_rows;
}

template <class Real>
LayerNetwork<Real>::LayerNetwork(const Shape& shape, int64_t parameters)
    : p(parameters), m(parameters), v(parameters), shape(shape), weight(shape.layers + 1), y(shape.layers + 1),
      z(shape.layers), grad(parameters) {
  for (int l = 0; l < shape.layers; ++l)
    weight[l + 1] = weight[l] + shape.layer[l].out * (shape.layer[l].in + (shape.bias ? 1 : 0));
}

template <class Real>
void LayerNetwork<Real>::make_room(int64_t most_rows) {
  int64_t widest = 0;
  y[0].resize(most_rows * shape.layer[0].in);
  for (int l = 0; l < shape.layers; ++l) {
    const Layer& layer = shape.layer[l];
    y[l + 1].resize(most_rows * layer.out);
    const bool by_z = visit(layer.activation, [](auto act) { return decltype(act)::saves == Saves::preactivation; });
    if (by_z) z[l].resize(most_rows * layer.out);
    widest = std::max({widest, layer.in, layer.out});
  }
  g.resize(most_rows * widest);
  below.resize(most_rows * widest);
  turned.resize(most_rows * widest);
  target.resize(most_rows * (shape.loss == Loss::mse ? shape.layer[shape.layers - 1].out : 1));
  sums.resize((most_rows + row_block - 1) / row_block * 2 * widest);
}

// c := a b, in blocks of whole panels of columns, or of rows.
template <class Real>
void LayerNetwork<Real>::multiply(const Product<Real>& p) const {
  constexpr int64_t unit = 32;
  const bool by_columns = p.n >= p.m;
  const int64_t size = by_columns ? p.n : p.m, each = p.m * p.n * p.k / size * unit;
  const int64_t some = stop ? grain_for(at_once, each) * unit : size;
  parallel_for((size + unit - 1) / unit, grain_for(share, each), [&](int64_t first, int64_t last) {
    const int64_t end = std::min(last * unit, size);
    for (int64_t begin = first * unit; begin < end && !stopped(); begin += some) {
      Product<Real> part = p;
      const int64_t count = std::min(some, end - begin);
      if (by_columns) {
        part.b += begin * p.b_col, part.c += begin, part.n = count;
      } else {
        part.a += begin * p.a_row, part.c += begin * p.c_row, part.m = count;
      }
      kernels<Real>().matmul(part);
    }
  });
}

template <class Real>
void LayerNetwork<Real>::gather(const Table<Real>& table, const uint32_t* order, int64_t rows) {
  parallel_for(rows, grain_for(pass_grain, table.inputs), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      std::copy_n(table.x + order[r] * table.inputs, table.inputs, y[0].data() + r * table.inputs);
      std::copy_n(table.y + order[r] * table.targets, table.targets, target.data() + r * table.targets);
    }
  });
}

template <class Real>
void LayerNetwork<Real>::forward_all(int64_t rows) {
  for (int l = 0; l < shape.layers && !stopped(); ++l) {
    const auto [in, out, activation] = shape.layer[l];
    const Real* w = p.data() + weight[l];
    const Real* bias = shape.bias ? w + out * in : nullptr;
    Real *to = y[l + 1].data(), *before = z[l].empty() ? to : z[l].data();
    multiply(Product<Real>{y[l].data(), in, 1, w, 1, in, before, out, rows, out, in});
    parallel_for(rows, grain_for(pass_grain, out), [&, out = out, activation = activation](int64_t begin, int64_t end) {
      kernels<Real>().activate(activation, before + begin * out, bias, to + begin * out, end - begin, out);
    });
  }
}

template <class Real>
const Real* LayerNetwork<Real>::forward(const Real* x, int64_t rows) {
  std::copy_n(x, rows * shape.layer[0].in, y[0].data());
  forward_all(rows);
  return y[shape.layers].data();
}

template <class Real>
double LayerNetwork<Real>::loss(const Real* target, int64_t rows, double& right) {
  return mlp_kernels<Real>().loss(shape.loss, y[shape.layers].data(), target, g.data(), rows,
                                  int(shape.layer[shape.layers - 1].out), right);
}

// finish(first, count) for every stretch of parameters whose gradient is ready in `grad`.
template <class Real>
template <class Finish>
void LayerNetwork<Real>::backward(int64_t rows, Finish finish) {
  for (int l = shape.layers - 1; l >= 0 && !stopped(); --l) {
    const auto [in, out, activation] = shape.layer[l];
    const Real* w = p.data() + weight[l];
    const int64_t blocks = (rows + row_block - 1) / row_block;
    const Real* saved = z[l].empty() ? y[l + 1].data() : z[l].data();
    std::fill_n(sums.data(), blocks * 2 * out, Real(0));
    parallel_for(blocks, grain_for(pass_grain, row_block * out),
                 [&, out = out, activation = activation](int64_t begin, int64_t end) {
                   for (int64_t b = begin; b < end; ++b) {
                     Real* part = g.data() + b * row_block * out;
                     kernels<Real>().gradient(activation, part, saved + b * row_block * out, part,
                                              sums.data() + b * 2 * out, std::min(row_block, rows - b * row_block), out);
                   }
                 });
    if (l > 0) multiply(Product<Real>{g.data(), out, 1, w, in, 1, below.data(), in, rows, in, out});
    constexpr int64_t unit = 16;
    const int64_t each = rows * in * unit, some = stop ? grain_for(at_once, each) * unit : out;
    parallel_for((out + unit - 1) / unit, grain_for(share, each),
                 [&, in = in, out = out](int64_t from, int64_t to) {
                   const int64_t last = std::min(to * unit, out);
                   for (int64_t begin = from * unit; begin < last && !stopped(); begin += some) {
                     const int64_t count = std::min(some, last - begin), first = weight[l] + begin * in;
                     Real* columns = turned.data() + begin * rows;
                     kernels<Real>().transpose(g.data() + begin, out, columns, rows, rows, count);
                     kernels<Real>().matmul(
                         Product<Real>{columns, rows, 1, y[l].data(), in, 1, grad.data() + first, in, count, in, rows});
                     finish(first, count * in);
                   }
                 });
    if (shape.bias) {
      Real* by_bias = grad.data() + weight[l] + out * in;
      for (int64_t o = 0; o < out; ++o) {
        double sum = 0;  // of each block's sum, and what rounded away from it
        for (int64_t b = 0; b < 2 * blocks; ++b) sum += double(sums[b * out + o]);
        by_bias[o] = Real(sum);
      }
      finish(weight[l] + out * in, out);
    }
    std::swap(g, below);
  }
}

template <class Real>
int64_t LayerNetwork<Real>::train(const Steps<Real>& steps, StepCounter& counter, const std::atomic<bool>& interrupt) {
  stop = steps.batch_size * 3 * int64_t(p.size()) >= long_step ? &interrupt : nullptr;
  int64_t taken = 0;
  for (int64_t begin = 0; begin < steps.rows; begin += steps.batch_size, ++taken)
    if (!step(steps, begin, counter)) break;
  stop = nullptr;
  return taken;
}

// One update by the batch that begins there. False, and none, if its loss is not finite, or if it was given up.
template <class Real>
bool LayerNetwork<Real>::step(const Steps<Real>& steps, int64_t begin, StepCounter& counter) {
  const int64_t size = std::min(steps.batch_size, steps.rows - begin);
  gather(steps.table, steps.order + begin, size);
  forward_all(size);
  if (stopped()) return false;
  double right = 0;
  const double mean = loss(target.data(), size, right);
  if (!std::isfinite(mean)) {
    steps.sums->bad = mean;
    return false;
  }
  const Rule& rule = steps.rule;
  StepCounter counted = counter;
  const auto numbers = step_numbers(rule, counted.next(), Real(rule.lr), Real(rule.weight_decay));
  const auto update = [&](int64_t first, int64_t count) {
    mlp_kernels<Real>().update(rule, numbers, grad.data() + first, p.data() + first, m.data() + first,
                               v.data() + first, count);
  };
  if (stop) {  // what may be given up keeps its updates for the end
    backward(size, [](int64_t, int64_t) {});
    if (stopped()) return false;
    parallel_for(int64_t(p.size()), pass_grain, [&](int64_t first, int64_t last) { update(first, last - first); });
  } else {
    backward(size, update);
  }
  counter = counted;
  steps.sums->loss += mean * double(steps.weighted ? size : 1);
  steps.sums->right += right;
  steps.sums->rows += size;
  return true;
}

template <class Real>
const Real* LayerNetwork<Real>::gradient(const Table<Real>& table, const uint32_t* order, int64_t rows) {
  gather(table, order, rows);
  forward_all(rows);
  double right = 0;
  loss(target.data(), rows, right);
  backward(rows, [](int64_t, int64_t) {});
  return grad.data();
}

template class LayerNetwork<float>;
template class LayerNetwork<double>;

}  // namespace nnplay::cpu

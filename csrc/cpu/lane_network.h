// A network per lane: the same step for many networks of one shape at once.
//
// Written over any lane type: a register of floats trains as many networks as it has elements; double is the
// reference. Arrays of lanes are named with their shape, "y (rows, out)". Sums run in one order, whatever the
// number of networks, so that a network comes out the same in any company.
#pragma once

#include "../loss.h"
#include "../optimizer.h"
#include "../shape.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

// y (n) := activation of z (n), one row.
template <class Lane>
inline void activate_row(Activation activation, const Lane* z, Lane* y, int64_t n) {
  visit(activation, [=](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      Lane greatest = z[0];
      for (int64_t j = 1; j < n; ++j) greatest = select(greatest < z[j], z[j], greatest);
      Lane total(0);
      for (int64_t j = 0; j < n; ++j) {
        const Lane d = z[j] - greatest, e = exp(d);
        total = total + e;
        y[j] = Act::keep(d, e);
      }
      const Lane normalizer = Act::normalizer(total);
      for (int64_t j = 0; j < n; ++j) y[j] = Act::f(y[j], normalizer);
    } else {
      for (int64_t j = 0; j < n; ++j) y[j] = Act::f(z[j]);
    }
  });
}

// g (n) := g times the activation's derivative, from what the forward saved.
template <class Lane>
inline void gradient_row(Activation activation, Lane* g, const Lane* saved, int64_t n) {
  visit(activation, [=](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      Lane sum(0);
      for (int64_t j = 0; j < n; ++j) sum = sum + Act::part(g[j], saved[j]);
      for (int64_t j = 0; j < n; ++j) g[j] = Act::gradient(g[j], saved[j], sum);
    } else if constexpr (Act::saves == Saves::nothing) {
      for (int64_t j = 0; j < n; ++j) g[j] = Act::gradient(g[j], Lane(0));
    } else {
      for (int64_t j = 0; j < n; ++j) g[j] = Act::gradient(g[j], saved[j]);
    }
  });
}

// A matrix of lanes; element (i, k) lies at i * row + k * step.
template <class Lane>
struct Matrix {
  const Lane* at;
  int64_t row, step;
};

// sum[r][j] = a (r, k) b (j, k) summed over k < n, by chunks, which keeps rounding errors small.
template <int R, int J, class Lane>
inline void multiply(Matrix<Lane> a, Matrix<Lane> b, int64_t n, Lane (&sum)[R][J]) {
  constexpr int64_t chunk = 64;
  for (int64_t begin = 0; begin < n; begin += chunk) {
    const int64_t end = begin + chunk < n ? begin + chunk : n;
    Lane part[R][J];
    UNROLL for (int r = 0; r < R; ++r) UNROLL for (int j = 0; j < J; ++j)
      part[r][j] = a.at[r * a.row + begin * a.step] * b.at[j * b.row + begin * b.step];
    for (int64_t k = begin + 1; k < end; ++k)
      UNROLL for (int j = 0; j < J; ++j) {
        const Lane right = b.at[j * b.row + k * b.step];
        UNROLL for (int r = 0; r < R; ++r) part[r][j] = part[r][j] + a.at[r * a.row + k * a.step] * right;
      }
    UNROLL for (int r = 0; r < R; ++r) UNROLL for (int j = 0; j < J; ++j)
      sum[r][j] = begin == 0 ? part[r][j] : sum[r][j] + part[r][j];
  }
}

// finish(i, j, sum) for every element of a (rows, n) b (cols, n)^T, tile by tile.
template <int R, int J, class Lane, class Finish>
inline void tile_products(Matrix<Lane> a, Matrix<Lane> b, int64_t i, int64_t j, int64_t n, Finish& finish) {
  Lane sum[R][J] = {};
  multiply({a.at + i * a.row, a.row, a.step}, {b.at + j * b.row, b.row, b.step}, n, sum);
  UNROLL for (int r = 0; r < R; ++r) UNROLL for (int c = 0; c < J; ++c) finish(i + r, j + c, sum[r][c]);
}

template <class Lane, class Finish>
inline void for_products(Matrix<Lane> a, Matrix<Lane> b, int64_t rows, int64_t cols, int64_t n, Finish finish) {
  int64_t i = 0;
  for (; i + 2 <= rows; i += 2) {
    int64_t j = 0;
    for (; j + 4 <= cols; j += 4) tile_products<2, 4>(a, b, i, j, n, finish);
    for (; j < cols; ++j) tile_products<2, 1>(a, b, i, j, n, finish);
  }
  for (; i < rows; ++i) {
    int64_t j = 0;
    for (; j + 4 <= cols; j += 4) tile_products<1, 4>(a, b, i, j, n, finish);
    for (; j < cols; ++j) tile_products<1, 1>(a, b, i, j, n, finish);
  }
}

template <class Lane>
struct LaneNetwork {
  const Shape& shape;
  Lane *p, *m, *v;           // (parameters): values, and the optimizer's two memories
  Lane* y[most_layers + 1];  // y[l] (rows, in of layer l): what it is given; y[layers]: what the last gives
  Lane* z[most_layers];      // pre-activations, where the derivative needs them; else y[l + 1]
  Lane* g;                   // (rows, widest): gradient by the present layer's output, then by its z
  Lane* below;               // (rows, widest): gradient by its input
  Lane* target;              // (rows, targets)

  void forward(int64_t rows) {
    const Lane* weight = p;
    for (int l = 0; l < shape.layers; ++l) {
      const auto [in, out, activation] = shape.layer[l];
      const Lane* bias = weight + out * in;
      Lane* to = z[l];
      const bool has_bias = shape.bias;
      for_products(Matrix<Lane>{y[l], in, 1}, Matrix<Lane>{weight, in, 1}, rows, out, in,
                   [=, out = out](int64_t r, int64_t o, Lane sum) { to[r * out + o] = has_bias ? sum + bias[o] : sum; });
      for (int64_t r = 0; r < rows; ++r) activate_row(activation, to + r * out, y[l + 1] + r * out, out);
      weight = bias + (has_bias ? out : 0);
    }
  }

  // The mean loss of the rows; g becomes its gradient by the network's output, `right` counts right answers.
  Lane loss(int64_t rows, Lane& right) {
    const int n = int(shape.layer[shape.layers - 1].out);
    const Lane *out = y[shape.layers], share(1.0 / double(rows));
    Lane total(0);
    right = Lane(0);
    for (int64_t r = 0; r < rows; ++r, out += n) {
      if (shape.loss == Loss::mse) {
        total = total + mse(out, n, target + r * n, share, g + r * n);
      } else {
        total = total + cross_entropy(out, n, target[r], share, g + r * n);
        right = right + is_right(out, n, target[r]);
      }
    }
    return total * share;
  }

  // After forward and loss: gradients, and at once the update of every parameter by its own.
  template <class Update>
  void backward(int64_t rows, int64_t parameters, const StepNumbers<Lane>& numbers, Update rule) {
    int64_t end = parameters;
    for (int l = shape.layers - 1; l >= 0; --l) {
      const auto [in, out, activation] = shape.layer[l];
      const int64_t bias = end - (shape.bias ? out : 0), weight = bias - out * in;
      const bool by_z = z[l] != y[l + 1];
      for (int64_t r = 0; r < rows; ++r) gradient_row(activation, g + r * out, (by_z ? z[l] : y[l + 1]) + r * out, out);
      if (l > 0)
        for_products(Matrix<Lane>{g, out, 1}, Matrix<Lane>{p + weight, 1, in}, rows, in, out,
                     [=, to = below, in = in](int64_t r, int64_t i, Lane sum) { to[r * in + i] = sum; });
      for_products(Matrix<Lane>{g, 1, out}, Matrix<Lane>{y[l], 1, in}, out, in, rows,
                   [&, in = in](int64_t o, int64_t i, Lane sum) {
                     const int64_t at = weight + o * in + i;
                     rule.update(numbers, sum, p[at], m[at], v[at]);
                   });
      for (int64_t o = 0; o < end - bias; ++o) {
        Lane sum = g[o];
        for (int64_t r = 1; r < rows; ++r) sum = sum + g[r * out + o];
        rule.update(numbers, sum, p[bias + o], m[bias + o], v[bias + o]);
      }
      Lane* kept = g;
      g = below;
      below = kept;
      end = weight;
    }
  }
};

}  // namespace NNPLAY_ISA
}  // namespace nnplay

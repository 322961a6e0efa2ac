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
template <class Act, class Lane>
inline void activate_row(const Lane* z, Lane* y, int64_t n) {
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
}

// g (n) := g times the activation's derivative, from what the forward saved.
template <class Act, class Lane>
inline void gradient_row(Lane* g, const Lane* saved, int64_t n) {
  if constexpr (Act::rowwise) {
    Lane sum(0);
    for (int64_t j = 0; j < n; ++j) sum = sum + Act::part(g[j], saved[j]);
    for (int64_t j = 0; j < n; ++j) g[j] = Act::gradient(g[j], saved[j], sum);
  } else {
    for (int64_t j = 0; j < n; ++j) g[j] = Act::gradient(g[j], Act::saves == Saves::nothing ? Lane(0) : saved[j]);
  }
}

// A matrix of lanes; element (i, k) lies at i * row + k * step.
template <class Lane>
struct Matrix {
  const Lane* at;
  int64_t row, step;
};

// sum[r][j] = a (r, k) b (j, k) summed over k < n, by chunks, which keeps rounding errors small.
template <int R, int J, class Lane>
[[gnu::always_inline]] inline void multiply(Matrix<Lane> a, Matrix<Lane> b, int64_t n, Lane (&sum)[R][J]) {
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
[[gnu::always_inline]] inline void tile_products(Matrix<Lane> a, Matrix<Lane> b, int64_t i, int64_t j, int64_t n, Finish& finish) {
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
      const Lane *bias = shape.bias ? weight + out * in : nullptr, *at = weight;
      const auto products = [&, in = in, out = out](auto finish) {
        for_products(Matrix<Lane>{y[l], in, 1}, Matrix<Lane>{at, in, 1}, rows, out, in,
                     [=](int64_t r, int64_t o, Lane sum) { finish(r * out + o, bias ? sum + bias[o] : sum); });
      };
      visit(activation, [&, out = out, before = z[l], after = y[l + 1]](auto act) {
        using Act = decltype(act);
        if constexpr (Act::rowwise) {
          products([=](int64_t k, Lane sum) { before[k] = sum; });
          for (int64_t r = 0; r < rows; ++r) activate_row<Act>(before + r * out, after + r * out, out);
        } else {
          products([=](int64_t k, Lane sum) {
            if (Act::saves == Saves::preactivation) before[k] = sum;
            after[k] = Act::f(sum);
          });
        }
      });
      weight += out * (in + (bias ? 1 : 0));
    }
  }

  // The mean loss of the rows; g becomes `scale` times its gradient by the network's output, `right` counts right
  // answers.
  Lane loss(int64_t rows, Lane scale, Lane& right) {
    const int n = int(shape.layer[shape.layers - 1].out);
    const Lane *out = y[shape.layers], share(1.0 / double(rows)), part = scale * share;
    Lane total(0);
    right = Lane(0);
    for (int64_t r = 0; r < rows; ++r, out += n) {
      if (shape.loss == Loss::mse) {
        total = total + mse(out, n, target + r * n, part, g + r * n);
      } else {
        total = total + cross_entropy(out, n, target[r], part, g + r * n);
        right = right + is_right(out, n, target[r]);
      }
    }
    return total * share;
  }

  // After forward and loss: gradients, and at once the update of every parameter by its own.
  template <class Update>
  void backward(int64_t rows, int64_t parameters, StepNumbers<Lane> numbers, Update rule) {
    // By copies: the compiler cannot know that the numbers and the three arrays are apart.
    const auto update = [=, p = p, m = m, v = v](int64_t at, Lane gradient) {
      Lane value = p[at], memory = m[at], square = v[at];
      rule.update(numbers, gradient, value, memory, square);
      p[at] = value, m[at] = memory, v[at] = square;
    };
    int64_t end = parameters;
    for (int l = shape.layers - 1; l >= 0; --l) {
      const auto [in, out, activation] = shape.layer[l];
      const int64_t bias = end - (shape.bias ? out : 0), weight = bias - out * in;
      by_activation(l, rows);
      if (l > 0)
        for_products(Matrix<Lane>{g, out, 1}, Matrix<Lane>{p + weight, 1, in}, rows, in, out,
                     [=, to = below, in = in](int64_t r, int64_t i, Lane sum) { to[r * in + i] = sum; });
      for_products(Matrix<Lane>{g, 1, out}, Matrix<Lane>{y[l], 1, in}, out, in, rows,
                   [=, in = in](int64_t o, int64_t i, Lane sum) { update(weight + o * in + i, sum); });
      for (int64_t o = 0; o < end - bias; ++o) {
        Lane sum = g[o];
        for (int64_t r = 1; r < rows; ++r) sum = sum + g[r * out + o];
        update(bias + o, sum);
      }
      Lane* kept = g;
      g = below;
      below = kept;
      end = weight;
    }
  }

 private:
  // g: from the gradient by layer l's output to that by its pre-activation.
  void by_activation(int l, int64_t rows) {
    const auto [in, out, activation] = shape.layer[l];
    visit(activation, [&, out = out](auto act) {
      using Act = decltype(act);
      const Lane* saved = Act::saves == Saves::preactivation ? z[l] : y[l + 1];
      if constexpr (Act::rowwise)
        for (int64_t r = 0; r < rows; ++r) gradient_row<Act>(g + r * out, saved + r * out, out);
      else
        gradient_row<Act>(g, saved, rows * out);
    });
  }
};

}  // namespace NNPLAY_ISA
}  // namespace nnplay

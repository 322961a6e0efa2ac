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
template <int R, int J, class Lane, class Count>
[[gnu::always_inline]] inline void multiply(Matrix<Lane> a, Matrix<Lane> b, Count n, Lane (&sum)[R][J]) {
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
template <int R, int J, class Lane, class Count, class Finish>
[[gnu::always_inline]] inline void tile_products(Matrix<Lane> a, Matrix<Lane> b, int64_t i, int64_t j, Count n,
                                                 Finish& finish) {
  Lane sum[R][J] = {};
  multiply({a.at + i * a.row, a.row, a.step}, {b.at + j * b.row, b.row, b.step}, n, sum);
  UNROLL for (int r = 0; r < R; ++r) UNROLL for (int c = 0; c < J; ++c) finish(i + r, j + c, sum[r][c]);
}

template <int R, class Lane, class Count, class Finish>
inline void row_products(Matrix<Lane> a, Matrix<Lane> b, int64_t i, int64_t cols, Count n, Finish& finish) {
  int64_t j = 0;
  for (; j + 4 <= cols; j += 4) tile_products<R, 4>(a, b, i, j, n, finish);
  if (cols - j == 3) tile_products<R, 3>(a, b, i, j, n, finish);
  if (cols - j == 2) tile_products<R, 2>(a, b, i, j, n, finish);
  if (cols - j == 1) tile_products<R, 1>(a, b, i, j, n, finish);
}

template <class Lane, class Rows, class Count, class Finish>
inline void for_products(Matrix<Lane> a, Matrix<Lane> b, Rows rows, int64_t cols, Count n, Finish finish) {
  int64_t i = 0;
  for (; i + 2 <= rows; i += 2) row_products<2>(a, b, i, cols, n, finish);
  for (; i < rows; ++i) row_products<1>(a, b, i, cols, n, finish);
}

// A parameter and the optimizer's two memories of it: side by side, as an update needs them.
template <class Lane>
struct Parameter {
  Lane p, m, v;
};

template <class Lane>
struct LaneNetwork {
  const Shape& shape;
  Parameter<Lane>* parameter;  // (parameters)
  Lane* batch;                 // (rows, pitch): inputs, then targets
  int64_t pitch;
  Lane* y[most_layers + 1];  // y[l] (rows, in of layer l): what it is given, from layer 1 on; y[layers]: what comes out
  Lane* z[most_layers];      // pre-activations, where the derivative needs them; else y[l + 1]
  Lane* g;                   // (rows, widest): gradient by the present layer's z
  Lane* below;               // (rows, widest): gradient by the z of the layer below

  template <class Rows>
  void forward(Rows rows) {
    const Parameter<Lane>* weight = parameter;
    for (int l = 0; l < shape.layers; ++l) {
      const auto [in, out, activation] = shape.layer[l];
      const Parameter<Lane>* bias = shape.bias ? weight + out * in : nullptr;
      const auto products = [&, in = in, out = out](auto finish) {
        for_products(input(l), values(weight, in), rows, out, in,
                     [=](int64_t r, int64_t o, Lane sum) { finish(r * out + o, bias ? sum + bias[o].p : sum); });
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

  // The mean loss of the rows; g becomes `scale` times its gradient by the last z, `right` counts right answers.
  template <class Rows>
  Lane loss(Rows rows, Lane scale, Lane& right) {
    const int last = shape.layers - 1, n = int(shape.layer[last].out);
    const Lane share(1.0 / double(rows)), part = scale * share;
    const Lane *out = y[last + 1], *target = batch + shape.layer[0].in;
    Lane total(0);
    right = Lane(0);
    for (int64_t r = 0; r < rows; ++r, out += n, target += pitch) {
      if (shape.loss == Loss::mse) {
        total = total + mse(out, n, target, part, g + r * n);
      } else {
        total = total + cross_entropy(out, n, *target, part, g + r * n);
        right = right + is_right(out, n, *target);
      }
    }
    by_activation(last, [&](auto act, const Lane* saved) {
      using Act = decltype(act);
      for (int64_t r = 0; r < rows; ++r) gradient_row<Act>(g + r * n, saved + r * n, n);
    });
    return total * share;
  }

  // After forward and loss: gradients, and at once the update of every parameter by its own.
  template <class Rows, class Update>
  void backward(Rows rows, int64_t parameters, StepNumbers<Lane> numbers, Update rule) {
    // By copies: the compiler cannot know that the numbers and the parameters are apart.
    const auto update = [=](Parameter<Lane>& parameter, Lane gradient) {
      Parameter<Lane> now = parameter;
      rule.update(numbers, gradient, now.p, now.m, now.v);
      parameter = now;
    };
    Parameter<Lane>* end = parameter + parameters;
    for (int l = shape.layers - 1; l >= 0; --l) {
      const auto [in, out, activation] = shape.layer[l];
      Parameter<Lane>*const bias = end - (shape.bias ? out : 0), *const weight = bias - out * in;
      if (l > 0) gradient_below(l, rows, weight);
      for_products(Matrix<Lane>{g, 1, out}, turned(input(l)), out, in, rows,
                   [=, in = in](int64_t o, int64_t i, Lane sum) { update(weight[o * in + i], sum); });
      for (int64_t o = 0; o < end - bias; ++o) {
        Lane sum = g[o];
        for (int64_t r = 1; r < rows; ++r) sum = sum + g[r * out + o];
        update(bias[o], sum);
      }
      Lane* kept = g;
      g = below;
      below = kept;
      end = weight;
    }
  }

 private:
  static Matrix<Lane> values(const Parameter<Lane>* weight, int64_t in) { return {&weight->p, 3 * in, 3}; }
  static Matrix<Lane> turned(Matrix<Lane> a) { return {a.at, a.step, a.row}; }
  Matrix<Lane> input(int l) const {
    return l == 0 ? Matrix<Lane>{batch, pitch, 1} : Matrix<Lane>{y[l], shape.layer[l].in, 1};
  }

  // body(activation, what layer l's forward saved for the derivative)
  template <class Body>
  void by_activation(int l, Body body) {
    visit(shape.layer[l].activation,
          [&](auto act) { body(act, decltype(act)::saves == Saves::preactivation ? z[l] : y[l + 1]); });
  }

  // below: the gradient by the z of the layer below, from g, that by the z of layer l.
  template <class Rows>
  void gradient_below(int l, Rows rows, const Parameter<Lane>* weight) {
    const int64_t in = shape.layer[l].in, out = shape.layer[l].out;
    by_activation(l - 1, [&, to = below](auto act, const Lane* saved) {
      using Act = decltype(act);
      for_products(Matrix<Lane>{g, out, 1}, turned(values(weight, in)), rows, in, out,
                   [=](int64_t r, int64_t i, Lane sum) {
                     const int64_t k = r * in + i;
                     if constexpr (Act::rowwise)
                       to[k] = sum;
                     else
                       to[k] = Act::gradient(sum, Act::saves == Saves::nothing ? Lane(0) : saved[k]);
                   });
      if constexpr (Act::rowwise)
        for (int64_t r = 0; r < rows; ++r) gradient_row<Act>(to + r * in, saved + r * in, in);
    });
  }
};

}  // namespace NNPLAY_ISA
}  // namespace nnplay

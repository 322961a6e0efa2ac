// One small network in one block of memory: little more than a step's arithmetic.
//
// Hidden layers have their outputs across a register's elements: the weight lies as (in, out), its rows padded to
// whole registers. The last layer has its inputs across them, weight (out, in padded), and its few outputs come
// out with the rows of the batch side by side, so that the loss treats rows as loss.h treats lanes. All padding
// is 0 and stays 0, since its gradient is. Batches are taken in blocks of 4, 2 and 1 rows, whose gradients add up.
#pragma once

#include <new>

#include "../loss.h"
#include "../optimizer.h"
#include "arena.h"
#include "lane_network.h"
#include "mlp_kernels.h"
#include "row_loops.h"
#include "roots.h"
#include "sums.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

template <class Real>
class SmallNetwork {
  using P = Pack<Real>;
  static constexpr int64_t width = P::width;
  static constexpr int most_rows = width < 4 ? int(width) : 4;

  struct Hidden {
    int64_t in, out, packs, weight, bias;  // where the parameters begin
    Activation activation;
    Real *z, *y;  // (most_rows, packs * width); z is y where the derivative does not need it
  };
  struct Last {
    int64_t in, out, packs, weight, bias;
    Activation activation;
    P *z, *y, *g;  // (out): a row of the batch in each element
    bool by_z;
  };

  Loss loss;
  bool has_bias;
  int depth;  // hidden layers
  Hidden hidden[most_layers];
  Last last;
  int64_t padded, inputs, targets;
  Real *p, *m, *v, *grad;  // (padded)
  Real *g, *below;         // (most_rows, widest)
  Real *row, *target;      // (most_rows, inputs padded), (targets, width)

 public:
  SmallNetwork(const Shape& shape, Arena& memory)
      : loss(shape.loss), has_bias(shape.bias), depth(shape.layers - 1), padded(0), inputs(shape.layer[0].in) {
    int64_t widest = up(inputs);
    for (int l = 0; l < depth; ++l) {
      const auto [in, out, activation] = shape.layer[l];
      hidden[l] = {in, out, up(out) / width, padded, padded + in * up(out), activation, nullptr, nullptr};
      padded += (in + 1) * up(out);
      widest = widest < up(out) ? up(out) : widest;
    }
    const auto [in, out, activation] = shape.layer[depth];
    last = {in, out, up(in) / width, padded, padded + out * up(in), activation, nullptr, nullptr, nullptr, false};
    padded += out * up(in) + up(out);
    targets = loss == Loss::mse ? out : 1;
    for (Real** block : {&p, &m, &v, &grad}) *block = memory.take<Real>(padded);
    for (int l = 0; l < depth; ++l) {
      hidden[l].y = memory.take<Real>(most_rows * hidden[l].packs * width);
      hidden[l].z = saves_z(hidden[l].activation) ? memory.take<Real>(most_rows * hidden[l].packs * width) : hidden[l].y;
    }
    for (P** block : {&last.z, &last.y, &last.g}) *block = memory.take<P>(out);
    last.by_z = saves_z(activation);
    g = memory.take<Real>(most_rows * widest);
    below = memory.take<Real>(most_rows * widest);
    row = memory.take<Real>(most_rows * up(inputs));
    target = memory.take<Real>(targets * width);
  }

  // 0: the values, 1 and 2: the memories of the optimizer, (padded); to and from dense ones in the order of torch.
  Real* block(int which) const { return which == 0 ? p : which == 1 ? m : v; }

  void load(const Real* dense, Real* to) const {
    walk([=](int64_t padded_at, int64_t dense_at) { to[padded_at] = dense[dense_at]; });
  }
  void store(const Real* from, Real* dense) const {
    walk([=](int64_t padded_at, int64_t dense_at) { dense[dense_at] = from[padded_at]; });
  }

  int64_t train(const cpu::Steps<Real>& steps, StepCounter& counter) {
    int64_t taken = 0;
    const P lr(Real(steps.rule.lr)), decay(Real(steps.rule.weight_decay));
    visit(steps.rule, steps.rule.weight_decay != 0, [&](auto rule) {
      for (int64_t begin = 0; begin < steps.rows; begin += steps.batch_size, ++taken) {
        const int64_t size = steps.rows - begin < steps.batch_size ? steps.rows - begin : steps.batch_size;
        double right = 0;
        const double mean = gradient(steps.table, steps.order + begin, size, right);
        if (!(mean - mean == 0)) {
          steps.sums->bad = mean;
          return;
        }
        steps.sums->loss += steps.weighted ? mean * double(size) : mean;
        steps.sums->right += right;
        steps.sums->rows += size;
        const StepNumbers<P> numbers = step_numbers(steps.rule, counter.next(), lr, decay);
        for (int64_t k = 0; k < padded; k += width) {
          P value = P::load(p + k), memory = P::load(m + k), square = P::load(v + k);
          rule.update(numbers, P::load(grad + k), value, memory, square);
          value.store(p + k);
          memory.store(m + k);
          square.store(v + k);
        }
      }
    });
    return taken;
  }

 private:
  static int64_t up(int64_t n) { return (n + width - 1) / width * width; }
  static bool saves_z(Activation activation) {
    return visit(activation, [](auto act) { return decltype(act)::saves == Saves::preactivation; });
  }

  // body(padded place, dense place) for every parameter.
  template <class Body>
  void walk(Body body) const {
    int64_t at = 0;
    for (int l = 0; l < depth; ++l) {
      const Hidden& h = hidden[l];
      for (int64_t o = 0; o < h.out; ++o)
        for (int64_t i = 0; i < h.in; ++i) body(h.weight + i * h.packs * width + o, at++);
      for (int64_t o = 0; has_bias && o < h.out; ++o) body(h.bias + o, at++);
    }
    for (int64_t o = 0; o < last.out; ++o)
      for (int64_t i = 0; i < last.in; ++i) body(last.weight + o * last.packs * width + i, at++);
    for (int64_t o = 0; has_bias && o < last.out; ++o) body(last.bias + o, at++);
  }

  // Fills `grad` with the gradient of the batch's mean loss, which it returns.
  double gradient(const Table<Real>& table, const uint32_t* order, int64_t size, double& right) {
    const P share(Real(1) / Real(size));
    double total = 0;
    int64_t done = 0;
    if constexpr (most_rows == 4)
      for (; done + 4 <= size; done += 4) total += block_gradient<4>(table, order + done, share, done > 0, right);
    for (; done + 2 <= size; done += 2) total += block_gradient<2>(table, order + done, share, done > 0, right);
    for (; done < size; ++done) total += block_gradient<1>(table, order + done, share, done > 0, right);
    return total / double(size);
  }

  // The same for `Rows` rows, whose gradient is added to what is there or replaces it. Returns the sum of losses.
  template <int Rows>
  double block_gradient(const Table<Real>& table, const uint32_t* order, P share, bool add, double& right) {
    const Real* x[Rows];
    UNROLL for (int r = 0; r < Rows; ++r) {
      x[r] = table.x + order[r] * inputs;
      for (int64_t t = 0; t < targets; ++t) target[t * width + r] = table.y[order[r] * targets + t];
      if (depth == 0) {  // the last layer reads whole registers
        for (int64_t i = 0; i < inputs; ++i) row[r * up(inputs) + i] = x[r][i];
        x[r] = row + r * up(inputs);
      }
    }
    for (int l = 0; l < depth; ++l) {
      forward_hidden<Rows>(hidden[l], x);
      UNROLL for (int r = 0; r < Rows; ++r) x[r] = hidden[l].y + r * hidden[l].packs * width;
    }
    const double total = last_layer<Rows>(x, share, add, right);
    for (int l = depth - 1; l >= 0; --l) {
      UNROLL for (int r = 0; r < Rows; ++r)
        x[r] = l > 0 ? hidden[l - 1].y + r * hidden[l - 1].packs * width : table.x + order[r] * inputs;
      backward_hidden<Rows>(hidden[l], x, l > 0, add);
    }
    return total;
  }

  template <int Rows>
  void forward_hidden(const Hidden& h, const Real* const (&x)[Rows]) {
    for (int64_t q = 0; q < h.packs; ++q) {
      P sum[Rows];
      const P bias = P::load(p + h.bias + q * width);
      UNROLL for (int r = 0; r < Rows; ++r) sum[r] = bias;
      const Real* w = p + h.weight + q * width;
      for (int64_t i = 0; i < h.in; ++i, w += h.packs * width) {
        const P weight = P::load(w);
        UNROLL for (int r = 0; r < Rows; ++r) sum[r] = sum[r] + P(x[r][i]) * weight;
      }
      const int64_t used = h.out - q * width;
      visit(h.activation, [&](auto act) {
        using Act = decltype(act);
        if constexpr (!Act::rowwise)
          UNROLL for (int r = 0; r < Rows; ++r) {
            const int64_t at = (r * h.packs + q) * width;
            P y = Act::f(sum[r]);
            if (used < width) y = only_first(used, y, Real(0));
            if (h.z != h.y) sum[r].store(h.z + at);
            y.store(h.y + at);
          }
      });
    }
  }

  // Forward, loss and backward of the last layer. `g` becomes the gradient by its input.
  template <int Rows>
  double last_layer(const Real* const (&x)[Rows], P share, bool add, double& right) {
    const int n = int(last.out);
    for (int o = 0; o < n; ++o) {
      P sum[Rows];
      const Real* w = p + last.weight + o * last.packs * width;
      UNROLL for (int r = 0; r < Rows; ++r) sum[r] = P(Real(0));
      for (int64_t q = 0; q < last.packs; ++q) {
        const P weight = P::load(w + q * width);
        UNROLL for (int r = 0; r < Rows; ++r) sum[r] = sum[r] + P::load(x[r] + q * width) * weight;
      }
      last.z[o] = sums_of(sum) + P(p[last.bias + o]);
    }
    visit(last.activation, [&](auto act) { activate_row<decltype(act)>(last.z, last.y, n); });
    P losses, hits(Real(0));
    const P* wanted = reinterpret_cast<const P*>(target);
    if (loss == Loss::mse) {
      losses = mse(last.y, n, wanted, share, last.g);
    } else {
      losses = cross_entropy(last.y, n, *wanted, share, last.g);
      hits = is_right(last.y, n, *wanted);
    }
    visit(last.activation, [&](auto act) { gradient_row<decltype(act)>(last.g, last.by_z ? last.z : last.y, n); });

    const Real* by_z = reinterpret_cast<const Real*>(last.g);  // (out, width)
    for (int o = 0; has_bias && o < n; ++o) {
      Real sum = by_z[o * width];
      for (int r = 1; r < Rows; ++r) sum += by_z[o * width + r];
      put(last.bias + o, sum, add);
    }
    for (int64_t q = 0; q < last.packs; ++q) {
      P input[Rows], by_input[Rows];
      UNROLL for (int r = 0; r < Rows; ++r) input[r] = P::load(x[r] + q * width), by_input[r] = P(Real(0));
      for (int o = 0; o < n; ++o) {
        const int64_t at = last.weight + (o * last.packs + q) * width;
        const P weight = P::load(p + at);
        P sum(Real(0));
        UNROLL for (int r = 0; r < Rows; ++r) {
          const P slope(by_z[o * width + r]);
          sum = sum + slope * input[r];
          by_input[r] = by_input[r] + slope * weight;
        }
        put(at, sum, add);
      }
      UNROLL for (int r = 0; r < Rows; ++r) by_input[r].store(g + (r * last.packs + q) * width);
    }
    double total = 0;
    UNROLL for (int r = 0; r < Rows; ++r) total += double(losses.v[r]), right += double(hits.v[r]);
    return total;
  }

  // From `g`, the gradient by the layer's output; if `deeper`, `g` becomes that by its input.
  template <int Rows>
  void backward_hidden(const Hidden& h, const Real* const (&x)[Rows], bool deeper, bool add) {
    for (int64_t q = 0; q < h.packs; ++q) {
      P by_z[Rows];
      visit(h.activation, [&](auto act) {
        using Act = decltype(act);
        if constexpr (!Act::rowwise)
          UNROLL for (int r = 0; r < Rows; ++r) {
            const int64_t at = (r * h.packs + q) * width;
            by_z[r] = Act::gradient(P::load(g + at), Act::saves == Saves::nothing ? P(Real(0)) : P::load(h.z + at));
          }
      });
      P sum = by_z[0];
      UNROLL for (int r = 1; r < Rows; ++r) sum = sum + by_z[r];
      if (has_bias) put(h.bias + q * width, sum, add);
      for (int64_t i = 0; i < h.in; ++i) {
        sum = P(x[0][i]) * by_z[0];
        UNROLL for (int r = 1; r < Rows; ++r) sum = sum + P(x[r][i]) * by_z[r];
        put(h.weight + (i * h.packs + q) * width, sum, add);
      }
      if (deeper)
        UNROLL for (int r = 0; r < Rows; ++r) by_z[r].store(g + (r * h.packs + q) * width);
    }
    if (deeper) gradient_by_input<Rows>(h);
  }

  template <int Rows>
  void gradient_by_input(const Hidden& h) {
    for (int r = 0; r < Rows; ++r)
      for (int64_t i = 0; i < h.in; i += most_rows) {
        P sum[most_rows];
        for (int k = 0; k < most_rows; ++k) {
          sum[k] = P(Real(0));
          if (i + k >= h.in) continue;
          for (int64_t q = 0; q < h.packs; ++q)
            sum[k] = sum[k] + P::load(g + (r * h.packs + q) * width) *
                                  P::load(p + h.weight + ((i + k) * h.packs + q) * width);
        }
        sums_of(sum).store(below + r * up(h.in) + i, most_rows);
      }
    Real* kept = g;
    g = below;
    below = kept;
  }

  void put(int64_t at, P sum, bool add) { (add ? P::load(grad + at) + sum : sum).store(grad + at); }
  void put(int64_t at, Real sum, bool add) { grad[at] = add ? grad[at] + sum : sum; }
};

template <class Real>
int64_t small_memory(const Shape& shape) {
  Arena counting{nullptr};
  SmallNetwork<Real>(shape, counting);
  return counting.used + 64 * int64_t(sizeof(SmallNetwork<Real>) / 64 + 1);
}

// Memory of small_memory(shape) bytes, all 0, becomes a network. p, m, v (parameters): its state.
template <class Real>
void small_load(const Shape& shape, char* memory, const Real* p, const Real* m, const Real* v) {
  Arena arena{memory};
  const Real* state[3] = {p, m, v};
  auto* net = new (arena.take<SmallNetwork<Real>>(1)) SmallNetwork<Real>(shape, arena);
  for (int which = 0; which < 3; ++which) net->load(state[which], net->block(which));
}

template <class Real>
void small_store(const char* memory, Real* p, Real* m, Real* v) {
  const auto* net = reinterpret_cast<const SmallNetwork<Real>*>(memory);
  Real* state[3] = {p, m, v};
  for (int which = 0; which < 3; ++which) net->store(net->block(which), state[which]);
}

template <class Real>
int64_t small_train(char* memory, const cpu::Steps<Real>& steps, StepCounter& counter) {
  return reinterpret_cast<SmallNetwork<Real>*>(memory)->train(steps, counter);
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

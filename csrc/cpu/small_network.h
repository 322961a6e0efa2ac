// One small network in one block of memory: little more than a step's arithmetic.
//
// Hidden layers have their outputs across a register's elements: the weight lies as (in, out), its rows padded to
// whole registers. The last layer has its inputs across them, weight (out, in padded), and its outputs come out
// with the rows of the batch side by side, each in a block of elements of its own, so that the loss treats rows as
// loss.h treats lanes; up to four outputs share a register (quads.h). All padding is 0 and stays 0, since its
// gradient is.
//
// A step is one long chain of operations that wait for each other, and no more than that: so what the last layer and
// the one before it hand on stays in registers, and a parameter is updated where its gradient comes out. A batch of
// more than 4 rows is taken in blocks, whose gradients add up; the last block updates.
#pragma once

#include <new>

#include "../loss.h"
#include "../optimizer.h"
#include "arena.h"
#include "lane_network.h"
#include "mlp_kernels.h"
#include "quads.h"
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
  static constexpr std::make_integer_sequence<int, int(width)> all_elements{};

  struct Hidden {
    int64_t in, out, packs, weight, bias;  // where the parameters begin
    Activation activation;
    Real *y, *slope;  // (most_rows, packs * width): output, and its derivative by z
  };
  struct Last {
    int64_t in, out, packs, weight, bias;
    Activation activation;
    P *z, *y, *g;  // (out): a row of the batch in each block of elements; of g up to four outputs in one
    int64_t step;  // elements of g from one output to the next
  };

  Loss loss;
  bool has_bias;
  int depth;  // hidden layers
  Hidden hidden[most_layers];
  Last last;
  int64_t padded, inputs, targets;
  Real *p, *m, *v, *grad;  // (padded)
  Real *g, *below;         // (most_rows, widest)
  Real *row, *bias_sums;   // (most_rows, inputs padded), (out padded)
  P* target;               // (targets): a row of the batch in each block of elements

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
    last = {in, out, up(in) / width, padded, padded + out * up(in), activation, nullptr, nullptr, nullptr, 0};
    padded += out * up(in) + up(out);
    targets = loss == Loss::mse ? out : 1;
    for (Real** block : {&p, &m, &v, &grad}) *block = memory.take<Real>(padded);
    for (int l = 0; l < depth; ++l) {
      hidden[l].y = memory.take<Real>(most_rows * hidden[l].packs * width);
      hidden[l].slope = memory.take<Real>(most_rows * hidden[l].packs * width);
    }
    for (P** block : {&last.z, &last.y, &last.g}) *block = memory.take<P>(out);
    g = memory.take<Real>(most_rows * widest);
    below = memory.take<Real>(most_rows * widest);
    row = memory.take<Real>(most_rows * up(inputs));
    bias_sums = memory.take<Real>(up(out));
    target = memory.take<P>(targets);
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
    const auto numbers = step_numbers(steps.rule, {}, P(Real(steps.rule.lr)), P(Real(steps.rule.weight_decay)));
    visit(steps.rule, steps.rule.weight_decay != 0, [&](auto rule) {
      Update<decltype(rule)> update{numbers, p, m, v, grad, false};
      for (int64_t begin = 0; begin < steps.rows; begin += steps.batch_size, ++taken)
        if (!step(steps, begin, counter, update)) return;
    });
    return taken;
  }

 private:
  static int64_t up(int64_t n) { return (n + width - 1) / width * width; }

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

  // What becomes of a gradient, or of the part of it that a block of rows adds.
  struct Keep {
    Real* grad;
    bool add;  // to what is there

    void operator()(int64_t at, P sum) const { (add ? P::load(grad + at) + sum : sum).store(grad + at); }
  };
  template <class Kind>
  struct Update {
    StepNumbers<P> numbers;
    Real *p, *m, *v, *grad;
    bool add;

    void operator()(int64_t at, P sum) const {
      P value = P::load(p + at), memory = P::load(m + at), square = P::load(v + at);
      Kind::update(numbers, add ? P::load(grad + at) + sum : sum, value, memory, square);
      value.store(p + at);
      memory.store(m + at);
      square.store(v + at);
    }
  };
  // Of the rows of a batch.
  struct Total {
    double loss = 0, right = 0;
  };

  // One update by the batch that begins there. False, and none, if its loss is not finite.
  template <class Kind>
  bool step(const cpu::Steps<Real>& steps, int64_t begin, StepCounter& counter, Update<Kind>& update) {
    const int64_t size = steps.rows - begin < steps.batch_size ? steps.rows - begin : steps.batch_size;
    const uint32_t* order = steps.order + begin;
    const P share(Real(1) / Real(size));
    Total total;
    int64_t done = 0;
    const auto block = [&](auto rows) {
      outputs<rows()>(steps.table, order + done, share, total);
      if (done + rows() < size) {
        gradients<rows()>(steps.table, order + done, Keep{grad, done > 0});
      } else if (total.loss - total.loss == 0) {
        correct(update.numbers, counter.next());
        update.add = done > 0;
        gradients<rows()>(steps.table, order + done, update);
      }
      done += rows();
    };
    while (most_rows == 4 && done + 4 <= size) block(std::integral_constant<int, most_rows>());
    while (done + 2 <= size) block(std::integral_constant<int, 2>());
    if (done < size) block(std::integral_constant<int, 1>());
    if (!(total.loss - total.loss == 0)) {
      steps.sums->bad = total.loss;
      return false;
    }
    steps.sums->loss += steps.weighted ? total.loss : total.loss / double(size);
    steps.sums->right += total.right;
    steps.sums->rows += size;
    return true;
  }

  // Each row of the batch has a block of so many elements.
  template <int Rows>
  static constexpr int row_block = width / Rows;

  // of[r] in every element of block r.
  template <int Rows>
  static P in_blocks(const Real (&of)[Rows]) {
    P all(of[Rows - 1]);
    for_rows<Rows - 1>([&](auto k) {
      constexpr int r = Rows - 2 - k;
      all = join<(r + 1) * row_block<Rows>>(P(of[r]), all, all_elements);
    });
    return all;
  }

  // body(r) for r < Rows, each a constant.
  template <int Rows, class Body>
  static void for_rows(Body body) {
    [&]<int... r>(std::integer_sequence<int, r...>) {
      (body(std::integral_constant<int, r>()), ...);
    }(std::make_integer_sequence<int, Rows>());
  }

  // The rows that a layer is given.
  template <int Rows>
  struct Input {
    const Real* row[Rows];
  };
  template <int Rows>
  Input<Rows> input_of(int layer, const Table<Real>& table, const uint32_t* order) const {
    Input<Rows> x;
    UNROLL for (int r = 0; r < Rows; ++r) {
      x.row[r] = table.x + order[r] * inputs;
      if (layer > 0)
        x.row[r] = hidden[layer - 1].y + r * hidden[layer - 1].packs * width;
      else if (depth == 0)
        x.row[r] = row + r * up(inputs);  // where the last layer can read whole registers
    }
    return x;
  }

  // Forward and loss of `Rows` rows. last.g becomes `share` times the gradient of each row's loss by the last z.
  template <int Rows>
  void outputs(const Table<Real>& table, const uint32_t* order, P share, Total& total) {
    for (int r = 0; r < Rows && depth == 0; ++r)
      for (int64_t i = 0; i < inputs; ++i) row[r * up(inputs) + i] = table.x[order[r] * inputs + i];
    for (int64_t t = 0; t < targets; ++t) {
      Real wanted[Rows];
      UNROLL for (int r = 0; r < Rows; ++r) wanted[r] = table.y[order[r] * targets + t];
      target[t] = in_blocks(wanted);
    }
    for (int l = 0; l + 1 < depth; ++l) {
      const Input<Rows> x = input_of<Rows>(l, table, order);
      for (int64_t q = 0; q < hidden[l].packs; ++q) {
        P y[Rows] = {};
        forward_pack(hidden[l], q, x, y);
      }
    }
    if constexpr (row_block<Rows> >= 4)
      if (last.out <= 4) return few_outputs<Rows>(table, order, share, total);
    last_outputs<Rows>(table, order, share, total);
  }

  // y becomes register q of each row's outputs of the layer.
  template <int Rows>
  void forward_pack(const Hidden& h, int64_t q, const Input<Rows>& x, P (&y)[Rows]) {
    P sum[Rows];
    const P bias = P::load(p + h.bias + q * width);
    UNROLL for (int r = 0; r < Rows; ++r) sum[r] = bias;
    const Real* w = p + h.weight + q * width;
    for (int64_t i = 0; i < h.in; ++i, w += h.packs * width) {
      const P weight = P::load(w);
      UNROLL for (int r = 0; r < Rows; ++r) sum[r] = sum[r] + P(x.row[r][i]) * weight;
    }
    P slope[Rows] = {};
    visit(h.activation, [&](auto act) {
      using Act = decltype(act);
      if constexpr (!Act::rowwise)
        UNROLL for (int r = 0; r < Rows; ++r) {
          y[r] = Act::f(sum[r]);
          slope[r] = Act::gradient(P(Real(1)), Act::saves == Saves::preactivation ? sum[r] : y[r]);
        }
    });
    const int64_t used = h.out - q * width;
    UNROLL for (int r = 0; r < Rows; ++r) {
      const int64_t at = (r * h.packs + q) * width;
      if (used < width) y[r] = only_first(used, y[r], Real(0)), slope[r] = only_first(used, slope[r], Real(0));
      y[r].store(h.y + at);
      slope[r].store(h.slope + at);
    }
  }

  template <int Rows>
  [[gnu::flatten, gnu::noinline]] void last_outputs(const Table<Real>& table, const uint32_t* order, P share,
                                                    Total& total) {
    const int n = int(last.out);
    for (int64_t q = 0; q < last.packs; ++q) {
      P given[Rows] = {};
      last_input(table, order, q, given);
    }
    const Input<Rows> x = input_of<Rows>(depth, table, order);
    for (int o = 0; o < n; ++o) {
      P sum[Rows] = {};
      for (int64_t q = 0; q < last.packs; ++q) {
        const P weight = P::load(p + last.weight + (o * last.packs + q) * width);
        UNROLL for (int r = 0; r < Rows; ++r) sum[r] = sum[r] + P::load(x.row[r] + q * width) * weight;
      }
      last.z[o] = sums_in_blocks<1>(sum) + P(p[last.bias + o]);
    }
    visit(last.activation, [&](auto act) { activate_row<decltype(act)>(last.z, last.y, n); });
    P losses, hits(Real(0));
    if (loss == Loss::mse) {
      losses = mse(last.y, n, target, share, last.g);
    } else {
      losses = cross_entropy(last.y, n, *target, share, last.g);
      hits = is_right(last.y, n, *target);
    }
    visit(last.activation, [&](auto act) {
      using Act = decltype(act);
      gradient_row<Act>(last.g, Act::saves == Saves::preactivation ? last.z : last.y, n);
    });
    last.step = width;
    add_up<Rows>(losses, hits, total);
  }

  // The same for up to four outputs.
  template <int Rows>
  [[gnu::flatten, gnu::noinline]] void few_outputs(const Table<Real>& table, const uint32_t* order, P share,
                                                   Total& total) {
    const int n = int(last.out);
    const Quads<Real> quads(n);
    P sum[Rows][4] = {};
    for (int64_t q = 0; q < last.packs; ++q) {
      P given[Rows] = {};
      last_input(table, order, q, given);
      UNROLL for (int o = 0; o < 4; ++o) {
        const P weight = o < n ? P::load(p + last.weight + (o * last.packs + q) * width) : P(Real(0));
        UNROLL for (int r = 0; r < Rows; ++r) sum[r][o] = sum[r][o] + given[r] * weight;
      }
    }
    P row_sums[Rows];
    UNROLL for (int r = 0; r < Rows; ++r) row_sums[r] = sums_of_fours(sum[r], all_elements);
    const P z = sums_in_blocks<4>(row_sums) + repeat_four(P::load(p + last.bias), all_elements);
    P y = z, g, losses, hits(Real(0));
    visit(last.activation, [&](auto act) { y = quads.template activate<decltype(act)>(z); });
    if (loss == Loss::mse) {
      P wanted = repeat_four(P::load(table.y + order[Rows - 1] * targets, n), all_elements);
      for_rows<Rows - 1>([&](auto k) {
        constexpr int r = Rows - 2 - k;
        const P row = repeat_four(P::load(table.y + order[r] * targets, n), all_elements);
        wanted = join<(r + 1) * row_block<Rows>>(row, wanted, all_elements);
      });
      losses = quads.mse(y, wanted, share, g);
    } else {
      losses = quads.cross_entropy(y, *target, share, g, hits);
    }
    visit(last.activation, [&](auto act) {
      using Act = decltype(act);
      g = quads.template gradient<Act>(g, Act::saves == Saves::preactivation ? z : y);
    });
    *last.g = g;
    last.step = 1;
    add_up<Rows>(losses, hits, total);
  }

  template <int Rows>
  static void add_up(P losses, P hits, Total& total) {
    UNROLL for (int r = 0; r < Rows; ++r)
      total.loss += double(losses.v[r * row_block<Rows>]), total.right += double(hits.v[r * row_block<Rows>]);
  }

  // Register q of what the last layer is given, and, if a hidden layer gives it, that layer's forward.
  template <int Rows>
  void last_input(const Table<Real>& table, const uint32_t* order, int64_t q, P (&y)[Rows]) {
    if (depth > 0) return forward_pack(hidden[depth - 1], q, input_of<Rows>(depth - 1, table, order), y);
    UNROLL for (int r = 0; r < Rows; ++r) y[r] = P::load(row + r * up(inputs) + q * width);
  }

  // After `outputs`: put(place, gradient) for every register of parameters.
  template <int Rows, class Put>
  [[gnu::flatten, gnu::noinline]] void gradients(const Table<Real>& table, const uint32_t* order, const Put& given) {
    const Put put = given;  // by copies: the compiler cannot know that its numbers and the arrays are apart
    const int n = int(last.out);
    const auto by_z = [slopes = reinterpret_cast<const Real*>(last.g), step = last.step](int o, int r) {
      return slopes[o * step + r * row_block<Rows>];
    };
    for (int o = 0; has_bias && o < n; ++o) {
      bias_sums[o] = by_z(o, 0);
      UNROLL for (int r = 1; r < Rows; ++r) bias_sums[o] += by_z(o, r);
    }
    for (int64_t q = 0; q < last.packs && depth > 0; ++q) {
      P by_y[Rows] = {};
      for (int o = 0; o < n; ++o) {
        const P weight = P::load(p + last.weight + (o * last.packs + q) * width);
        UNROLL for (int r = 0; r < Rows; ++r) by_y[r] = by_y[r] + P(by_z(o, r)) * weight;
      }
      backward_pack(depth - 1, q, by_y, table, order, put);
    }
    for (int l = depth - 1; l > 0; --l) {
      gradient_by_input<Rows>(hidden[l]);
      const Input<Rows> x = input_of<Rows>(l, table, order);
      for (int64_t q = 0; q < hidden[l].packs; ++q) {
        P by_z[Rows];
        UNROLL for (int r = 0; r < Rows; ++r) by_z[r] = P::load(g + (r * hidden[l].packs + q) * width);
        weight_gradients(hidden[l], q, by_z, x, put);
      }
      const int64_t packs = hidden[l - 1].packs;
      for (int64_t q = 0; q < packs; ++q) {
        P by_y[Rows];
        UNROLL for (int r = 0; r < Rows; ++r) by_y[r] = P::load(below + (r * packs + q) * width);
        backward_pack(l - 1, q, by_y, table, order, put);
      }
    }
    const Input<Rows> x = input_of<Rows>(depth, table, order);
    for (int64_t q = 0; q < last.packs; ++q) {
      P y[Rows];
      UNROLL for (int r = 0; r < Rows; ++r) y[r] = P::load(x.row[r] + q * width);
      for (int o = 0; o < n; ++o) {
        P sum = P(by_z(o, 0)) * y[0];
        UNROLL for (int r = 1; r < Rows; ++r) sum = sum + P(by_z(o, r)) * y[r];
        put(last.weight + (o * last.packs + q) * width, sum);
      }
    }
    for (int64_t o = 0; has_bias && o < n; o += width) put(last.bias + o, P::load(bias_sums + o));
  }

  // From the gradient by register q of a layer's outputs to that by its z: into `g`, or, as nothing below the first
  // layer asks for it, on to that by its parameters.
  template <int Rows, class Put>
  void backward_pack(int layer, int64_t q, const P (&by_y)[Rows], const Table<Real>& table, const uint32_t* order,
                     const Put& put) {
    const Hidden h = hidden[layer];
    P by_z[Rows];
    UNROLL for (int r = 0; r < Rows; ++r) {
      const int64_t at = (r * h.packs + q) * width;
      by_z[r] = by_y[r] * P::load(h.slope + at);
      if (layer > 0) by_z[r].store(g + at);
    }
    if (layer == 0) weight_gradients(h, q, by_z, input_of<Rows>(0, table, order), put);
  }

  template <int Rows, class Put>
  void weight_gradients(const Hidden& h, int64_t q, const P (&by_z)[Rows], const Input<Rows>& x, const Put& put) {
    for (int64_t i = 0; i < h.in; ++i) {
      P sum = P(x.row[0][i]) * by_z[0];
      UNROLL for (int r = 1; r < Rows; ++r) sum = sum + P(x.row[r][i]) * by_z[r];
      put(h.weight + (i * h.packs + q) * width, sum);
    }
    P sum = by_z[0];
    UNROLL for (int r = 1; r < Rows; ++r) sum = sum + by_z[r];
    if (has_bias) put(h.bias + q * width, sum);
  }

  // `below` becomes the gradient by the layer's inputs, from `g`, that by its z.
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
  }
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

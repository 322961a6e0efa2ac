// One network, trained by a team of threads that share it: the step that runs on a GPU.
//
// A team has a rank() and a size() for each of its threads, and a sync() at which all of them wait. It may be a few
// lanes of a warp, a block, a whole grid or, on the host, one thread alone: what an element of an array becomes does
// not depend on who calculates it, so that all teams give the same numbers. Arrays are named with their shape,
// "y (rows, out)". The sums run in the order of cpu/lane_network.h. Torch-free.
#pragma once

#include "loss.h"
#include "optimizer.h"
#include "shape.h"

#ifdef __CUDACC__
#define TEAM __device__ inline
#else
#define TEAM inline
#endif

namespace nnplay {

// n / d for 0 <= n < some bound, by a product where that is exact. A GPU has no instruction for a division.
struct Divisor {
  int d;
  uint32_t inverse;  // 2^32 / d rounded up, or 0: divide
};
inline Divisor divisor(int64_t d, int64_t bound) {
  const bool exact = d > 1 && bound <= 0xffffffffll / d;
  return {int(d), exact ? 0xffffffffu / uint32_t(d) + 1 : 0};
}

// Where everything of a network lies in a team's memory: p, m, v (`padded` numbers each), then what a step works in.
// Rows of a weight are `pitch` numbers apart, an odd number, so that neither neighbours in a row nor neighbours in a
// column share a bank of memory.
struct TeamLayer {
  int in, out, pitch;
  int weight, bias;  // in each of p, m, v
  int dense;         // where its parameters begin in torch's order
  int z, y, g;       // (rows, out) each; z is y where nobody needs it
  int saved;         // z or y: what the derivative is calculated from
  bool rowwise;
  Activation activation;
  Divisor by_in, by_out;
};
struct TeamPlan {
  int layers, rows, inputs, targets;  // rows: the most that a batch has
  bool bias;
  Loss loss;
  int parameters, padded;
  int x[2], target[2];  // (rows, inputs) and (rows, targets) of this step and of the next
  int losses, hits;     // (rows)
  int numbers;          // all of a team's memory
  TeamLayer layer[most_layers];
};

// Some epochs of some networks of one shape. The orders of their rows are given; what comes out are sums.
template <class Real>
struct TeamJob {
  TeamPlan plan;
  Table<Real> train, test;  // test may have no rows
  Rule rule;                // its lr and weight_decay do not count
  bool decays;              // whether any network's weights do
  bool stops;               // a network stops before the step whose loss is not finite
  bool weighted;            // a batch's loss counts as often as it has rows
  int64_t networks, epochs, batch_size;
  int64_t rows;                         // of an epoch; its last batch is what is left
  const uint32_t* orders;               // (networks, epochs, rows), of the table's rows
  int64_t network_stride, epoch_stride; // of orders
  const Correction* corrections;        // (epochs * batches)
  const Real *lr, *weight_decay;        // (networks)
  Real *p, *m, *v;                      // (networks, parameters), in torch's order
  double *loss, *right;                 // (networks, epochs): sums over the epoch's rows
  double begun_loss, begun_right;       // what the first epoch's sums begin with
  bool only_test;                       // no step, one test
  bool test_epochs;                     // test after every epoch, not only after the last
  bool test_last;
  double *test_loss, *test_right;       // (networks, tests): sums over the test's rows
  int64_t* good;                        // (networks): steps before the first whose loss is not finite
  double* bad;                          // (networks): that loss
};

inline namespace NNPLAY_ISA {

TEAM int quotient(int n, Divisor by) {
#ifdef __CUDA_ARCH__
  return by.inverse ? int(__umulhi(uint32_t(n), by.inverse)) : n / by.d;
#else
  return by.inverse ? int(uint64_t(uint32_t(n)) * by.inverse >> 32) : n / by.d;
#endif
}

// a[0] b[0] + a[1] b[1] + ... for n >= 1 numbers that lie so far apart, in parts of 64, which keeps rounding errors
// small.
template <class Real>
TEAM Real dot(const Real* a, int a_step, const Real* b, int b_step, int n) {
  constexpr int part = 64;
  Real sum(0);
  for (int begin = 0; begin < n; begin += part) {
    const int end = begin + part < n ? begin + part : n;
    Real some = a[begin * a_step] * b[begin * b_step];
    for (int k = begin + 1; k < end; ++k) some = some + a[k * a_step] * b[k * b_step];
    sum = begin == 0 ? some : sum + some;
  }
  return sum;
}

template <class Real>
TEAM Real activate(Activation activation, Real z) {
  visit(activation, [&](auto act) {
    if constexpr (!decltype(act)::rowwise) z = decltype(act)::f(z);
  });
  return z;
}

// g times the derivative, from what the forward saved
template <class Real>
TEAM Real gradient(Activation activation, Real g, Real saved) {
  visit(activation, [&](auto act) {
    if constexpr (!decltype(act)::rowwise) g = decltype(act)::gradient(g, saved);
  });
  return g;
}

// y (n) := row-wise activation of z (n)
template <class Real>
TEAM void activate_row(Activation activation, const Real* z, Real* y, int n) {
  visit(activation, [&](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      Real greatest = z[0];
      for (int j = 1; j < n; ++j) greatest = select(greatest < z[j], z[j], greatest);
      Real total(0);
      for (int j = 0; j < n; ++j) {
        const Real d = z[j] - greatest, e = exp(d);
        total = total + e;
        y[j] = Act::keep(d, e);
      }
      const Real normalizer = Act::normalizer(total);
      for (int j = 0; j < n; ++j) y[j] = Act::f(y[j], normalizer);
    }
  });
}

// g (n) := the gradient by z, from that by y (n)
template <class Real>
TEAM void gradient_row(Activation activation, Real* g, const Real* y, int n) {
  visit(activation, [&](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      Real sum(0);
      for (int j = 0; j < n; ++j) sum = sum + Act::part(g[j], y[j]);
      for (int j = 0; j < n; ++j) g[j] = Act::gradient(g[j], y[j], sum);
    }
  });
}

// The loss of a row y (n); g (n) := `part` times its gradient.
template <class Real>
TEAM Real loss_of_row(Loss loss, const Real* y, int n, const Real* target, Real part, Real* g, Real& right) {
  right = Real(0);
  if (loss == Loss::mse) return mse(y, n, target, part, g);
  right = is_right(y, n, *target);
  return cross_entropy(y, n, *target, part, g);
}

template <class Real, class Team>
class TeamNetwork {
  const TeamPlan& plan;
  Team team;
  Real *p, *m, *v, *work;

 public:
  TEAM TeamNetwork(const TeamPlan& plan, Team team, Real* memory)
      : plan(plan), team(team), p(memory), m(p + plan.padded), v(m + plan.padded), work(v + plan.padded) {}

  // From and to arrays in torch's order. The caller waits for the team afterwards.
  TEAM void load(const Real* dense_p, const Real* dense_m, const Real* dense_v) {
    walk([&](int at, int dense) { p[at] = dense_p[dense], m[at] = dense_m[dense], v[at] = dense_v[dense]; });
  }
  TEAM void store(Real* dense_p, Real* dense_m, Real* dense_v) {
    walk([&](int at, int dense) { dense_p[dense] = p[at], dense_m[dense] = m[at], dense_v[dense] = v[at]; });
  }

  // Batch number `side` := `rows` rows of the table, by their order or, without one, from `first` on.
  TEAM void gather(const Table<Real>& table, const uint32_t* order, int64_t first, int rows, int side) {
    Real *x = work + plan.x[side], *target = work + plan.target[side];
    const auto row = [&](int r) { return order ? int64_t(order[first + r]) : first + r; };
    share(rows * plan.inputs, [&](int e) {
      const int r = quotient(e, plan.layer[0].by_in);
      x[e] = table.x[row(r) * plan.inputs + (e - r * plan.inputs)];
    });
    share(rows * plan.targets, [&](int e) {
      const int r = plan.targets == 1 ? e : quotient(e, plan.layer[plan.layers - 1].by_out);
      target[e] = table.y[row(r) * plan.targets + (e - r * plan.targets)];
    });
  }

  // Forward and loss of the batch; the gradient by the last layer's pre-activation is then there too. Returns the mean
  // loss of the rows and, in `right`, how many are classified right: the same to every thread.
  TEAM Real forward(int rows, int side, Real& right) {
    const Real* x = work + plan.x[side];
    for (int l = 0; l < plan.layers; ++l) {
      const TeamLayer& layer = plan.layer[l];
      share(rows * layer.out, [&](int e) {
        const int r = quotient(e, layer.by_out), o = e - r * layer.out;
        Real sum = dot(x + r * layer.in, 1, p + layer.weight + o * layer.pitch, 1, layer.in);
        if (plan.bias) sum = sum + p[layer.bias + o];
        work[layer.z + e] = sum;
        if (!layer.rowwise) work[layer.y + e] = activate(layer.activation, sum);
      });
      team.sync();
      x = work + layer.y;
      if (!layer.rowwise || l + 1 == plan.layers) continue;
      share(rows, [&](int r) { activate_row_of(layer, r); });
      team.sync();
    }
    const Real part = Real(1) / Real(rows);
    share(rows, [&](int r) { end_row(r, work + plan.target[side] + r * plan.targets, part); });
    team.sync();
    Real total(0);
    right = Real(0);
    for (int r = 0; r < rows; ++r) {
      total = total + work[plan.losses + r];
      right = right + work[plan.hits + r];
    }
    return total * part;
  }

  // After forward: the sum of its rows' losses, such that a table's sum does not depend on its batches.
  TEAM double sum_losses(int rows) {
    double sum = 0;
    for (int r = 0; r < rows; ++r) sum += double(work[plan.losses + r]);
    return sum;
  }

  // After forward: the gradient by every layer's pre-activation.
  TEAM void backward(int rows) {
    for (int l = plan.layers - 1; l > 0; --l) {
      const TeamLayer &layer = plan.layer[l], &below = plan.layer[l - 1];
      const Real *weight = p + layer.weight, *g = work + layer.g;
      share(rows * layer.in, [&](int e) {
        const int r = quotient(e, layer.by_in), i = e - r * layer.in;
        const Real sum = dot(g + r * layer.out, 1, weight + i, layer.pitch, layer.out);
        work[below.g + e] = below.rowwise ? sum : gradient(below.activation, sum, work[below.saved + e]);
      });
      team.sync();
      if (!below.rowwise) continue;
      share(rows, [&](int r) { gradient_row_of(below, r); });
      team.sync();
    }
  }

  // After backward: every parameter, by its own gradient. The caller waits for the team afterwards.
  TEAM void update(int rows, int side, const Rule& rule, bool decays, const StepNumbers<Real>& numbers) {
    const Real* x = work + plan.x[side];
    const auto step = [&](int at, Real gradient) {
      Real value = p[at], memory = m[at], square = v[at];
      visit(rule, decays, [&](auto kind) { kind.update(numbers, gradient, value, memory, square); });
      p[at] = value, m[at] = memory, v[at] = square;
    };
    for (int l = 0; l < plan.layers; ++l) {
      const TeamLayer& layer = plan.layer[l];
      const Real* g = work + layer.g;
      share(layer.out * layer.in, [&](int e) {
        const int o = quotient(e, layer.by_in), i = e - o * layer.in;
        step(layer.weight + o * layer.pitch + i, dot(g + o, layer.out, x + i, layer.in, rows));
      });
      share(plan.bias ? layer.out : 0, [&](int o) {
        Real sum = g[o];
        for (int r = 1; r < rows; ++r) sum = sum + g[r * layer.out + o];
        step(layer.bias + o, sum);
      });
      x = work + layer.y;
    }
  }

 private:
  // body(e) for e < count, shared out over the team.
  template <class Body>
  TEAM void share(int count, Body body) {
    for (int e = team.rank(); e < count; e += team.size()) body(e);
  }

  // body(place, place in torch's order) for every parameter.
  template <class Body>
  TEAM void walk(Body body) {
    for (int l = 0; l < plan.layers; ++l) {
      const TeamLayer& layer = plan.layer[l];
      const int weights = layer.out * layer.in;
      share(weights, [&](int e) {
        const int o = quotient(e, layer.by_in);
        body(layer.weight + o * layer.pitch + (e - o * layer.in), layer.dense + e);
      });
      share(plan.bias ? layer.out : 0, [&](int o) { body(layer.bias + o, layer.dense + weights + o); });
    }
  }

  TEAM void activate_row_of(const TeamLayer& layer, int r) {
    activate_row(layer.activation, work + layer.z + r * layer.out, work + layer.y + r * layer.out, layer.out);
  }
  TEAM void gradient_row_of(const TeamLayer& layer, int r) {
    gradient_row(layer.activation, work + layer.g + r * layer.out, work + layer.y + r * layer.out, layer.out);
  }

  // What follows the last layer's products, for one row: `part` is the row's part of the mean.
  TEAM void end_row(int r, const Real* target, Real part) {
    const TeamLayer& last = plan.layer[plan.layers - 1];
    const int begin = r * last.out;
    Real *y = work + last.y + begin, *g = work + last.g + begin;
    if (last.rowwise) activate_row_of(last, r);
    work[plan.losses + r] = loss_of_row(plan.loss, y, last.out, target, part, g, work[plan.hits + r]);
    if (last.rowwise) return gradient_row_of(last, r);
    for (int j = 0; j < last.out; ++j) g[j] = gradient(last.activation, g[j], work[last.saved + begin + j]);
  }
};

// Trains network number `network` of the job in the team's memory.
template <class Real, class Team>
TEAM void train_network(const TeamJob<Real>& job, Team team, int64_t network, Real* memory) {
  const TeamPlan& plan = job.plan;
  TeamNetwork<Real, Team> net(plan, team, memory);
  const int64_t offset = network * plan.parameters;
  net.load(job.p + offset, job.m + offset, job.v + offset);
  const uint32_t* order = job.orders + network * job.network_stride;
  const Real lr = job.lr[network], weight_decay = job.weight_decay[network];
  const Correction* correction = job.corrections;
  int64_t good = 0, epoch = 0, begin = 0;
  double loss = job.begun_loss, hits = job.begun_right, bad = 0;
  bool alive = true, testing = job.only_test;
  int side = 0;
  // The batch at `begin`, of the epoch's rows or, while testing, of the test's: how large it is, and how it gets there.
  const auto size = [&]() {
    const int64_t left = (testing ? job.test.rows : job.rows) - begin;
    return int(left < job.batch_size ? left : job.batch_size);
  };
  const auto gather = [&]() {
    net.gather(testing ? job.test : job.train, testing ? nullptr : order, begin, size(), side);
  };
  gather();
  team.sync();
  while (epoch < job.epochs) {
    const int rows = size();
    Real right;
    const Real mean = net.forward(rows, side, right);
    if (!testing) {
      if (alive && !(mean - mean == Real(0))) alive = false, bad = double(mean);
      if (!alive && job.stops) break;
      good += alive;
      net.backward(rows);
      net.update(rows, side, job.rule, job.decays, step_numbers(job.rule, *correction++, lr, weight_decay));
    }
    loss += testing ? net.sum_losses(rows) : double(mean) * double(job.weighted ? rows : 1);
    hits += double(right);
    begin += job.batch_size;
    if (begin >= (testing ? job.test.rows : job.rows)) {  // the end of the epoch, or of its test
      if (team.rank() == 0) {
        const int64_t at = testing && !job.test_epochs ? network : network * job.epochs + epoch;
        (testing ? job.test_loss : job.loss)[at] = loss;
        (testing ? job.test_right : job.right)[at] = hits;
      }
      loss = hits = 0, begin = 0;
      const bool tests = job.test.rows > 0 && (job.test_epochs || (job.test_last && epoch + 1 == job.epochs));
      testing = tests && !testing;
      if (!testing) order += job.epoch_stride, ++epoch;
    }
    side = 1 - side;  // the next batch is fetched while others of the team still update
    if (epoch < job.epochs) gather();
    team.sync();
  }
  if (team.rank() == 0) {
    job.good[network] = good;
    job.bad[network] = bad;
    if (epoch < job.epochs) job.loss[network * job.epochs + epoch] = loss, job.right[network * job.epochs + epoch] = hits;
  }
  net.store(job.p + offset, job.m + offset, job.v + offset);
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

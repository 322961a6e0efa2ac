// The epochs of a register full of networks: orders, batches, steps, metrics.
#pragma once

#include "../random.h"
#include "arena.h"
#include "lane_network.h"
#include "mlp_kernels.h"
#include "roots.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

typedef uint32_t Words __attribute__((vector_size(register_bytes)));

template <class Real>
class LaneTraining {
  using P = Pack<Real>;
  static constexpr int width = P::width;

  const cpu::LaneRun<Real>& run;
  LaneNetwork<P> net;
  uint32_t* order;  // (order_lanes, rows)
  P lr, weight_decay;
  P learns;              // 1, or 0 where lr is 0: that network gets no gradient, since SummedAdam divides by lr
  P alive{Real(1)};      // 1, or 0 once a loss was no number
  bool decays = false;

 public:
  LaneTraining(const cpu::LaneRun<Real>& run, Arena& memory) : run(run), net{.shape = *run.shape} {
    const Shape& shape = *run.shape;
    const int64_t rows = run.batch_size;
    int64_t widest = 1;
    net.p = memory.take<P>(run.parameters);
    net.m = memory.take<P>(run.parameters);
    net.v = memory.take<P>(run.parameters);
    net.y[0] = memory.take<P>(rows * run.train.inputs);
    for (int l = 0; l < shape.layers; ++l) {
      const Layer& layer = shape.layer[l];
      net.y[l + 1] = memory.take<P>(rows * layer.out);
      const bool by_z = visit(layer.activation, [](auto act) { return decltype(act)::saves == Saves::preactivation; });
      net.z[l] = by_z ? memory.take<P>(rows * layer.out) : net.y[l + 1];
      widest = widest < layer.out ? layer.out : widest;
    }
    net.g = memory.take<P>(rows * widest);
    net.below = memory.take<P>(rows * widest);
    net.target = memory.take<P>(rows * run.train.targets);
    order = memory.take<uint32_t>(order_lanes * run.train.rows);
  }

  void train() {
    load_parameters();
    for (int64_t l = 0; l < run.count; ++l) run.good[l] = 0;
    StepCounter counter(run.rule);
    for (int64_t epoch = 0; epoch < run.epochs; ++epoch) {
      draw_epoch(epoch);
      visit_summed(run.rule, decays, [&](auto rule) { train_epoch(epoch, counter, rule); });
      if (run.test_epochs || epoch + 1 == run.epochs) evaluate(run.test_epochs ? epoch : 0);
    }
    store_parameters();
  }

 private:
  void load_parameters() {
    Real* p = reinterpret_cast<Real*>(net.p);
    for (int64_t k = 0; k < run.parameters; ++k) {
      for (int64_t l = 0; l < width; ++l) p[k * width + l] = run.values[(l < run.count ? l : 0) * run.parameters + k];
      net.m[k] = net.v[k] = P(Real(0));
    }
    for (int64_t l = 0; l < width; ++l) {
      lr.v[l] = Real(run.lr[l < run.count ? l : 0]);
      weight_decay.v[l] = Real(run.weight_decay[l < run.count ? l : 0]);
      learns.v[l] = lr.v[l] > Real(1e-30);
      if (learns.v[l] == 0) lr.v[l] = 1, weight_decay.v[l] = 0;
      decays = decays || weight_decay.v[l] != 0;
    }
  }

  void store_parameters() {
    const Real* p = reinterpret_cast<const Real*>(net.p);
    for (int64_t l = 0; l < run.count; ++l)
      for (int64_t k = 0; k < run.parameters; ++k) run.values[l * run.parameters + k] = p[k * width + l];
  }

  void draw_epoch(int64_t epoch) {
    if (run.shuffle) return draw_orders<Words>(run.seeds + epoch * order_lanes, run.train.rows, order);
    if (epoch > 0) return;
    for (int64_t l = 0; l < order_lanes; ++l)
      for (int64_t i = 0; i < run.train.rows; ++i) order[l * run.train.rows + i] = uint32_t(i);
  }

  // The batch of `rows` rows that begins at place `begin` of each network's order.
  void gather(int64_t begin, int64_t rows) {
    const Table<Real>& table = run.train;
    Real *x = reinterpret_cast<Real*>(net.y[0]), *target = reinterpret_cast<Real*>(net.target);
    for (int64_t r = 0; r < rows; ++r, x += table.inputs * width, target += table.targets * width)
      for (int64_t l = 0; l < width; ++l) {
        const int64_t row = order[l * table.rows + begin + r];
        for (int64_t i = 0; i < table.inputs; ++i) x[i * width + l] = table.x[row * table.inputs + i];
        for (int64_t i = 0; i < table.targets; ++i) target[i * width + l] = table.y[row * table.targets + i];
      }
  }

  template <class Update>
  void train_epoch(int64_t epoch, StepCounter& counter, Update rule) {
    const int64_t rows = run.drop_last ? run.train.rows / run.batch_size * run.batch_size : run.train.rows;
    double loss[width] = {}, right[width] = {};
    P good(Real(0));
    for (int64_t begin = 0; begin < rows; begin += run.batch_size) {
      const int64_t size = rows - begin < run.batch_size ? rows - begin : run.batch_size;
      gather(begin, size);
      net.forward(size);
      P hits;
      const P mean = net.loss(size, learns, hits);
      alive = select(mean - mean == P(Real(0)), alive, P(Real(0)));
      good = good + alive;
      for (int l = 0; l < width; ++l) {
        loss[l] += double(mean.v[l]) * double(run.weighted ? size : 1);
        right[l] += double(hits.v[l]);
      }
      StepNumbers<P> numbers = step_numbers(run.rule, counter.next(), lr, weight_decay);
      if (run.rule.optimizer != Optimizer::sgd) numbers = summed(numbers);
      net.backward(size, run.parameters, numbers, rule);
    }
    for (int64_t l = 0; l < run.count; ++l) {
      run.loss[l * run.epochs + epoch] = loss[l] / double(rows);
      run.accuracy[l * run.epochs + epoch] = right[l] / double(rows);
      run.good[l] += int64_t(good.v[l]);
    }
  }

  // Loss and accuracy of every network's present weights on the test rows.
  void evaluate(int64_t test) {
    const Table<Real>& table = run.test;
    const int64_t tests = run.test_epochs ? run.epochs : 1;
    if (table.rows == 0) return;
    double loss[width] = {}, right[width] = {};
    for (int64_t begin = 0; begin < table.rows; begin += run.batch_size) {
      const int64_t size = table.rows - begin < run.batch_size ? table.rows - begin : run.batch_size;
      for (int64_t k = 0; k < size * table.inputs; ++k) net.y[0][k] = P(table.x[begin * table.inputs + k]);
      for (int64_t k = 0; k < size * table.targets; ++k) net.target[k] = P(table.y[begin * table.targets + k]);
      net.forward(size);
      P hits;
      const P mean = net.loss(size, P(Real(0)), hits);
      for (int l = 0; l < width; ++l) {
        loss[l] += double(mean.v[l]) * double(size);
        right[l] += double(hits.v[l]);
      }
    }
    for (int64_t l = 0; l < run.count; ++l) {
      run.test_loss[l * tests + test] = loss[l] / double(table.rows);
      run.test_accuracy[l * tests + test] = right[l] / double(table.rows);
    }
  }
};

template <class Real>
int64_t lane_memory(const cpu::LaneRun<Real>& run) {
  Arena counting{nullptr};
  LaneTraining<Real>(run, counting);
  return counting.used;
}

template <class Real>
void train_lanes(const cpu::LaneRun<Real>& run, char* memory) {
  Arena arena{memory};
  LaneTraining<Real>(run, arena).train();
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

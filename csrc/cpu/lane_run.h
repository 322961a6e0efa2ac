// The epochs of a register full of networks: orders, batches, steps, metrics.
#pragma once

#include <type_traits>

#include "../random.h"
#include "arena.h"
#include "columns.h"
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
    net.parameter = memory.take<Parameter<P>>(run.parameters);
    net.pitch = run.train.pitch;
    net.batch = memory.take<P>(rows * net.pitch);
    for (int l = 0; l < shape.layers; ++l) {
      const Layer& layer = shape.layer[l];
      net.y[l + 1] = memory.take<P>(rows * layer.out);
      const bool by_z = visit(layer.activation, [](auto act) { return decltype(act)::saves == Saves::preactivation; });
      net.z[l] = by_z ? memory.take<P>(rows * layer.out) : net.y[l + 1];
      widest = widest < layer.out ? layer.out : widest;
    }
    net.g = memory.take<P>(rows * widest);
    net.below = memory.take<P>(rows * widest);
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
    for (int64_t k = 0; k < run.parameters; ++k) {
      Real value[width];
      for (int64_t l = 0; l < width; ++l) value[l] = run.values[(l < run.count ? l : 0) * run.parameters + k];
      net.parameter[k] = {P::load(value), P(Real(0)), P(Real(0))};
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
    for (int64_t l = 0; l < run.count; ++l)
      for (int64_t k = 0; k < run.parameters; ++k) run.values[l * run.parameters + k] = net.parameter[k].p.v[l];
  }

  void draw_epoch(int64_t epoch) {
    if (run.shuffle) return draw_orders<Words>(run.seeds + epoch * order_lanes, run.train.rows, order);
    if (epoch > 0) return;
    for (int64_t l = 0; l < order_lanes; ++l)
      for (int64_t i = 0; i < run.train.rows; ++i) order[l * run.train.rows + i] = uint32_t(i);
  }

  // The batch of `rows` rows that begins at place `begin` of each network's order.
  void gather(int64_t begin, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      const Real* row[width];
      for (int64_t l = 0; l < width; ++l) row[l] = run.train.at + order[l * run.train.rows + begin + r] * net.pitch;
      columns_of(row, net.pitch, net.batch + r * net.pitch);
    }
  }

  // What the batches of an epoch add up to.
  struct Totals {
    double loss[width] = {}, right[width] = {};
    P good{Real(0)};  // batches before the first whose loss is no number
  };

  // One update by the batch of `rows` rows that begins there; two rows, as a constant, are a fifth faster.
  template <class Rows, class Update>
  void step(int64_t begin, Rows rows, StepCounter& counter, Update rule, Totals& totals) {
    gather(begin, rows);
    net.forward(rows);
    P hits;
    const P mean = net.loss(rows, learns, hits);
    alive = select(mean - mean == P(Real(0)), alive, P(Real(0)));
    totals.good = totals.good + alive;
    for (int l = 0; l < width; ++l) {
      totals.loss[l] += double(mean.v[l]) * double(run.weighted ? rows : 1);
      totals.right[l] += double(hits.v[l]);
    }
    StepNumbers<P> numbers = step_numbers(run.rule, counter.next(), lr, weight_decay);
    if (run.rule.optimizer != Optimizer::sgd) numbers = summed(numbers);
    net.backward(rows, run.parameters, numbers, rule);
  }

  template <class Update>
  void train_epoch(int64_t epoch, StepCounter& counter, Update rule) {
    const int64_t rows = run.drop_last ? run.train.rows / run.batch_size * run.batch_size : run.train.rows;
    Totals totals;
    for (int64_t begin = 0; begin < rows; begin += run.batch_size) {
      const int64_t size = rows - begin < run.batch_size ? rows - begin : run.batch_size;
      if (size == 2)
        step(begin, std::integral_constant<int64_t, 2>(), counter, rule, totals);
      else
        step(begin, size, counter, rule, totals);
    }
    for (int64_t l = 0; l < run.count; ++l) {
      run.loss[l * run.epochs + epoch] = totals.loss[l] / double(rows);
      run.accuracy[l * run.epochs + epoch] = totals.right[l] / double(rows);
      run.good[l] += int64_t(totals.good.v[l]);
    }
  }

  // Loss and accuracy of every network's present weights on the test rows.
  void evaluate(int64_t test) {
    const cpu::JoinedTable<Real>& table = run.test;
    const int64_t tests = run.test_epochs ? run.epochs : 1;
    if (table.rows == 0) return;
    double loss[width] = {}, right[width] = {};
    for (int64_t begin = 0; begin < table.rows; begin += run.batch_size) {
      const int64_t size = table.rows - begin < run.batch_size ? table.rows - begin : run.batch_size;
      for (int64_t k = 0; k < size * net.pitch; ++k) net.batch[k] = P(table.at[begin * net.pitch + k]);
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

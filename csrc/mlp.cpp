#include "mlp.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "cpu/trained_network.h"
#include "first_weights.h"
#include "orders.h"
#include "refuse.h"

namespace nnplay {
namespace {

constexpr int64_t least_room = 128;  // rows that are evaluated at once

template <class Real>
class RunOf : public Run {
 public:
  RunOf(const Shape& shape, const Rows& train, const Rule& rule, const Batches& batches, const Beginning& beginning,
        bool fused, bool on_device)
      : shape(shape), x(train.features, train.features + train.rows * train.inputs),
        targets(train.targets, train.targets + train.rows * train.columns),
        table{x.data(), targets.data(), train.rows, train.inputs, train.columns}, rule(rule), batches(batches),
        fused(fused), counter(rule), net(shape, count_parameters(shape), on_device),
        orders(first_weights(shape, beginning, fused, net.plain().p.data()), train.rows) {
    make_room(batches.size);
  }

  int64_t parameters() const override { return count_parameters(shape); }

  int64_t steps_left() const override {
    const int64_t left = goal - place;
    return left / batch_size + (left % batch_size != 0);
  }

  void begin_epoch() override {
    order = orders.next(batches.shuffle);
    batch_size = batches.size;
    goal = batches.drop_last ? table.rows / batch_size * batch_size : table.rows;
    place = 0;
    sums = {};
  }

  int64_t advance(int64_t steps, double& bad) override {
    if (steps < 0 || steps > steps_left())
      refuse("expected at most ", steps_left(), " steps, as many as the epoch has left, got ", steps);
    bad = 0;
    if (interrupted.exchange(false)) return 0;
    const int64_t rows = std::min(steps * batch_size, goal - place);
    const int64_t taken =
        net.train({table, order + place, rows, batch_size, rule, batches.weighted, &sums}, counter, interrupted);
    place += std::min(taken * batch_size, rows);
    bad = sums.bad;
    if (taken < steps && bad == 0) interrupted = false;
    return taken;
  }

  void interrupt() override { interrupted = true; }

  Score score() const override {
    const double rows = double(std::max<int64_t>(sums.rows, 1));
    return {sums.loss / rows, sums.right / rows};
  }

  std::vector<int64_t> batch() const override {
    return {order + place, order + place + std::min(batch_size, goal - place)};
  }

  void read_state(RunState& state) override {
    const cpu::LayerNetwork<Real>& plain = net.plain();
    state.weights.assign(plain.p.begin(), plain.p.end());
    state.first.assign(plain.m.begin(), plain.m.end());
    state.second.assign(plain.v.begin(), plain.v.end());
    state.order.assign(order, order + (order ? table.rows : 0));
    orders.present().read(state.generator);
    state.steps = counter.steps();
    state.place = place, state.goal = goal, state.batch_size = batch_size;
    state.sums = sums;
  }

  void restore(const RunState& state) override {
    check_state(state, parameters(), table.rows);
    batch_size = state.batch_size;
    make_room(batches.size);  // first of all: it alone may still fail
    cpu::LayerNetwork<Real>& plain = net.plain();
    plain.p.assign(state.weights.begin(), state.weights.end());
    plain.m.assign(state.first.begin(), state.first.end());
    plain.v.assign(state.second.begin(), state.second.end());
    net.take_over();
    const bool begun = !state.order.empty();
    const uint32_t* at = orders.restore(TorchGenerator(state.generator, fused),
                                        std::vector<uint32_t>(state.order.begin(), state.order.end()));
    order = begun ? at : nullptr;
    place = state.place, goal = state.goal;
    sums = state.sums;
    counter = StepCounter(rule, state.steps);
  }

  void set_rule(const Rule& changed) override {
    check_rule(changed);
    if (changed.optimizer != rule.optimizer || changed.beta1 != rule.beta1 || changed.beta2 != rule.beta2)
      refuse("expected the optimizer and the betas that the run began with: only rates change in a run");
    rule = changed;
  }

  void set_batches(const Batches& changed) override {
    check_batches(changed, table.rows);
    if (changed.size != batches.size) make_room(changed.size);  // which may fail
    batches = changed;
  }

  Score evaluate(const Rows& rows, double* outputs) override {
    check_rows(shape, rows, "evaluate");
    const int64_t out = shape.layer[shape.layers - 1].out;
    Score total{0, 0};
    std::vector<Real> some(least_room * table.inputs), wanted(least_room * table.targets);
    for (int64_t begin = 0; begin < rows.rows; begin += least_room) {
      const int64_t size = std::min(least_room, rows.rows - begin);
      std::copy_n(rows.features + begin * rows.inputs, size * rows.inputs, some.data());
      std::copy_n(rows.targets + begin * rows.columns, size * rows.columns, wanted.data());
      const Real* y = net.plain().forward(some.data(), size);
      double right = 0;
      total.loss += net.plain().loss(wanted.data(), size, right) * double(size);
      total.accuracy += right;
      std::copy_n(y, size * out, outputs + begin * out);
    }
    const double count = double(std::max<int64_t>(rows.rows, 1));
    return {total.loss / count, total.accuracy / count};
  }

  void read_weights(double* weights) override { std::copy_n(net.plain().p.data(), parameters(), weights); }

  void write_weights(const double* weights) override {
    std::copy_n(weights, parameters(), net.plain().p.data());
    net.take_over();
  }

  void read_gradient(double* gradient) override {
    if (steps_left() == 0) refuse("expected an epoch under way, whose next batch has a gradient: begin one");
    const int64_t size = std::min(batch_size, goal - place);
    std::copy_n(net.plain().gradient(table, order + place, size), parameters(), gradient);
  }

 private:
  Shape shape;
  std::vector<Real> x, targets;
  Table<Real> table;
  Rule rule;
  Batches batches;
  bool fused;
  const uint32_t* order = nullptr;  // of the epoch under way
  int64_t place = 0, goal = 0, batch_size = 1;  // rows of `order`: taken, to be taken, and at a time
  cpu::Sums sums;
  std::atomic<bool> interrupted{false};
  StepCounter counter;
  cpu::TrainedNetwork<Real> net;
  Orders orders;

  // An epoch under way may still have batches of the size before.
  void make_room(int64_t size) {
    const int64_t most = std::max(batch_size, size);
    net.make_room(most, std::max(most, least_room));
  }
};

}  // namespace

std::unique_ptr<Run> make_run(const Shape& shape, const Rows& train, const Rule& rule, const Batches& batches,
                              const Beginning& beginning, bool twice, bool fused, bool on_device) {
  check_rule(rule);
  check_rows(shape, train, "train");
  check_batches(batches, train.rows);
  check_skipped(beginning.skipped);
  int64_t widest = 0;
  for (int l = 0; l < shape.layers; ++l) widest = std::max({widest, shape.layer[l].in, shape.layer[l].out});
  checked_product({std::max(batches.size, least_room), widest, shape.layers, 64});
  if (twice) return std::make_unique<RunOf<double>>(shape, train, rule, batches, beginning, fused, on_device);
  return std::make_unique<RunOf<float>>(shape, train, rule, batches, beginning, fused, on_device);
}

}  // namespace nnplay

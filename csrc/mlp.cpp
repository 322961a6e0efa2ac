#include "mlp.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>

#include "cpu/trained_network.h"
#include "first_weights.h"
#include "orders.h"
#include "refuse.h"

namespace nnplay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t least_room = 128;  // rows that are evaluated at once

// A copy of rows.
template <class Real>
struct OwnRows {
  std::vector<Real> x, y;
  Table<Real> table;

  explicit OwnRows(const Rows& rows)
      : x(rows.features, rows.features + rows.rows * rows.inputs), y(rows.targets, rows.targets + rows.rows * rows.columns),
        table{x.data(), y.data(), rows.rows, rows.inputs, rows.columns} {}
  OwnRows(const OwnRows&) = delete;
};

template <class Real>
class RunOf : public Run {
 public:
  RunOf(const Shape& shape, const Rows& train, const Rows& test, const Rule& rule, const Batches& batches,
        const Beginning& beginning, bool fused, bool on_device)
      : shape(shape), train_rows(train), test_rows(test), table(train_rows.table), rule(rule), batches(batches),
        fused(fused), counter(rule), net(shape, count_parameters(shape), table, test_rows.table, on_device),
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
    goal = rows_of_epoch();
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

  Epochs advance_epochs(int64_t count) override {
    if (count < 1) refuse("expected at least 1 epoch, got ", count);
    if (goal == place) refuse("expected an epoch under way: begin one");
    Epochs found;
    while (int64_t(found.ended.size()) < count) {
      if (!found.ended.empty()) begin_epoch();
      const int64_t left = count - int64_t(found.ended.size());
      const bool goes_on = net.on_device && place == 0 ? launch_epochs(left, found) : take_epoch(found);
      if (!goes_on) break;
    }
    return found;
  }

  void interrupt() override { interrupted = true; }

  Score score() const override { return score_of(sums); }

  Score test() override {
    const Table<Real>& rows = test_rows.table;
    if (net.on_device && rows.rows > 0) return score_of(net.test());
    cpu::Sums found;
    for (int64_t begin = 0; begin < rows.rows; begin += least_room)
      add_forward(rows.x + begin * rows.inputs, rows.y + begin * rows.targets, std::min(least_room, rows.rows - begin), found);
    return score_of(found);
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
    cpu::Sums found;
    std::vector<Real> some(least_room * table.inputs), wanted(least_room * table.targets);
    for (int64_t begin = 0; begin < rows.rows; begin += least_room) {
      const int64_t size = std::min(least_room, rows.rows - begin);
      std::copy_n(rows.features + begin * rows.inputs, size * rows.inputs, some.data());
      std::copy_n(rows.targets + begin * rows.columns, size * rows.columns, wanted.data());
      std::copy_n(add_forward(some.data(), wanted.data(), size, found), size * out, outputs + begin * out);
    }
    return score_of(found);
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
  const OwnRows<Real> train_rows, test_rows;
  const Table<Real> table;
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

  static Score score_of(const cpu::Sums& sums) {
    const double rows = double(std::max<int64_t>(sums.rows, 1));
    return {sums.loss / rows, sums.right / rows};
  }

  // Adds the loss and the right answers of some rows; returns their outputs, (rows, out).
  const Real* add_forward(const Real* x, const Real* target, int64_t rows, cpu::Sums& found) {
    const Real* y = net.plain().forward(x, rows);
    double right = 0;
    found.loss += net.plain().loss(target, rows, right) * double(rows);
    found.right += right;
    found.rows += rows;
    return y;
  }

  // Ends the epoch under way; false where the epochs end early.
  bool take_epoch(Epochs& found) {
    const int64_t steps = steps_left();
    const Clock::time_point begun = Clock::now();
    found.steps = advance(steps, found.bad);
    found.seconds += seconds_since(begun);
    return found.steps == steps && add(found, {steps, score(), test()});
  }

  // The epoch under way, no step of which is taken, and some after it, in one launch; false where the epochs end early.
  bool launch_epochs(int64_t most, Epochs& found) {
    if (interrupted.exchange(false)) return found.steps = 0, false;
    const bool alike = batch_size == batches.size && goal == rows_of_epoch();  // the epochs to come
    const int64_t count = alike ? most : 1, steps = steps_left();
    std::vector<uint32_t> ordered(order, order + goal);
    Orders ahead = orders;  // the run's own go on epoch by epoch, as far as it comes
    for (int64_t epoch = 1; epoch < count; ++epoch) {
      const uint32_t* next = ahead.next(batches.shuffle);
      ordered.insert(ordered.end(), next, next + goal);
    }
    std::vector<cpu::Sums> trained(count), tested(count);
    const Clock::time_point begun = Clock::now();
    const int64_t taken =
        net.train_epochs({table, ordered.data(), goal, batch_size, rule, batches.weighted, trained.data()}, count,
                         test_rows.table.rows > 0 ? tested.data() : nullptr, counter);
    found.seconds += seconds_since(begun);
    for (int64_t epoch = 0; epoch < count; ++epoch) {
      if (epoch > 0) begin_epoch();
      sums = trained[epoch];
      found.steps = std::min(steps, taken - epoch * steps);
      place = std::min(found.steps * batch_size, goal);
      found.bad = sums.bad;
      if (found.steps < steps || !add(found, {steps, score(), score_of(tested[epoch])})) return false;
    }
    return true;
  }

  static bool add(Epochs& found, const EpochScore& ended) {
    found.ended.push_back(ended);
    found.steps = 0;
    return std::isfinite(ended.test.loss);
  }

  static double seconds_since(Clock::time_point begun) {
    return std::chrono::duration<double>(Clock::now() - begun).count();
  }

  int64_t rows_of_epoch() const {
    return batches.drop_last ? table.rows / batches.size * batches.size : table.rows;
  }

  // An epoch under way may still have batches of the size before.
  void make_room(int64_t size) {
    const int64_t most = std::max(batch_size, size);
    net.make_room(most, std::max(most, least_room));
  }
};

}  // namespace

std::unique_ptr<Run> make_run(const Shape& shape, const Rows& train, const Rows& test, const Rule& rule,
                              const Batches& batches, const Beginning& beginning, bool twice, bool fused,
                              bool on_device) {
  check_rule(rule);
  check_rows(shape, train, "train");
  if (test.rows > 0) check_rows(shape, test, "test");
  check_batches(batches, train.rows);
  check_skipped(beginning.skipped);
  int64_t widest = 0;
  for (int l = 0; l < shape.layers; ++l) widest = std::max({widest, shape.layer[l].in, shape.layer[l].out});
  checked_product({std::max(batches.size, least_room), widest, shape.layers, 64});
  if (twice) return std::make_unique<RunOf<double>>(shape, train, test, rule, batches, beginning, fused, on_device);
  return std::make_unique<RunOf<float>>(shape, train, test, rule, batches, beginning, fused, on_device);
}

}  // namespace nnplay

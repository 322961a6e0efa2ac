#include "mlp.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>

#include "cpu/layer_network.h"
#include "random.h"

namespace nnplay {

namespace baseline {
extern const cpu::MlpInstructionSet mlp_kernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const cpu::MlpInstructionSet mlp_kernels;
}
namespace avx512 {
extern const cpu::MlpInstructionSet mlp_kernels;
}
#endif

namespace {

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::string message;
  const auto add = [&](const auto& part) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(part)>>) {
      char number[32];
      std::snprintf(number, sizeof number, "%.10g", double(part));
      message += number;
    } else {
      message += part;
    }
  };
  (add(parts), ...);
  throw std::invalid_argument(message);
}

}  // namespace

const cpu::MlpInstructionSet& cpu::mlp_instruction_set() {
  static const MlpInstructionSet& chosen = [&]() -> const MlpInstructionSet& {
#if defined(__x86_64__)
    for (const MlpInstructionSet* one : {&avx512::mlp_kernels, &avx2::mlp_kernels})
      if (std::string(one->name) == instruction_set().name) return *one;
#endif
    return baseline::mlp_kernels;
  }();
  return chosen;
}

// ---- checks -------------------------------------------------------------------------------------------

int64_t checked_product(std::initializer_list<int64_t> sizes) {
  int64_t product = 1;
  for (const int64_t size : sizes)
    if (size < 0 || __builtin_mul_overflow(product, size, &product) || product > (int64_t(1) << 48))
      refuse("expected sizes whose product fits into memory, got a product over ", int64_t(1) << 48);
  return product;
}

int64_t count_parameters(const Shape& shape) {
  int64_t count = 0;
  for (int l = 0; l < shape.layers; ++l)
    count += shape.layer[l].out * (shape.layer[l].in + (shape.bias ? 1 : 0));
  return count;
}

Shape make_shape(const std::vector<int64_t>& widths, const std::vector<Activation>& activations, bool bias,
                 Loss loss) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  const auto layers = int64_t(activations.size());
  if (layers < 1 || layers > most_layers)
    refuse("expected 1 to ", most_layers, " layers, got ", layers);
  if (int64_t(widths.size()) != layers + 1)
    refuse("expected ", layers + 1, " widths for ", layers, " layers (inputs, hidden..., outputs), got ", widths.size());
  Shape shape{.layers = int(layers), .layer = {}, .bias = bias, .loss = loss};
  int64_t parameters = 0;
  for (int64_t l = 0; l < layers; ++l) {
    for (const int64_t width : {widths[l], widths[l + 1]})
      if (width < 1 || width > most) refuse("expected widths from 1 to ", most, ", got ", width);
    shape.layer[l] = {widths[l], widths[l + 1], activations[l]};
    parameters += widths[l + 1] * (widths[l] + (bias ? 1 : 0));  // at most 2^62 + 2^31
    if (parameters > most)
      refuse("expected a network of at most ", most, " parameters, got more than that by layer ", l + 1, ", ", widths[l],
             " to ", widths[l + 1], ": make it narrower");
  }
  if (loss == Loss::cross_entropy && widths.back() > (1 << 24))
    refuse("expected at most ", 1 << 24, " classes, got ", widths.back());
  return shape;
}

void check_rows(const Shape& shape, const Rows& rows, const std::string& name) {
  const int64_t inputs = shape.layer[0].in, outputs = shape.layer[shape.layers - 1].out;
  const int64_t columns = shape.loss == Loss::mse ? outputs : 1;
  if (rows.rows > most_rows) refuse(name, ": expected at most ", most_rows, " rows, got ", rows.rows);
  if (rows.inputs != inputs || rows.columns != columns)
    refuse(name, ": expected features of shape (rows, ", inputs, ") and ", columns, " target(s) per row, got (",
           rows.rows, ", ", rows.inputs, ") and ", rows.columns);
  for (int64_t i = 0; i < rows.rows * inputs; ++i)
    if (!std::isfinite(rows.features[i]))
      refuse(name, ": expected finite features, got ", rows.features[i], " in row ", i / inputs, ", column ", i % inputs);
  for (int64_t i = 0; i < rows.rows * columns; ++i) {
    const double y = rows.targets[i];
    if (!std::isfinite(y)) refuse(name, ": expected finite targets, got ", y, " in row ", i / columns);
    if (shape.loss == Loss::cross_entropy && !(y >= 0 && y < double(outputs) && y == std::floor(y)))
      refuse(name, ": expected labels 0 to ", outputs - 1, ", got ", y, " in row ", i);
  }
}

void check_rule(const Rule& rule) {
  const auto check = [](const char* name, double value, double low, double high) {
    if (!(value >= low && value <= high)) refuse(name, ": expected a number from ", low, " to ", high, ", got ", value);
  };
  constexpr double most = std::numeric_limits<double>::max();
  check("lr", rule.lr, 0, most);
  check("momentum", rule.momentum, 0, most);
  check("weight_decay", rule.weight_decay, 0, most);
  check("beta1", rule.beta1, 0, std::nextafter(1.0, 0.0));
  check("beta2", rule.beta2, 0, std::nextafter(1.0, 0.0));
  check("eps", rule.eps, 0, most);
  if (rule.nesterov && rule.momentum == 0) refuse("nesterov: expected a momentum above 0, got 0");
}

// ---- step numbers -------------------------------------------------------------------------------------

StepCounter::StepCounter(const Rule& rule) : beta1(rule.beta1), beta2(rule.beta2) {}

Correction StepCounter::next() {
  const auto power = [t = ++t](double beta, double& last) {
    last = t % 64 == 1 ? std::pow(beta, double(t)) : last * beta;
    return last = last < 1e-20 ? 0 : last;
  };
  return {1 / (1 - power(beta1, power1)), 1 / std::sqrt(1 - power(beta2, power2))};
}

// ---- a run --------------------------------------------------------------------------------------------

namespace {

// nn.Linear's reset_parameters, layer by layer: both bounds come from kaiming_uniform_(a=sqrt(5)) and the
// number of inputs, in the arithmetic that torch does in Python.
template <class Real>
void draw_weights(const Shape& shape, TorchGenerator& generator, Real* p) {
  for (int l = 0; l < shape.layers; ++l) {
    const auto [in, out, activation] = shape.layer[l];
    const double slope = std::sqrt(5.0), gain = std::sqrt(2.0 / (1 + slope * slope));
    const double bound = std::sqrt(3.0) * (gain / std::sqrt(double(in)));
    for (int64_t k = 0; k < out * in; ++k) *p++ = generator.uniform(Real(bound));
    if (!shape.bias) continue;
    for (int64_t k = 0; k < out; ++k) *p++ = generator.uniform(Real(1 / std::sqrt(double(in))));
  }
}

constexpr int64_t least_room = 128;  // rows that are evaluated at once

int64_t room_for(const Batches& batches) { return std::max(batches.size, least_room); }

template <class Real>
class RunOf : public Run {
 public:
  RunOf(const Shape& shape, const Rows& train, const Rule& rule, const Batches& batches, uint64_t seed, bool fused)
      : shape(shape), x(train.features, train.features + train.rows * train.inputs),
        targets(train.targets, train.targets + train.rows * train.columns),
        table{x.data(), targets.data(), train.rows, train.inputs, train.columns}, rule(rule), batches(batches),
        generator(seed, fused), order(train.rows), counter(rule), net(shape, count_parameters(shape)) {
    net.make_room(room_for(batches));
    draw_weights(shape, generator, net.p.data());
    for (int64_t i = 0; i < train.rows; ++i) order[i] = uint32_t(i);
  }

  int64_t parameters() const override { return int64_t(net.p.size()); }

  int64_t steps_left() const override {
    const int64_t left = goal - place;
    return left / batch_size + (left % batch_size != 0);
  }

  void begin_epoch() override {
    const uint32_t seed = generator.next_epoch(batches.shuffle);
    if (batches.shuffle)
      draw_order(seed, table.rows, order.data());
    else
      for (int64_t i = 0; i < table.rows; ++i) order[i] = uint32_t(i);
    batch_size = batches.size;
    goal = batches.drop_last ? table.rows / batch_size * batch_size : table.rows;
    place = 0;
    sums = {};
  }

  int64_t advance(int64_t steps, double& bad) override {
    if (steps < 0 || steps > steps_left())
      refuse("expected at most ", steps_left(), " steps, as many as the epoch has left, got ", steps);
    const int64_t rows = std::min(steps * batch_size, goal - place);
    const int64_t taken =
        net.train({table, order.data() + place, rows, batch_size, rule, batches.weighted, &sums}, counter);
    place += std::min(taken * batch_size, rows);
    bad = sums.bad;
    return taken;
  }

  Score score() const override {
    const double rows = double(std::max<int64_t>(sums.rows, 1));
    return {sums.loss / rows, sums.right / rows};
  }

  void set_rule(const Rule& changed) override {
    check_rule(changed);
    if (changed.optimizer != rule.optimizer || changed.beta1 != rule.beta1 || changed.beta2 != rule.beta2)
      refuse("expected the optimizer and the betas that the run began with: only rates change in a run");
    rule = changed;
  }

  void set_batches(const Batches& changed) override;

  Score evaluate(const Rows& rows, double* outputs) override {
    check_rows(shape, rows, "evaluate");
    const int64_t out = shape.layer[shape.layers - 1].out;
    Score total{0, 0};
    std::vector<Real> some(least_room * table.inputs), wanted(least_room * table.targets);
    for (int64_t begin = 0; begin < rows.rows; begin += least_room) {
      const int64_t size = std::min(least_room, rows.rows - begin);
      std::copy_n(rows.features + begin * rows.inputs, size * rows.inputs, some.data());
      std::copy_n(rows.targets + begin * rows.columns, size * rows.columns, wanted.data());
      const Real* y = net.forward(some.data(), size);
      double right = 0;
      total.loss += net.loss(wanted.data(), size, right) * double(size);
      total.accuracy += right;
      std::copy_n(y, size * out, outputs + begin * out);
    }
    const double count = double(std::max<int64_t>(rows.rows, 1));
    return {total.loss / count, total.accuracy / count};
  }

  void read_weights(double* weights) override { std::copy(net.p.begin(), net.p.end(), weights); }
  void write_weights(const double* weights) override { std::copy_n(weights, net.p.size(), net.p.begin()); }

  void read_gradient(double* gradient) override {
    if (steps_left() == 0) refuse("expected an epoch under way, whose next batch has a gradient: begin one");
    const int64_t size = std::min(batch_size, goal - place);
    std::copy_n(net.gradient(table, order.data() + place, size), net.p.size(), gradient);
  }

 private:
  Shape shape;
  std::vector<Real> x, targets;
  Table<Real> table;
  Rule rule;
  Batches batches;
  TorchGenerator generator;
  std::vector<uint32_t> order;
  int64_t place = 0, goal = 0, batch_size = 1;  // rows of `order`: taken, to be taken, and at a time
  cpu::Sums sums;
  StepCounter counter;
  cpu::LayerNetwork<Real> net;
};

void check_batches(const Batches& batches, int64_t rows) {
  if (batches.size < 1 || batches.size > rows)
    refuse("batch_size: expected 1 to ", rows, ", the rows there are, got ", batches.size);
}

template <class Real>
void RunOf<Real>::set_batches(const Batches& changed) {
  check_batches(changed, table.rows);
  net.make_room(room_for(changed));
  batches = changed;
}

}  // namespace

std::unique_ptr<Run> make_run(const Shape& shape, const Rows& train, const Rule& rule, const Batches& batches,
                              uint64_t seed, bool twice, bool fused) {
  check_rule(rule);
  check_rows(shape, train, "train");
  check_batches(batches, train.rows);
  int64_t widest = 0;
  for (int l = 0; l < shape.layers; ++l) widest = std::max({widest, shape.layer[l].in, shape.layer[l].out});
  checked_product({room_for(batches), widest, shape.layers, 64});
  if (twice) return std::make_unique<RunOf<double>>(shape, train, rule, batches, seed, fused);
  return std::make_unique<RunOf<float>>(shape, train, rule, batches, seed, fused);
}

}  // namespace nnplay

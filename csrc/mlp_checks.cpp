// What a caller may ask for: every size, number and label, before anything is allocated or calculated.
#include <cmath>
#include <limits>

#include "mlp.h"
#include "random.h"
#include "refuse.h"

namespace nnplay {


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

void check_batches(const Batches& batches, int64_t rows) {
  if (batches.size < 1 || batches.size > rows)
    refuse("batch_size: expected 1 to ", rows, ", the rows there are, got ", batches.size);
}

void check_skipped(int64_t skipped) {
  constexpr int64_t most = int64_t(1) << 40;
  if (skipped < 0 || skipped > most) refuse("skipped: expected 0 to ", most, ", got ", skipped);
}

void check_state(const RunState& state, int64_t parameters, int64_t rows) {
  const auto check = [](const std::string& name, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high) refuse(name, ": expected ", low, " to ", high, ", got ", value);
  };
  for (const auto& [name, numbers] : {std::pair("weights", &state.weights), {"first_moment", &state.first},
                                      {"second_moment", &state.second}})
    if (int64_t(numbers->size()) != parameters)
      refuse(name, ": expected ", parameters, " numbers, got ", numbers->size());
  const bool begun = !state.order.empty();
  if (begun && int64_t(state.order.size()) != rows)
    refuse("order: expected each of the ", rows, " rows once, got ", state.order.size(), " of them");
  std::vector<bool> seen(state.order.size());
  for (const int64_t row : state.order) {
    check("order", row, 0, rows - 1);
    if (seen[row]) refuse("order: expected each row once, got row ", row, " twice");
    seen[row] = true;
  }
  check("generator_next", state.generator.next, 0, TwisterState::size - 1);
  check("steps", state.steps, 0, int64_t(1) << 53);
  check("batch_size", state.batch_size, 1, rows);
  check("goal", state.goal, 0, begun ? rows : 0);
  check("place", state.place, 0, state.goal);
  if (state.place % state.batch_size != 0 && state.place != state.goal)
    refuse("place: expected whole batches of ", state.batch_size, " rows, got ", state.place, " rows");
  check("rows_taken", state.sums.rows, 0, rows);
}

}  // namespace nnplay

// Where everything of a network lies in a team's memory.
#pragma once

#include "../mlp.h"
#include "../refuse.h"
#include "../team_network.h"

namespace nnplay::cuda {

// For batches of up to `rows` rows. Raises if a team's memory would have more numbers than an int counts.
inline TeamPlan make_plan(const Shape& shape, int64_t rows) {
  constexpr int64_t most = 0x7fffffff;
  TeamPlan plan{};
  int64_t dense = 0, padded = 0, work = 0;
  const auto take = [=](int64_t& total, int64_t count) {
    const int64_t begin = total;
    if (count > most || (total += count) > most)
      refuse("device=cuda: expected a network and batches of at most ", most, " numbers in all, got more: lower "
             "hidden or batch_size, or use device=cpu");
    return int(begin);
  };
  const auto facts = [](Activation activation) {
    return visit(activation, [](auto act) {
      return std::pair(decltype(act)::rowwise, decltype(act)::saves == Saves::preactivation);
    });
  };
  plan.layers = shape.layers, plan.rows = int(rows), plan.bias = shape.bias, plan.loss = shape.loss;
  plan.inputs = int(shape.layer[0].in);
  plan.targets = shape.loss == Loss::mse ? int(shape.layer[shape.layers - 1].out) : 1;
  for (int side = 0; side < 2; ++side) {
    plan.x[side] = take(work, rows * plan.inputs);
    plan.target[side] = take(work, rows * plan.targets);
  }
  plan.losses = take(work, rows), plan.hits = take(work, rows);
  for (int l = 0; l < shape.layers; ++l) {
    const auto [in, out, activation] = shape.layer[l];
    const auto [rowwise, by_z] = facts(activation);
    const int64_t pitch = in | 1, weights = out * in, elements = rows * out;
    TeamLayer& layer = plan.layer[l];
    layer = {.in = int(in), .out = int(out), .pitch = int(pitch), .activation = activation};
    layer.rowwise = rowwise;
    layer.dense = take(dense, weights + (shape.bias ? out : 0));
    layer.weight = take(padded, out * pitch);
    layer.bias = take(padded, shape.bias ? out : 0);
    layer.y = take(work, elements);
    layer.z = by_z ? take(work, elements) : layer.y;
    layer.g = take(work, elements);
    layer.saved = by_z ? layer.z : layer.y;
    const int64_t bound = std::max(std::max(elements, rows * in), weights);
    layer.by_in = divisor(in, bound), layer.by_out = divisor(out, bound);
  }
  plan.parameters = int(dense), plan.padded = int(padded);
  int64_t numbers = work;
  take(numbers, 3 * padded);
  plan.numbers = int(numbers);
  return plan;
}

}  // namespace nnplay::cuda

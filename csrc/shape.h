// What a multilayer perceptron looks like. Plain data without methods: it is read by code compiled for several
// instruction sets, none of which may leave an inline function of its own behind for the others.
#pragma once

#include <cstdint>

#include "activation.h"
#include "loss.h"

namespace nnplay {

constexpr int most_layers = 65;

struct Layer {
  int64_t in, out;
  Activation activation;
};

// Parameters lie in the order of torch's `parameters()`: of each layer the weight (out, in), then the bias (out).
struct Shape {
  int layers;
  Layer layer[most_layers];
  bool bias;
  Loss loss;
};

// Rows of numbers. y (rows, targets): the number of the class, or what to predict.
template <class Real>
struct Table {
  const Real* x;  // (rows, inputs)
  const Real* y;
  int64_t rows, inputs, targets;
};

}  // namespace nnplay

// The first weights of nn.Linear.
#pragma once

#include <algorithm>

#include "mlp.h"
#include "random.h"
#include "shape.h"

namespace nnplay {

// nn.Linear's reset_parameters, layer by layer: both bounds come from kaiming_uniform_(a=sqrt(5)) and the
// number of inputs, in the arithmetic that torch does in Python.
// Returns the generator as it is afterwards.
template <class Real>
inline TorchGenerator draw_weights(const Shape& shape, TorchGenerator generator, Real* p) {
  for (int l = 0; l < shape.layers; ++l) {
    const auto [in, out, activation] = shape.layer[l];
    const double slope = std::sqrt(5.0), gain = std::sqrt(2.0 / (1 + slope * slope));
    const double bound = std::sqrt(3.0) * (gain / std::sqrt(double(in)));
    for (int64_t k = 0; k < out * in; ++k) *p++ = generator.uniform(Real(bound));
    if (!shape.bias) continue;
    for (int64_t k = 0; k < out; ++k) *p++ = generator.uniform(Real(1 / std::sqrt(double(in))));
  }
  return generator;
}

// p (parameters) := the weights a run begins with. Returns the generator that goes on to draw its orders:
// weights that are given take nothing from it.
template <class Real>
inline TorchGenerator first_weights(const Shape& shape, const Beginning& beginning, bool fused, Real* p) {
  TorchGenerator generator(beginning.seed, fused);
  generator.skip(beginning.skipped);
  if (!beginning.weights) return draw_weights(shape, generator, p);
  std::copy_n(beginning.weights, count_parameters(shape), p);
  return generator;
}

}  // namespace nnplay

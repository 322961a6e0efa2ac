// Losses and their gradients for any lane type (lane.h). Torch-free, for host and device.
//
// A lane stands for a row of a batch (one network) or for a network of a population: y[0..n) are what the last
// layer gives, one output in each lane.
#pragma once

#include "lane_math.h"
#include "lane_roots.h"

namespace nnplay {

enum class Loss : int { cross_entropy, mse };

inline namespace NNPLAY_ISA {

// -log softmax(y)[target], as torch.nn.CrossEntropyLoss; target: the number of the class. g[0..n) becomes
// `share` times the gradient by y. Returns the loss of the row, NaN where y has a NaN or an infinity.
template <class Lane>
HD Lane cross_entropy(const Lane* y, int n, Lane target, Lane share, Lane* g) {
  Lane greatest = y[0];
  for (int o = 1; o < n; ++o) greatest = select(greatest < y[o], y[o], greatest);
  Lane total(0), picked(0);
  for (int o = 0; o < n; ++o) {
    const Lane d = y[o] - greatest;
    g[o] = exp(d);
    total = total + g[o];
    picked = select(target == Lane(o), d, picked);
  }
  const Lane part = share * reciprocal(total);
  for (int o = 0; o < n; ++o) g[o] = g[o] * part - select(target == Lane(o), share, Lane(0));
  return log(total) - picked;
}

// (y - target)^2, the mean over the row's n numbers, as torch.nn.MSELoss.
template <class Lane>
HD Lane mse(const Lane* y, int n, const Lane* target, Lane share, Lane* g) {
  const Lane part(1.0 / n);
  Lane total(0);
  for (int o = 0; o < n; ++o) {
    const Lane d = y[o] - target[o];
    g[o] = d * (share * part * Lane(2));
    total = total + d * d;
  }
  return total * part;
}

// 1 where the greatest of y, the first of several, is at `target`; else 0.
template <class Lane>
HD Lane is_right(const Lane* y, int n, Lane target) {
  Lane greatest = y[0], at(0);
  for (int o = 1; o < n; ++o) {
    at = select(greatest < y[o], Lane(o), at);
    greatest = select(greatest < y[o], y[o], greatest);
  }
  return select(at == target, Lane(1), Lane(0));
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

// The update rules of torch.optim for any lane type (lane.h). Torch-free, for host and device.
//
// Each follows the order of torch's own arithmetic (torch/optim/sgd.py, adam.py, adamw.py): with the decayed
// gradient g and a step count t from 1,
//   sgd       m = momentum m + g; p -= lr m, or with Nesterov's lookahead p -= lr (g + momentum m)
//   adam      m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
//             p -= lr / (1 - beta1^t) m / (sqrt v / sqrt(1 - beta2^t) + eps)
//   adamw     p *= 1 - lr weight_decay, then as adam without decay (Loshchilov and Hutter, arXiv:1711.05101)
#pragma once

#include <cstdint>

#include "lane_roots.h"

namespace nnplay {

enum class Optimizer : int { sgd, adam, adamw };

// What a person chooses; learning rate, momentum and weight decay may change between two steps.
struct Rule {
  Optimizer optimizer = Optimizer::adam;
  double lr = 0.001, momentum = 0, weight_decay = 0;
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
};

// What a step's number t does to adam's averages, which begin at 0 and have yet to fill.
struct Correction {
  double m, v;  // 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t)
};

// Counts steps. Powers are made by products, set right by `pow` now and then so that they cannot drift, and 0
// once 1 - beta^t is 1, long before they would underflow.
class StepCounter {
  double beta1, beta2, power1 = 1, power2 = 1;
  int64_t t = 0;

 public:
  explicit StepCounter(const Rule& rule, int64_t steps = 0);
  Correction next();
  int64_t steps() const { return t; }
};

// The numbers of one step that all parameters share.
template <class Lane>
struct StepNumbers {
  Lane lr, decay, momentum;  // decay: weight_decay; for adamw 1 - lr weight_decay
  Lane size, root;           // adam: lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t)
  Lane old_m, new_m, old_v, new_v, eps;
};

inline namespace NNPLAY_ISA {

// What differs from one step to the next while the rates stay.
template <class Lane>
HD void correct(StepNumbers<Lane>& n, Correction correction) {
  n.size = n.lr * Lane(correction.m);
  n.root = Lane(correction.v);
}

template <class Lane>
HD StepNumbers<Lane> step_numbers(const Rule& rule, Correction correction, Lane lr, Lane weight_decay) {
  StepNumbers<Lane> n{.lr = lr,
                      .decay = rule.optimizer == Optimizer::adamw ? Lane(1) - lr * weight_decay : weight_decay,
                      .momentum = Lane(rule.momentum),
                      .old_m = Lane(rule.beta1),
                      .new_m = Lane(1 - rule.beta1),
                      .old_v = Lane(rule.beta2),
                      .new_v = Lane(1 - rule.beta2),
                      .eps = Lane(rule.eps)};
  correct(n, correction);
  return n;
}

struct PlainSgd {
  template <class Lane>
  HD static void update(const StepNumbers<Lane>& n, Lane g, Lane& p, Lane&, Lane&) {
    p = p - n.lr * (g + n.decay * p);
  }
};

template <bool nesterov>
struct MomentumSgd {
  template <class Lane>
  HD static void update(const StepNumbers<Lane>& n, Lane g, Lane& p, Lane& m, Lane&) {
    g = g + n.decay * p;
    m = n.momentum * m + g;
    p = p - n.lr * (nesterov ? g + n.momentum * m : m);
  }
};

enum class Decay { none, gradient, weight };

template <Decay decay>
struct Adam {
  template <class Lane>
  HD static void update(const StepNumbers<Lane>& n, Lane g, Lane& p, Lane& m, Lane& v) {
    if (decay == Decay::gradient) g = g + n.decay * p;
    if (decay == Decay::weight) p = p * n.decay;
    m = m + (g - m) * n.new_m;
    v = v * n.old_v + g * n.new_v * g;
    p = subtract_quotient(p, n.size * m, sqrt(v) * n.root + n.eps);
  }
};

// Adam as a population takes it, in two thirds of the operations. The memories are sums and no averages,
// m / (1 - beta1) and v / (1 - beta2), and all that a step's parameters share goes into the divisor:
// `root` and `eps` are those of `summed`.
template <Decay decay>
struct SummedAdam {
  template <class Lane>
  HD static void update(const StepNumbers<Lane>& n, Lane g, Lane& p, Lane& m, Lane& v) {
    if (decay == Decay::gradient) g = g + n.decay * p;
    if (decay == Decay::weight) p = p * n.decay;
    // Spelled out, so that a network in whose company none decays gets the same bits.
    m = multiply_add(n.old_m, m, g);
    v = multiply_add(n.old_v, v, g * g);
    p = subtract_quotient(p, m, sqrt(v) * n.root + n.eps);
  }
};

// The numbers of a step of SummedAdam. lr is above 0.
template <class Lane>
HD StepNumbers<Lane> summed(StepNumbers<Lane> n) {
  const Lane part = Lane(1) / (n.size * n.new_m);
  n.root = n.root * sqrt(n.new_v) * part;
  n.eps = n.eps * part;
  return n;
}

// No update: the gradient itself, for whoever wants to see it.
struct KeepGradient {
  template <class Lane>
  HD static void update(const StepNumbers<Lane>&, Lane g, Lane&, Lane& m, Lane&) { m = g; }
};

// visitor(Adam<...>{}) and so on; decays: whether any weight decay is not 0.
template <class Visitor>
HD void visit(const Rule& rule, bool decays, Visitor&& visitor) {
  switch (rule.optimizer) {
    case Optimizer::sgd:
      if (rule.momentum == 0) return visitor(PlainSgd{});
      return rule.nesterov ? visitor(MomentumSgd<true>{}) : visitor(MomentumSgd<false>{});
    case Optimizer::adam:
      return decays ? visitor(Adam<Decay::gradient>{}) : visitor(Adam<Decay::none>{});
    case Optimizer::adamw:
      return decays ? visitor(Adam<Decay::weight>{}) : visitor(Adam<Decay::none>{});
  }
}

// The same with SummedAdam in Adam's place.
template <class Visitor>
HD void visit_summed(const Rule& rule, bool decays, Visitor&& visitor) {
  if (rule.optimizer == Optimizer::sgd) return visit(rule, decays, visitor);
  if (!decays) return visitor(SummedAdam<Decay::none>{});
  return rule.optimizer == Optimizer::adam ? visitor(SummedAdam<Decay::gradient>{}) : visitor(SummedAdam<Decay::weight>{});
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

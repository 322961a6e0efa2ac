#include "optimizer.h"

#include <cmath>

namespace nnplay {

StepCounter::StepCounter(const Rule& rule, int64_t steps) : beta1(rule.beta1), beta2(rule.beta2) {
  t = steps / 64 * 64;  // from where `next` begins with new powers
  while (t < steps) next();
}

Correction StepCounter::next() {
  const auto power = [t = ++t](double beta, double& last) {
    last = t % 64 == 1 ? std::pow(beta, double(t)) : last * beta;
    return last = last < 1e-20 ? 0 : last;
  };
  return {1 / (1 - power(beta1, power1)), 1 / std::sqrt(1 - power(beta2, power2))};
}

}  // namespace nnplay

// The choice among the copies of the training kernels, and what all of them share.
#include <cmath>
#include <string>

#include "kernels.h"
#include "mlp_kernels.h"

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

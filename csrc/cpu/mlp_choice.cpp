// The choice among the copies of the training kernels.
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

}  // namespace nnplay

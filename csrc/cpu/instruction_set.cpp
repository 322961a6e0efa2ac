// The choice among the copies of the CPU kernels.
#include <cstdlib>
#include <string>

#include "kernels.h"

namespace nnplay {

namespace baseline {
extern const cpu::InstructionSet kernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const cpu::InstructionSet kernels;
}
namespace avx512 {
extern const cpu::InstructionSet kernels;
}
#endif

namespace cpu {
namespace {

const InstructionSet& choose() {
  const char* wanted = std::getenv("NNPLAY_ISA");
  const std::string limit = wanted ? wanted : "avx512";
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (avx512 && limit == "avx512") return avx512::kernels;
  if (avx2 && limit != "baseline") return avx2::kernels;
#endif
  return baseline::kernels;
}

}  // namespace

const InstructionSet& instruction_set() {
  static const InstructionSet& chosen = choose();
  return chosen;
}

}  // namespace cpu
}  // namespace nnplay

// The CPU kernels for any processor of the platform, and the choice among all copies.
#define NNPLAY_ISA baseline
#include <cstdlib>
#include <string>

#include "kernels_body.h"

namespace nnplay::cpu {

NNPLAY_DEFINE_INSTRUCTION_SET(baseline_set)

#if defined(__x86_64__)
extern const InstructionSet avx2_set, avx512_set;
#endif

namespace {

const InstructionSet& choose() {
  const char* wanted = std::getenv("NNPLAY_ISA");
  const std::string limit = wanted ? wanted : "avx512";
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (avx512 && limit == "avx512") return avx512_set;
  if (avx2 && limit != "baseline") return avx2_set;
#endif
  return baseline_set;
}

}  // namespace

const InstructionSet& instruction_set() {
  static const InstructionSet& chosen = choose();
  return chosen;
}

}  // namespace nnplay::cpu

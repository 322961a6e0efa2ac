// The CPU kernels for processors with AVX2, FMA and F16C.
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c,bmi2")
#define NNPLAY_ISA avx2
#include "kernels_body.h"

namespace nnplay::cpu {
NNPLAY_DEFINE_INSTRUCTION_SET(avx2_set)
}
#endif

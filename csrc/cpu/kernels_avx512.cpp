// The CPU kernels for processors with AVX-512 (F, DQ, BW, VL).
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,bmi2,prefer-vector-width=512")
#define NNPLAY_ISA avx512
#include "kernels_body.h"

namespace nnplay::cpu {
NNPLAY_DEFINE_INSTRUCTION_SET(avx512_set)
}
#endif

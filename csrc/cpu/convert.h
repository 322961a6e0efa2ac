// Sixteen-bit floating point numbers to float and back, to nearest even; NaN stays NaN.
#pragma once

#include "../lane.h"

#ifdef __F16C__
#include <immintrin.h>
#endif

namespace nnplay {
inline namespace NNPLAY_ISA {

inline void bfloat16_to_float(const uint16_t* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = as_real(int32_t(uint32_t(from[i]) << 16));
}

inline void bfloat16_from_float(const float* from, uint16_t* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = uint32_t(as_bits(from[i]));
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    to[i] = uint16_t((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
  }
}

inline void float16_to_float(const uint16_t* from, float* to, int64_t count) {
  int64_t i = 0;
#ifdef __F16C__
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(from + i))));
#endif
  for (; i < count; ++i) {
    _Float16 h;
    std::memcpy(&h, from + i, sizeof h);
    to[i] = float(h);
  }
}

inline void float16_from_float(const float* from, uint16_t* to, int64_t count) {
  int64_t i = 0;
#ifdef __F16C__
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128((__m128i*)(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
  for (; i < count; ++i) {
    const _Float16 h = _Float16(from[i]);
    std::memcpy(to + i, &h, sizeof h);
  }
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

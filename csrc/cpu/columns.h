// From rows here and there in memory to registers: one for each column, with a row in each element.
#pragma once

#include "pack.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

// to[c] := column c of the rows, for c < columns, a multiple of 4.
template <class Real>
inline void columns_of(const Real* const (&row)[Pack<Real>::width], int64_t columns, Pack<Real>* to) {
  for (int64_t c = 0; c < columns; ++c)
    for (int i = 0; i < Pack<Real>::width; ++i) to[c].v[i] = row[i][c];
}

#if defined(__AVX512F__)
// Four columns at a time: quarter q of fours[k] is row 4 q + k, so that the transposes of four by four numbers within
// the quarters are all there is to do.
inline void columns_of(const float* const (&row)[16], int64_t columns, Pack<float>* to) {
  for (int64_t c = 0; c < columns; c += 4) {
    __m512 fours[4];
    UNROLL for (int k = 0; k < 4; ++k) {
      const __m512 first = _mm512_castps128_ps512(_mm_loadu_ps(row[k] + c));
      const __m512 half = _mm512_insertf32x4(first, _mm_loadu_ps(row[4 + k] + c), 1);
      const __m512 more = _mm512_insertf32x4(half, _mm_loadu_ps(row[8 + k] + c), 2);
      fours[k] = _mm512_insertf32x4(more, _mm_loadu_ps(row[12 + k] + c), 3);
    }
    const __m512d low01 = (__m512d)_mm512_unpacklo_ps(fours[0], fours[1]);
    const __m512d low23 = (__m512d)_mm512_unpacklo_ps(fours[2], fours[3]);
    const __m512d high01 = (__m512d)_mm512_unpackhi_ps(fours[0], fours[1]);
    const __m512d high23 = (__m512d)_mm512_unpackhi_ps(fours[2], fours[3]);
    to[c].v = (Pack<float>::Vector)_mm512_unpacklo_pd(low01, low23);
    to[c + 1].v = (Pack<float>::Vector)_mm512_unpackhi_pd(low01, low23);
    to[c + 2].v = (Pack<float>::Vector)_mm512_unpacklo_pd(high01, high23);
    to[c + 3].v = (Pack<float>::Vector)_mm512_unpackhi_pd(high01, high23);
  }
}
#endif

}  // namespace NNPLAY_ISA
}  // namespace nnplay

// sqrt and reciprocal of a register: the two that a processor is slow at.
//
// AVX-512 estimates both to 14 bits in two cycles, and one step of Newton's method makes that a full float,
// to about one unit in the last place (1 / x where it is a normal number); the divider would take ten cycles each. Doubles, and other instruction
// sets, whose estimates are coarser, use the divider.
#pragma once

#include "../lane_roots.h"
#include "pack.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

template <class Real>
inline Pack<Real> sqrt(Pack<Real> x) {
  UNROLL for (int i = 0; i < Pack<Real>::width; ++i) x.v[i] = std::sqrt(x.v[i]);
  return x;
}

template <class Real>
inline Pack<Real> reciprocal(Pack<Real> x) {
  return Pack<Real>(Real(1)) / x;
}

#if defined(__AVX512F__)
// The tables of vfixupimm: what to give, from the lowest digit up, for the operands quiet NaN, signalling NaN,
// 0, 1, -inf, inf, a negative and a positive number. 0: the result of Newton's step, 1: the operand, 2: it made
// quiet, 3: NaN, 6: infinity of its sign, 7: -0, 8: 0.
template <>
inline Pack<float> sqrt(Pack<float> x) {
  const __m512 v = (__m512)x.v, y = _mm512_maskz_rsqrt14_ps(0xffff, v), s = v * y;
  const __m512 rest = _mm512_fnmadd_ps(s, s, v);
  const __m512 root = _mm512_fmadd_ps(rest, y * _mm512_set1_ps(0.5f), s);
  return (Pack<float>::Vector)_mm512_fixupimm_ps(root, v, _mm512_set1_epi32(0x00130122), 0);
}

template <>
inline Pack<float> reciprocal(Pack<float> x) {
  const __m512 v = (__m512)x.v, y = _mm512_maskz_rcp14_ps(0xffff, v);
  const __m512 rest = _mm512_fnmadd_ps(v, y, _mm512_set1_ps(1.0f));
  const __m512 inverse = _mm512_fmadd_ps(rest, y, y);
  return (Pack<float>::Vector)_mm512_fixupimm_ps(inverse, v, _mm512_set1_epi32(0x00870622), 0);
}
#endif

}  // namespace NNPLAY_ISA
}  // namespace nnplay

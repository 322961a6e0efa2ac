// Roots and quotients of registers: what a processor is slow at.
//
// AVX-512 estimates 1 / x to 14 bits in one cycle, and one step of Newton's method makes that a full float, to
// about one unit in the last place (where it is a normal number); a division would take six. A root takes the
// divider's ten cycles, but leaves the multipliers free in the meantime: in an optimizer's pass, which needs
// these for twelve cycles, it costs two. Doubles, and other instruction sets, whose estimates are coarser, divide.
#pragma once

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "../lane_roots.h"
#include "pack.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

template <class Real>
inline Pack<Real> multiply_add(Pack<Real> a, Pack<Real> b, Pack<Real> c) {
  return fma(a, b, c);
}

#if defined(__AVX512F__)
inline Pack<float> sqrt(Pack<float> x) {
  return (Pack<float>::Vector)_mm512_maskz_sqrt_ps(0xffff, (__m512)x.v);
}
inline Pack<double> sqrt(Pack<double> x) {
  return (Pack<double>::Vector)_mm512_maskz_sqrt_pd(0xff, (__m512d)x.v);
}

// The last step is vfixupimm, whose table says what to give, from the lowest digit up, for the operands quiet
// NaN, signalling NaN, 0, 1, -inf, inf, a negative and a positive number. 0: the result of Newton's step, 1: the
// operand, 2: it made quiet, 3: NaN, 6: infinity of its sign, 7: -0, 8: 0.
inline Pack<float> reciprocal(Pack<float> x) {
  const __m512 v = (__m512)x.v, y = _mm512_maskz_rcp14_ps(0xffff, v);
  const __m512 rest = _mm512_fnmadd_ps(v, y, _mm512_set1_ps(1.0f));
  const __m512 inverse = _mm512_fmadd_ps(rest, y, y);
  return (Pack<float>::Vector)_mm512_fixupimm_ps(inverse, v, _mm512_set1_epi32(0x00870622), 0);
}

// With q about 1 / d: p - m q (2 - d q).
inline Pack<float> subtract_quotient(Pack<float> p, Pack<float> m, Pack<float> d) {
  const __m512 q = _mm512_maskz_rcp14_ps(0xffff, (__m512)d.v);
  const __m512 more = _mm512_fnmadd_ps((__m512)d.v, q, _mm512_set1_ps(2.0f));
  return (Pack<float>::Vector)_mm512_fnmadd_ps((__m512)m.v * q, more, (__m512)p.v);
}
#else
template <class Real>
inline Pack<Real> sqrt(Pack<Real> x) {
  UNROLL for (int i = 0; i < Pack<Real>::width; ++i) x.v[i] = std::sqrt(x.v[i]);
  return x;
}
#endif

}  // namespace NNPLAY_ISA
}  // namespace nnplay

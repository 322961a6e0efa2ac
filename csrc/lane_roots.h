// sqrt and reciprocal for the scalar lanes; cpu/roots.h has them for registers.
#pragma once

#include <cmath>

#include "lane.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

// On a GPU to about one unit in the last place, in one instruction: a square root that rounds takes it ten. (PTX ISA,
// sqrt.approx: relative error at most 2^-23.)
HD float sqrt(float x) {
#ifdef __CUDA_ARCH__
  asm("sqrt.approx.f32 %0, %0;" : "+f"(x));
  return x;
#else
  return std::sqrt(x);
#endif
}
HD double sqrt(double x) { return std::sqrt(x); }

template <class Lane>
HD Lane reciprocal(Lane x) {
  return Lane(1) / x;
}

// a b + c. A sum of two products leaves it to the compiler which of them rounds; this does not.
template <class Lane>
HD Lane multiply_add(Lane a, Lane b, Lane c) {
  return a * b + c;
}

// p - m / d
template <class Lane>
HD Lane subtract_quotient(Lane p, Lane m, Lane d) {
  return p - m / d;
}

// On a GPU the quotient to two units in the last place, and 0 if d is over 2^126 (CUDA's __fdividef).
#ifdef __CUDACC__
HD float subtract_quotient(float p, float m, float d) {
#ifdef __CUDA_ARCH__
  return p - __fdividef(m, d);
#else
  return p - m / d;
#endif
}
#endif

}  // namespace NNPLAY_ISA
}  // namespace nnplay

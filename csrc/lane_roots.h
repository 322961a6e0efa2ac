// sqrt and reciprocal for the scalar lanes; cpu/roots.h has them for registers.
#pragma once

#include <cmath>

#include "lane.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

HD float sqrt(float x) { return std::sqrt(x); }
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

}  // namespace NNPLAY_ISA
}  // namespace nnplay

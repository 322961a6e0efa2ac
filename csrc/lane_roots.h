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

}  // namespace NNPLAY_ISA
}  // namespace nnplay

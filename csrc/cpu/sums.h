// Sums over the elements of several registers at once.
#pragma once

#include <utility>

#include "pack.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

// Two registers hold sums still to be made in blocks of `block` elements each: x's and then y's blocks, half
// as long, hold what is left to add.
template <int block, class Real, int... i>
inline Pack<Real> fold(Pack<Real> x, Pack<Real> y, std::integer_sequence<int, i...>) {
  constexpr int width = Pack<Real>::width, half = block / 2;
  using Index = typename Pack<Real>::Mask::Vector;
  const Index low{(i % (width / 2) / half * block + i % half + i / (width / 2) * width)...};
  const Index high{(i % (width / 2) / half * block + i % half + i / (width / 2) * width + half)...};
  return __builtin_shuffle(x.v, y.v, low) + __builtin_shuffle(x.v, y.v, high);
}

// Every element of a block becomes the block's sum.
template <int block, class Real, int... i>
inline Pack<Real> sum_blocks(Pack<Real> x, std::integer_sequence<int, i...> all) {
  if constexpr (block == 1) {
    return x;
  } else {
    const typename Pack<Real>::Mask::Vector other{(i ^ (block / 2))...};
    return sum_blocks<block / 2>(Pack<Real>(x.v + __builtin_shuffle(x.v, other)), all);
  }
}

// The first element of every block, side by side.
template <int block, class Real, int... i>
inline Pack<Real> first_of_blocks(Pack<Real> x, std::integer_sequence<int, i...>) {
  const typename Pack<Real>::Mask::Vector first{(i * block % Pack<Real>::width)...};
  return __builtin_shuffle(x.v, first);
}

// Element k of the result is the sum of p[k], for k < N: a power of two up to the register's width.
template <int N, class Real>
inline Pack<Real> sums_of(const Pack<Real> (&p)[N]) {
  constexpr int width = Pack<Real>::width;
  constexpr std::make_integer_sequence<int, width> all;
  if constexpr (N == 1) {
    return sum_blocks<width>(p[0], all);
  } else if constexpr (N == 2) {
    return first_of_blocks<width / 2>(sum_blocks<width / 2>(fold<width>(p[0], p[1], all), all), all);
  } else {
    static_assert(N == 4 && width >= 4);
    const Pack<Real> left = fold<width>(p[0], p[1], all), right = fold<width>(p[2], p[3], all);
    return first_of_blocks<width / 4>(sum_blocks<width / 4>(fold<width / 2>(left, right, all), all), all);
  }
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

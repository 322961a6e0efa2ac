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

// Every `left` elements of a block become its sums over elements so far apart.
template <int block, int left, class Real, int... i>
inline Pack<Real> sum_blocks(Pack<Real> x, std::integer_sequence<int, i...> all) {
  if constexpr (block == left) {
    return x;
  } else {
    const typename Pack<Real>::Mask::Vector other{(i ^ (block / 2))...};
    return sum_blocks<block / 2, left>(Pack<Real>(x.v + __builtin_shuffle(x.v, other)), all);
  }
}

// Element i of the result is the sum of a's, b's, c's or d's four elements around i, by i modulo 4.
template <class Real, int... i>
inline Pack<Real> sums_of_fours(const Pack<Real> (&p)[4], std::integer_sequence<int, i...>) {
  constexpr int width = Pack<Real>::width;
  using Index = typename Pack<Real>::Mask::Vector;
  const Index low{(i / 4 * 4 + i % 4 / 2 + i % 2 * width)...}, high{(i / 4 * 4 + i % 4 / 2 + 2 + i % 2 * width)...};
  const auto halves = [&](Pack<Real> a, Pack<Real> b) {
    return __builtin_shuffle(a.v, b.v, low) + __builtin_shuffle(a.v, b.v, high);
  };
  const auto left = halves(p[0], p[1]), right = halves(p[2], p[3]);
  const Index even{(i / 4 * 4 + i % 2 + i % 4 / 2 * width)...}, odd{(i / 4 * 4 + i % 2 + 2 + i % 4 / 2 * width)...};
  return __builtin_shuffle(left, right, even) + __builtin_shuffle(left, right, odd);
}

// The first element of every block, side by side.
template <int block, class Real, int... i>
inline Pack<Real> first_of_blocks(Pack<Real> x, std::integer_sequence<int, i...>) {
  const typename Pack<Real>::Mask::Vector first{(i * block % Pack<Real>::width)...};
  return __builtin_shuffle(x.v, first);
}

// The first `count` elements of one, the rest of another.
template <int count, class Real, int... i>
inline Pack<Real> join(Pack<Real> one, Pack<Real> other, std::integer_sequence<int, i...>) {
  const typename Pack<Real>::Mask::Vector first{(i < count ? -1 : 0)...};
  return first ? one.v : other.v;
}

// Every four elements become the first four.
template <class Real, int... i>
inline Pack<Real> repeat_four(Pack<Real> x, std::integer_sequence<int, i...>) {
  const typename Pack<Real>::Mask::Vector from{(i % 4)...};
  return __builtin_shuffle(x.v, from);
}

// Block k of the result, of N as long as each other, holds the sums of p[k] over elements `left` apart, over and
// over: for N a power of two up to the register's width.
template <int left, int N, class Real>
inline Pack<Real> sums_in_blocks(const Pack<Real> (&p)[N]) {
  constexpr int width = Pack<Real>::width;
  constexpr std::make_integer_sequence<int, width> all;
  if constexpr (N == 1) {
    return sum_blocks<width, left>(p[0], all);
  } else if constexpr (N == 2) {
    return sum_blocks<width / 2, left>(fold<width>(p[0], p[1], all), all);
  } else {
    static_assert(N == 4 && width >= 4);
    const Pack<Real> one = fold<width>(p[0], p[1], all), other = fold<width>(p[2], p[3], all);
    return sum_blocks<width / 4, left>(fold<width / 2>(one, other, all), all);
  }
}

// Element k of the result is the sum of p[k].
template <int N, class Real>
inline Pack<Real> sums_of(const Pack<Real> (&p)[N]) {
  constexpr int width = Pack<Real>::width;
  return first_of_blocks<width / N>(sums_in_blocks<1>(p), std::make_integer_sequence<int, width>());
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

// The matrix product: tiles of the result held in registers, over panels of b laid out for them.
//
// The scheme of K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008),
// less the packing of a. An element of the result is a sum over k, in chunks, in one order: it comes out
// the same in whatever part of the matrix, and on whatever thread, it is computed.
#pragma once

#include <utility>

#include "kernels.h"
#include "pack.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

// A tile is tile_rows x 2 registers: as many sums as leave room for the operands.
constexpr int tile_rows = register_bytes == 64 ? 12 : register_bytes == 32 ? 6 : 4;
// A panel of b, chunk x 2 registers, stays in the first-level cache.
constexpr int64_t chunk = 256;

// The first and the second halves of two registers, shuffled like cards: a0 b0 a1 b1 ...
template <bool second, class Real, int... i>
inline Pack<Real> shuffle_cards(Pack<Real> a, Pack<Real> b, std::integer_sequence<int, i...>) {
  using Index = typename Pack<Real>::Mask::Vector;
  constexpr int width = Pack<Real>::width;
  return __builtin_shuffle(a.v, b.v, Index{(i / 2 + (second ? width / 2 : 0) + (i % 2 ? width : 0))...});
}

// to[j * to_row + i] := from[i * from_row + j]: squares of one register's width. Dealing the upper half of a
// square's rows between the lower half, log2(width) times over, transposes the square.
template <class Real>
void transpose(const Real* from, int64_t from_row, Real* to, int64_t to_row, int64_t rows, int64_t cols) {
  using P = Pack<Real>;
  constexpr int width = P::width;
  constexpr std::make_integer_sequence<int, width> all;
  for (int64_t i0 = 0; i0 < rows; i0 += width)
    for (int64_t j0 = 0; j0 < cols; j0 += width) {
      const int high = int(i0 + width <= rows ? width : rows - i0), wide = int(j0 + width <= cols ? width : cols - j0);
      P square[width], dealt[width];
      UNROLL for (int i = 0; i < width; ++i) {
        const Real* row = from + (i0 + i) * from_row + j0;
        square[i] = i >= high ? P(Real(0)) : wide == width ? P::load(row) : P::load(row, wide);
      }
      UNROLL for (int round = 1; round < width; round *= 2) {
        UNROLL for (int i = 0; i < width / 2; ++i) {
          dealt[2 * i] = shuffle_cards<false>(square[i], square[i + width / 2], all);
          dealt[2 * i + 1] = shuffle_cards<true>(square[i], square[i + width / 2], all);
        }
        UNROLL for (int i = 0; i < width; ++i) square[i] = dealt[i];
      }
      UNROLL for (int j = 0; j < width; ++j) {
        if (j >= wide) break;
        Real* row = to + (j0 + j) * to_row + i0;
        if (high == width)
          square[j].store(row);
        else
          square[j].store(row, high);
      }
    }
}

// panel (length, 2 registers) := b's rows from k0 and columns from j, zero past the last column.
template <class Real>
inline void lay_out_panel(const cpu::Product<Real>& p, int64_t k0, int64_t length, int64_t j, int count, Real* panel) {
  using P = Pack<Real>;
  const Real* b = p.b + k0 * p.b_row + j * p.b_col;
  if (p.b_col != 1) {  // so b_row is 1
    if (count < 2 * P::width)
      for (int64_t i = 0; i < length * 2; ++i) P(Real(0)).store(panel + i * P::width);
    return transpose(b, p.b_col, panel, 2 * P::width, count, length);
  }
  for (int64_t i = 0; i < length; ++i, b += p.b_row, panel += 2 * P::width) {
    const int first = count < P::width ? count : P::width, second = count - first;
    (first == P::width ? P::load(b) : P::load(b, first)).store(panel);
    (second == P::width ? P::load(b + P::width) : P::load(b + P::width * (second > 0), second)).store(panel + P::width);
  }
}

// c's rows from i and `count` columns from j: += a's columns from k0 times the panel; the first time, :=.
template <int Rows, int Packs, class Real>
inline void tile(const cpu::Product<Real>& p, int64_t i, int64_t j, int count, int64_t k0, int64_t length,
                 const Real* panel) {
  using P = Pack<Real>;
  const Real* a = p.a + i * p.a_row + k0 * p.a_col;
  const int64_t a_row = p.a_row, a_col = p.a_col;
  P sum[Rows][Packs];
  UNROLL for (int r = 0; r < Rows; ++r) UNROLL for (int q = 0; q < Packs; ++q) sum[r][q] = P(Real(0));
  for (int64_t k = 0; k < length; ++k, a += a_col, panel += 2 * P::width) {
    P row[Packs];
    UNROLL for (int q = 0; q < Packs; ++q) row[q] = P::load(panel + q * P::width);
    UNROLL for (int r = 0; r < Rows; ++r) {
      const P x(a[r * a_row]);
      UNROLL for (int q = 0; q < Packs; ++q) sum[r][q] = sum[r][q] + x * row[q];
    }
  }
  UNROLL for (int r = 0; r < Rows; ++r) UNROLL for (int q = 0; q < Packs; ++q) {
    Real* c = p.c + (i + r) * p.c_row + j + q * P::width;
    const int rest = count - q * P::width;
    if (rest >= P::width)
      (k0 > 0 ? P::load(c) + sum[r][q] : sum[r][q]).store(c);
    else
      (k0 > 0 ? P::load(c, rest) + sum[r][q] : sum[r][q]).store(c, rest);
  }
}

template <int Packs, class Real>
inline void all_tiles(const cpu::Product<Real>& p, int64_t j, int count, int64_t k0, int64_t length, const Real* panel) {
  int64_t i = 0;
  for (; i + tile_rows <= p.m; i += tile_rows) tile<tile_rows, Packs>(p, i, j, count, k0, length, panel);
  if constexpr (tile_rows > 8)
    for (; i + 8 <= p.m; i += 8) tile<8, Packs>(p, i, j, count, k0, length, panel);
  for (; i + 4 <= p.m; i += 4) tile<4, Packs>(p, i, j, count, k0, length, panel);
  for (; i + 2 <= p.m; i += 2) tile<2, Packs>(p, i, j, count, k0, length, panel);
  for (; i < p.m; ++i) tile<1, Packs>(p, i, j, count, k0, length, panel);
}

template <class Real>
void matmul(const cpu::Product<Real>& p) {
  constexpr int width = Pack<Real>::width;
  alignas(64) Real panel[chunk * 2 * width];
  for (int64_t j = 0; j < p.n; j += 2 * width) {
    const int count = int(j + 2 * width <= p.n ? 2 * width : p.n - j);
    for (int64_t k0 = 0; k0 == 0 || k0 < p.k; k0 += chunk) {  // once even if k is 0: c becomes 0
      const int64_t length = k0 + chunk <= p.k ? chunk : p.k - k0;
      lay_out_panel(p, k0, length, j, count, panel);
      if (count > width)
        all_tiles<2>(p, j, count, k0, length, panel);
      else
        all_tiles<1>(p, j, count, k0, length, panel);
    }
  }
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

// The matrix product: tiles of the result held in registers, over panels of b laid out for them.
//
// The scheme of K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008). An
// element of the result is a sum over k, in chunks, in one order: it comes out the same in whatever part of
// the matrix, and on whatever thread, it is computed.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "kernels.h"
#include "pack.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

// A tile is tile_rows x 2 registers: as many sums as leave room for the operands.
constexpr int tile_rows = register_bytes == 64 ? 12 : register_bytes == 32 ? 6 : 4;
// A panel of b, chunk x 2 registers, stays in the first-level cache. Shorter where there is no fused
// multiplication and addition: sums round more often then.
constexpr int64_t chunk = 4 * register_bytes;

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
      const int high = int(i0 + width <= rows ? width : rows - i0),
                wide = int(j0 + width <= cols ? width : cols - j0);
      P square[width], dealt[width];
      UNROLL for (int i = 0; i < width; ++i) {
        const Real* row = from + (i0 + i) * from_row + j0;
        __builtin_prefetch(row + 2 * width);  // many short rows are more than the processor foresees
        square[i] = i >= high ? P(Real(0)) : wide == width ? P::load(row) : P::load(row, wide);
      }
      UNROLL for (int round = 1; round < width; round *= 2) {
        UNROLL for (int i = 0; i < width / 2; ++i) {
          dealt[2 * i] = shuffle_cards<false>(square[i], square[i + width / 2], all);
          dealt[2 * i + 1] = shuffle_cards<true>(square[i], square[i + width / 2], all);
        }
        UNROLL for (int i = 0; i < width; ++i)
          square[i] = dealt[i];
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
inline void lay_out_panel(const cpu::Product<Real>& p, int64_t k0, int64_t length, int64_t j, int count,
                          Real* panel) {
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
    (second == P::width ? P::load(b + P::width) : P::load(b + P::width * (second > 0), second))
        .store(panel + P::width);
  }
}

// Where a tile finds a: number (r, k) at a[r * row + k * col].
template <class Real>
struct Strip {
  const Real* a;
  int64_t row, col;
};

// c's rows from i and `count` columns from j: += strip times panel; the first time, :=.
template <int Rows, int Packs, class Real>
inline void tile(const cpu::Product<Real>& p, Strip<Real> strip, int64_t i, int64_t j, int count, int64_t k0,
                 int64_t length, const Real* panel) {
  using P = Pack<Real>;
  P sum[Rows][Packs];
  UNROLL for (int r = 0; r < Rows; ++r) UNROLL
    for (int q = 0; q < Packs; ++q) sum[r][q] = P(Real(0));
  if (k0 > 0)  // what is there already comes while more is calculated
    UNROLL for (int r = 0; r < Rows; ++r) UNROLL
      for (int q = 0; q < Packs; ++q) __builtin_prefetch(p.c + (i + r) * p.c_row + j + q * P::width, 1);
  const Real* a = strip.a;
  for (int64_t k = 0; k < length;) {
    P part[Rows][Packs];
    UNROLL for (int r = 0; r < Rows; ++r) UNROLL
      for (int q = 0; q < Packs; ++q) part[r][q] = P(Real(0));
    for (const int64_t end = k + p.run < length ? k + p.run : length; k < end; ++k, a += strip.col) {
      P row[Packs];
      UNROLL for (int q = 0; q < Packs; ++q)
        row[q] = P::load(panel + q * P::width);
      UNROLL for (int r = 0; r < Rows; ++r) {
        const P x(a[r * strip.row]);
        UNROLL for (int q = 0; q < Packs; ++q)
          part[r][q] = fma(x, row[q], part[r][q]);
      }
      panel += 2 * P::width;
    }
    UNROLL for (int r = 0; r < Rows; ++r) UNROLL
      for (int q = 0; q < Packs; ++q) sum[r][q] = sum[r][q] + part[r][q];
  }
  UNROLL for (int r = 0; r < Rows; ++r) UNROLL
    for (int q = 0; q < Packs; ++q) {
      Real* c = p.c + (i + r) * p.c_row + j + q * P::width;
      const int rest = count - q * P::width;
      if (rest >= P::width)
        (k0 > 0 ? P::load(c) + sum[r][q] : sum[r][q]).store(c);
      else
        (k0 > 0 ? P::load(c, rest) + sum[r][q] : sum[r][q]).store(c, rest);
    }
}

// Rows of a laid out for the tiles: for each tile_rows of them, number (r, k) at k * tile_rows + r.
template <class Real>
inline void lay_out_rows(const cpu::Product<Real>& p, int64_t i0, int64_t rows, int64_t k0, int64_t length,
                         Real* to) {
  using P = Pack<Real>;
  for (int64_t i = 0; i < rows; i += tile_rows, to += tile_rows * length) {
    const int64_t some = i + tile_rows <= rows ? tile_rows : rows - i;
    const Real* a = p.a + (i0 + i) * p.a_row + k0 * p.a_col;
    if (p.a_col == 1) {
      transpose(a, p.a_row, to, tile_rows, some, length);
      continue;
    }
    for (int64_t k = 0; k < length; ++k)  // a_row is 1
      for (int64_t r = 0; r < some; r += P::width) {
        const int count = int(some - r < P::width ? some - r : P::width);
        P::load(a + k * p.a_col + r, count).store(to + k * tile_rows + r, count);
      }
  }
}

// All rows of c from i0 on, for one panel.
template <int Packs, class Real>
inline void all_tiles(const cpu::Product<Real>& p, const Real* rows_of_a, int64_t i0, int64_t end, int64_t j,
                      int count, int64_t k0, int64_t length, const Real* panel) {
  int64_t i = i0;
  const auto tiles_of = [&](auto rows) {
    for (; i + rows() <= end; i += rows()) {
      const int64_t before = (i - i0) / tile_rows * tile_rows, r = i - i0 - before;
      const Strip<Real> strip = rows_of_a ? Strip<Real>{rows_of_a + before * length + r, 1, tile_rows}
                                          : Strip<Real>{p.a + i * p.a_row + k0 * p.a_col, p.a_row, p.a_col};
      tile<rows(), Packs>(p, strip, i, j, count, k0, length, panel);
    }
  };
  tiles_of(std::integral_constant<int, tile_rows>());
  if constexpr (tile_rows > 8) tiles_of(std::integral_constant<int, 8>());
  tiles_of(std::integral_constant<int, 4>());
  tiles_of(std::integral_constant<int, 2>());
  tiles_of(std::integral_constant<int, 1>());
}

// c's rows from i0 to end: += a's columns from k0 on times every panel of columns j to j_end.
template <class Real>
inline void panels(const cpu::Product<Real>& p, const Real* rows_of_a, int64_t i0, int64_t end, int64_t j,
                   int64_t j_end, int64_t k0, int64_t length) {
  constexpr int width = Pack<Real>::width;
  alignas(64) Real panel[chunk * 2 * width];
  for (; j < j_end; j += 2 * width) {
    const int count = int(j + 2 * width <= j_end ? 2 * width : j_end - j);
    lay_out_panel(p, k0, length, j, count, panel);
    if (count > width)
      all_tiles<2>(p, rows_of_a, i0, end, j, count, k0, length, panel);
    else
      all_tiles<1>(p, rows_of_a, i0, end, j, count, k0, length, panel);
  }
}

template <class Real>
void matmul(const cpu::Product<Real>& p) {
  constexpr int width = Pack<Real>::width;
  // Is a worth laying out anew? Long strides along k are slow; so are many rows that share cache sets.
  const bool lay_out = p.m > tile_rows && (p.a_col == 1   ? p.m * p.k > (1 << 17) && p.n > 16 * width
                                           : p.a_row == 1 ? p.n > 4 * width
                                                          : false);
  const int64_t k_end = p.k > 0 ? p.k : 1;  // once even if k is 0: c becomes 0
  for (int64_t j = 0; !lay_out && j < p.n; j += 2 * width)
    for (int64_t k0 = 0; k0 < k_end; k0 += chunk)
      panels<Real>(p, nullptr, 0, p.m, j, j + 2 * width < p.n ? j + 2 * width : p.n, k0,
                   k0 + chunk <= p.k ? chunk : p.k - k0);
  if (!lay_out) return;
  // Room for one thread's rows of a; kept, since fresh memory costs more than filling it.
  constexpr int64_t most = tile_rows * 44;
  static thread_local const std::unique_ptr<Real[]> room(new Real[most * chunk]);
  // Shares of equal size: each of them lays out all of b anew.
  const int64_t shares = (p.m + most - 1) / most;
  const int64_t share = ((p.m + shares - 1) / shares + tile_rows - 1) / tile_rows * tile_rows;
  for (int64_t i0 = 0; i0 < p.m; i0 += share)
    for (int64_t k0 = 0; k0 < k_end; k0 += chunk) {
      const int64_t end = i0 + share < p.m ? i0 + share : p.m;
      const int64_t length = k0 + chunk <= p.k ? chunk : p.k - k0;
      lay_out_rows(p, i0, end - i0, k0, length, room.get());
      panels<Real>(p, room.get(), i0, end, 0, p.n, k0, length);
    }
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

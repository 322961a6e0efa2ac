// The matrix product of small matrices: tiles of the result held in registers, k innermost.
//
// For sizes at which calling a library costs more than the product. Sums over k run in chunks that are
// then added up, which keeps rounding errors as small as those of a library's blocked sums.
#pragma once

#include "pack.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

constexpr int tile_rows = register_bytes == 64 ? 8 : 4;  // times 2 registers, and room for the operands
constexpr int64_t chunk = 64;

template <class Real>
struct Product {
  const Real* a;  // (m, k), strides a_row and a_col
  int64_t a_row, a_col;
  const Real* b;  // (k, n), dense
  Real* c;        // (m, n), dense
  int64_t m, n, k;
};

// Rows i.. and columns j.. of c: Rows x Packs registers. `rest` counts the columns in the last register.
template <int Rows, int Packs, bool whole, class Real>
inline void tile(const Product<Real>& p, int64_t i, int64_t j, int rest) {
  using P = Pack<Real>;
  Real* c = p.c + i * p.n + j;
  const auto load = [=](const Real* from, int pack) {
    return whole || pack + 1 < Packs ? P::load(from + pack * P::width) : P::load(from + pack * P::width, rest);
  };
  for (int64_t begin = 0; begin == 0 || begin < p.k; begin += chunk) {
    const int64_t end = begin + chunk < p.k ? begin + chunk : p.k;
    const Real* a = p.a + i * p.a_row + begin * p.a_col;
    const Real* b = p.b + begin * p.n + j;
    P sum[Rows][Packs];
    UNROLL for (int r = 0; r < Rows; ++r) UNROLL for (int q = 0; q < Packs; ++q) sum[r][q] = P(Real(0));
    for (int64_t k = begin; k < end; ++k, a += p.a_col, b += p.n) {
      P row[Packs];
      UNROLL for (int q = 0; q < Packs; ++q) row[q] = load(b, q);
      UNROLL for (int r = 0; r < Rows; ++r) {
        const P x(a[r * p.a_row]);
        UNROLL for (int q = 0; q < Packs; ++q) sum[r][q] = sum[r][q] + x * row[q];
      }
    }
    UNROLL for (int r = 0; r < Rows; ++r) UNROLL for (int q = 0; q < Packs; ++q) {
      if (begin > 0) sum[r][q] = load(c + r * p.n, q) + sum[r][q];
      if (whole || q + 1 < Packs)
        sum[r][q].store(c + r * p.n + q * P::width);
      else
        sum[r][q].store(c + r * p.n + q * P::width, rest);
    }
  }
}

template <int Rows, class Real>
inline void tile_row(const Product<Real>& p, int64_t i) {
  constexpr int width = Pack<Real>::width;
  int64_t j = 0;
  for (; j + 2 * width <= p.n; j += 2 * width) tile<Rows, 2, true>(p, i, j, 0);
  const int rest = int(p.n - j);
  if (rest > width)
    tile<Rows, 2, false>(p, i, j, rest - width);
  else if (rest == width)
    tile<Rows, 1, true>(p, i, j, 0);
  else if (rest > 0)
    tile<Rows, 1, false>(p, i, j, rest);
}

template <class Real>
void matmul(const Real* a, int64_t a_row, int64_t a_col, const Real* b, Real* c, int64_t m, int64_t n, int64_t k) {
  const Product<Real> p{a, a_row, a_col, b, c, m, n, k};
  int64_t i = 0;
  for (; i + tile_rows <= m; i += tile_rows) tile_row<tile_rows>(p, i);
  if constexpr (tile_rows > 4)
    for (; i + 4 <= m; i += 4) tile_row<4>(p, i);
  for (; i + 2 <= m; i += 2) tile_row<2>(p, i);
  for (; i < m; ++i) tile_row<1>(p, i);
}

template <class Real>
void transpose(const Real* from, Real* to, int64_t rows, int64_t cols) {
  constexpr int64_t block = 16;  // whole cache lines on both sides
  for (int64_t i0 = 0; i0 < rows; i0 += block)
    for (int64_t j0 = 0; j0 < cols; j0 += block) {
      const int64_t i1 = i0 + block < rows ? i0 + block : rows, j1 = j0 + block < cols ? j0 + block : cols;
      for (int64_t j = j0; j < j1; ++j)
        for (int64_t i = i0; i < i1; ++i) to[j * rows + i] = from[i * cols + j];
    }
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

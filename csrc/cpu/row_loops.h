// Bias and activation, and the activation's gradient with its column sums, over the rows of a matrix.
#pragma once

#include "../activation.h"
#include "pack.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

// body(offset, load, store) for each register's worth of a row. Whole registers and the rest of a row run
// the same arithmetic: a number's result does not depend on where in the row it stands.
template <class Real, class Body>
inline void for_each_pack(int64_t count, Body&& body) {
  using P = Pack<Real>;
  int64_t j = 0;
  for (; j + P::width <= count; j += P::width)
    body(j, [](const Real* from) { return P::load(from); }, [](Real* to, P value) { value.store(to); });
  if (const int rest = int(count - j))
    body(
        j, [=](const Real* from) { return P::load(from, rest); },
        [=](Real* to, P value) { value.store(to, rest); });
}

template <class Act, class Real>
void activate_pointwise(Real* z, const Real* bias, Real* y, int64_t rows, int64_t cols) {
  using P = Pack<Real>;
  if (!bias) cols *= rows, rows = rows > 0;  // nothing depends on the row: one long one
  for (int64_t i = 0; i < rows; ++i, z += cols, y += cols)
    for_each_pack<Real>(cols, [&](int64_t j, auto load, auto store) {
      P x = load(z + j);
      if (bias) {
        x = x + load(bias + j);
        if (z != y) store(z + j, x);
      }
      store(y + j, Act::f(x));
    });
}

// A register in which the numbers from `count` on are replaced by `other`.
template <class Real>
inline Pack<Real> only_first(int64_t count, Pack<Real> x, Real other) {
  using P = Pack<Real>;
  Real index[P::width];
  UNROLL for (int i = 0; i < P::width; ++i)
    index[i] = Real(i);
  return count >= P::width ? x : select(P::load(index) < P(Real(count)), x, P(other));
}

template <class Act, class Real>
void activate_rows(Real* z, const Real* bias, Real* y, int64_t rows, int64_t cols) {
  using P = Pack<Real>;
  for (int64_t i = 0; i < rows; ++i, z += cols, y += cols) {
    P greatest(-Real(INFINITY));
    for_each_pack<Real>(cols, [&](int64_t j, auto load, auto store) {
      P x = load(z + j);
      if (bias) store(z + j, x = x + load(bias + j));
      x = only_first(cols - j, x, -Real(INFINITY));
      greatest = select(greatest < x, x, greatest);
    });
    const P shift(greatest_of(greatest));
    P total(Real(0));
    for_each_pack<Real>(cols, [&](int64_t j, auto load, auto store) {
      const P d = load(z + j) - shift;
      const P e = exp(d);
      total = total + only_first(cols - j, e, Real(0));
      store(y + j, Act::keep(d, e));
    });
    const P normalizer = Act::normalizer(P(sum_of(total)));
    for_each_pack<Real>(
        cols, [&](int64_t j, auto load, auto store) { store(y + j, Act::f(load(y + j), normalizer)); });
  }
}

// What the gradient of a row-wise activation needs from the whole row, in every element of a register.
template <class Act, class Real>
inline Pack<Real> row_sum(const Real* g, const Real* y, int64_t cols) {
  Pack<Real> parts(Real(0));
  for_each_pack<Real>(cols, [&](int64_t j, auto load, auto) {
    parts = parts + Act::part(load(g + j), load(y + j));  // past the row both are 0
  });
  return sum_of(parts);
}

// gz of `Rows` rows; their sum is added to column_sum, whose second row collects what that addition rounds
// away (the two-sum of D. Knuth, The Art of Computer Programming 2, section 4.2.2).
template <class Act, int Rows, class Real>
inline void gradient_some_rows(const Real* g, const Real* saved, Real* gz, Real* column_sum, int64_t cols) {
  using P = Pack<Real>;
  P sum[Rows];
  if constexpr (Act::rowwise) UNROLL
    for (int i = 0; i < Rows; ++i) sum[i] = row_sum<Act>(g + i * cols, saved + i * cols, cols);
  for_each_pack<Real>(cols, [&](int64_t j, auto load, auto store) {
    P x[Rows];
    UNROLL for (int i = 0; i < Rows; ++i) {
      const int64_t at = i * cols + j;
      const P s = Act::saves == Saves::nothing ? P(Real(0)) : load(saved + at);
      if constexpr (Act::rowwise)
        x[i] = Act::gradient(load(g + at), s, sum[i]);
      else
        x[i] = Act::gradient(load(g + at), s);
    }
    // Not one by one: rows may lie 4096 bytes apart, where a load seems to wait for the store before it.
    if (gz) UNROLL
      for (int i = 0; i < Rows; ++i) store(gz + i * cols + j, x[i]);
    if (!column_sum) return;
    UNROLL for (int step = 1; step < Rows; step *= 2) UNROLL
      for (int i = 0; i + step < Rows; i += 2 * step) x[i] = x[i] + x[i + step];
    const P before = load(column_sum + j), after = before + x[0], added = after - before;
    const P rest = (before - (after - added)) + (x[0] - added);
    const P lost = select(after - after == P(Real(0)), rest, P(Real(0)));  // of a sum that is a number
    store(column_sum + j, after);
    store(column_sum + cols + j, load(column_sum + cols + j) + lost);
  });
}

template <class Real>
void activate(Activation activation, Real* z, const Real* bias, Real* y, int64_t rows, int64_t cols) {
  visit(activation, [=](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise)
      activate_rows<Act>(z, bias, y, rows, cols);
    else
      activate_pointwise<Act>(z, bias, y, rows, cols);
  });
}

template <class Real>
void gradient(Activation activation, const Real* g, const Real* saved, Real* gz, Real* column_sum,
              int64_t rows, int64_t cols) {
  const auto row = [&](auto* p, int64_t i) { return p ? p + i * cols : nullptr; };
  visit(activation, [&](auto act) {
    using Act = decltype(act);
    if (!Act::rowwise && !column_sum) cols *= rows, rows = rows > 0;  // nothing depends on the row
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4)
      gradient_some_rows<Act, 4>(row(g, i), row(saved, i), row(gz, i), column_sum, cols);
    for (; i < rows; ++i) gradient_some_rows<Act, 1>(row(g, i), row(saved, i), row(gz, i), column_sum, cols);
  });
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

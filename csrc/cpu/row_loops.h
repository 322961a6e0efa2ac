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
    body(
        j, [](const Real* from) { return P::load(from); }, [](Real* to, P value) { value.store(to); });
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

template <class Act, class Real>
void gradient_pointwise(const Real* g, const Real* saved, Real* gz, Real* column_sum, int64_t rows, int64_t cols) {
  using P = Pack<Real>;
  if (!column_sum) cols *= rows, rows = rows > 0;
  for (int64_t i = 0; i < rows; ++i, g += cols, saved += saved ? cols : 0, gz += gz ? cols : 0)
    for_each_pack<Real>(cols, [&](int64_t j, auto load, auto store) {
      const P slope_from = Act::saves == Saves::nothing ? P(Real(0)) : load(saved + j);
      const P x = Act::gradient(load(g + j), slope_from);
      if (gz) store(gz + j, x);
      if (column_sum) store(column_sum + j, load(column_sum + j) + x);
    });
}

// A register in which the numbers from `count` on are replaced by `other`.
template <class Real>
inline Pack<Real> only_first(int64_t count, Pack<Real> x, Real other) {
  using P = Pack<Real>;
  Real index[P::width];
  UNROLL for (int i = 0; i < P::width; ++i) index[i] = Real(i);
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
    for_each_pack<Real>(cols, [&](int64_t j, auto load, auto store) {
      store(y + j, Act::f(load(y + j), normalizer));
    });
  }
}

template <class Act, class Real>
void gradient_rows(const Real* g, const Real* y, Real* gz, Real* column_sum, int64_t rows, int64_t cols) {
  using P = Pack<Real>;
  for (int64_t i = 0; i < rows; ++i, g += cols, y += cols, gz += gz ? cols : 0) {
    P parts(Real(0));
    for_each_pack<Real>(cols, [&](int64_t j, auto load, auto) {
      parts = parts + Act::part(load(g + j), load(y + j));  // past the row both are 0
    });
    const P sum(sum_of(parts));
    for_each_pack<Real>(cols, [&](int64_t j, auto load, auto store) {
      const P x = Act::gradient(load(g + j), load(y + j), sum);
      if (gz) store(gz + j, x);
      if (column_sum) store(column_sum + j, load(column_sum + j) + x);
    });
  }
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
void gradient(Activation activation, const Real* g, const Real* saved, Real* gz, Real* column_sum, int64_t rows,
              int64_t cols) {
  visit(activation, [=](auto act) {
    using Act = decltype(act);
    if constexpr (Act::rowwise)
      gradient_rows<Act>(g, saved, gz, column_sum, rows, cols);
    else
      gradient_pointwise<Act>(g, saved, gz, column_sum, rows, cols);
  });
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

// Rows of up to four numbers, a row in every four elements of a register: what activate_row (lane_network.h) and
// loss.h do with a row's numbers in several registers, done in one. A network with so few outputs has nothing else
// to fill a register with.
#pragma once

#include "../activation.h"
#include "roots.h"
#include "sums.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

template <class Real>
class Quads {
  using P = Pack<Real>;
  using Mask = typename P::Mask;
  static constexpr std::make_integer_sequence<int, P::width> elements{};

  const int n;  // numbers in a row
  const P place, count;
  const Mask used;

  template <int... i>
  static P places(std::integer_sequence<int, i...>) {
    return typename P::Vector{Real(i % 4)...};
  }
  template <int distance, int... i>
  static P swapped(P x, std::integer_sequence<int, i...>) {
    const typename Mask::Vector from{(i ^ distance)...};
    return __builtin_shuffle(x.v, from);
  }

  static P sum(P x) {
    x = x + swapped<1>(x, elements);
    return x + swapped<2>(x, elements);
  }
  static P greater(P a, P b) { return select(a < b, b, a); }
  static P greatest(P x) {
    x = greater(x, swapped<1>(x, elements));
    return greater(x, swapped<2>(x, elements));
  }
  P only_used(P x, Real other) const { return select(used, x, P(other)); }

 public:
  explicit Quads(int n) : n(n), place(places(elements)), count(Real(n)), used(place < count) {}

  template <class Act>
  P activate(P z) const {
    if constexpr (Act::rowwise) {
      z = only_used(z, -Real(INFINITY));
      const P d = z - greatest(z), e = exp(d);
      return Act::f(Act::keep(d, e), Act::normalizer(sum(e)));
    } else {
      return Act::f(z);
    }
  }

  // From the gradient by the activation to that by z; saved: y or z, as the activation says.
  template <class Act>
  P gradient(P g, P saved) const {
    if constexpr (Act::rowwise)
      g = Act::gradient(g, saved, sum(only_used(Act::part(g, saved), Real(0))));
    else
      g = Act::gradient(g, saved);
    return only_used(g, Real(0));
  }

  // As in loss.h. `hits` becomes that of is_right.
  P cross_entropy(P y, P target, P share, P& g, P& hits) const {
    y = only_used(y, -Real(INFINITY));
    const P most = greatest(y), d = y - most, e = exp(d), total = sum(e);
    const Mask is_target = place == target;
    g = e * (share * reciprocal(total)) - select(is_target, share, P(Real(0)));
    const P first = -greatest(select(y == most, -place, P(Real(-4))));
    hits = select(first == target, P(Real(1)), P(Real(0)));
    return log(total) - sum(select(is_target, d, P(Real(0))));
  }

  P mse(P y, P target, P share, P& g) const {
    const P part(Real(1.0 / n)), d = only_used(y - target, Real(0));
    g = d * (share * part * P(Real(2)));
    return sum(d * d) * part;
  }
};

}  // namespace NNPLAY_ISA
}  // namespace nnplay

// exp, expm1, log, log1p, tanh, the logistic and the normal distribution function for any lane type, without
// branches and without tables, so that a register of numbers goes through them at once.
//
// Errors are measured by tests/kernels/test_accuracy.py: at most twice torch's own plus one unit in the
// last place. NaN, infinities, denormals and overflow come out as in IEEE arithmetic.
#pragma once

#include <cmath>

#include "lane.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

// 1.5 * 2^mantissa: adding it leaves an integer in the low bits of the sum, rounded to nearest even.
template <class Scalar>
constexpr Scalar rounding_shift = Scalar(int64_t(3) << (Format<Scalar>::mantissa - 1));

template <class Lane>
HD Lane round_to_integer(Lane x) {
  const Lane shift(rounding_shift<typename LaneTraits<Lane>::Scalar>);
  return (x + shift) - shift;
}

// 2^n for an integer n in the range of normal exponents: the sum's low bits, moved to the exponent field.
template <class Lane>
HD Lane power_of_two(Lane n) {
  using Scalar = typename LaneTraits<Lane>::Scalar;
  const Lane shift(rounding_shift<Scalar> + Scalar(Format<Scalar>::bias));
  return as_real(as_bits(n + shift) << Format<Scalar>::mantissa);
}

// x * 2^n where 2^n itself may be out of range: in two halves, so that the result rounds but once.
template <class Lane>
HD Lane scale_by_power_of_two(Lane x, Lane n) {
  const Lane half = round_to_integer(n * Lane(0.5));
  return x * power_of_two(half) * power_of_two(n - half);
}

// x between two bounds, written so that a NaN stays one.
template <class Lane>
HD Lane clamp(Lane x, Lane lowest, Lane highest) {
  x = select(x < lowest, lowest, x);
  return select(x > highest, highest, x);
}

// Constants of exp in one precision. ln 2 is split so that k * ln2_high is exact; beyond lowest and
// highest the result is 0 or infinity by itself.
template <class Scalar>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float lowest = -104.0f, highest = 89.0f;
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr int terms = 6;
};
template <>
struct ExpConstants<double> {
  static constexpr double lowest = -746.0, highest = 710.0;
  static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
  static constexpr int terms = 12;
};

// x = n ln 2 + r with |r| <= ln 2 / 2, and tail = exp(r) - 1 - r, its Taylor series from r^2 on.
template <class Lane>
struct ExpParts {
  Lane n, r, tail;
};

template <class Lane>
HD ExpParts<Lane> exp_parts(Lane x) {
  // 1/2!, 1/3!, ... (Within the function: device code sees no array of the host's.)
  static constexpr double inverse_factorial[] = {
      1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,
      1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
  using C = ExpConstants<typename LaneTraits<Lane>::Scalar>;
  x = clamp(x, Lane(C::lowest), Lane(C::highest));
  const Lane n = round_to_integer(x * Lane(1.44269504088896340736));
  const Lane r = (x - n * Lane(C::ln2_high)) - n * Lane(C::ln2_low);
  Lane sum(inverse_factorial[C::terms - 1]);
  UNROLL for (int i = C::terms - 2; i >= 0; --i)
    sum = sum * r + Lane(inverse_factorial[i]);
  return {n, r, sum * r * r};
}

template <class Lane>
HD Lane exp(Lane x) {
  const ExpParts<Lane> p = exp_parts(x);
  return scale_by_power_of_two(Lane(1) + (p.r + p.tail), p.n);
}

// exp(x) - 1 without losing what little is left near 0.
template <class Lane>
HD Lane expm1(Lane x) {
  using Scalar = typename LaneTraits<Lane>::Scalar;
  const ExpParts<Lane> p = exp_parts(x);
  const Lane lowest(1 - Format<Scalar>::bias);  // below it 2^n - 1 is -1 in any case
  const Lane n = select(p.n < lowest, lowest, p.n);
  // 2^n as twice 2^(n-1): n may be one more than the greatest exponent
  const Lane half = power_of_two(n - Lane(1));
  const Lane y = (p.r + p.tail) * half * Lane(2) + (half * Lane(2) - Lane(1));
  return select(x > Lane(ExpConstants<Scalar>::highest), x * Lane(1e30) * Lane(1e30),
                select(x == Lane(0), x, y));
}

// The natural logarithm of a positive normal number (or infinity, or NaN): with x = 2^e m and
// s = (m - 1)/(m + 1), log m = 2 (s + s^3/3 + s^5/5 + ...), where |s| < 0.172.
template <class Lane>
HD Lane log(Lane x) {
  using Scalar = typename LaneTraits<Lane>::Scalar;
  using Bits = typename LaneTraits<Lane>::Bits;
  using F = Format<Scalar>;
  using C = ExpConstants<Scalar>;
  constexpr auto one = typename F::Bits(1);
  constexpr int terms = F::mantissa == 23 ? 5 : 11;
  const Bits bits = as_bits(x);
  // the exponent as a number: put into the low bits of 2^mantissa
  const Lane base(Scalar(one << F::mantissa));
  Lane e = as_real((bits >> F::mantissa) | as_bits(base)) - base - Lane(F::bias);
  Lane m = as_real((bits & Bits((one << F::mantissa) - 1)) | as_bits(Lane(1)));
  e = select(m > Lane(1.41421356237309504880), e + Lane(1), e);
  m = select(m > Lane(1.41421356237309504880), m * Lane(0.5), m);
  const Lane s = (m - Lane(1)) / (m + Lane(1));
  const Lane s2 = s * s;
  Lane sum(2.0 / (2 * terms + 1));
  UNROLL for (int i = terms - 1; i >= 1; --i)
    sum = sum * s2 + Lane(2.0 / (2 * i + 1));
  const Lane y = e * Lane(C::ln2_high) + (s * Lane(2) + (s * s2 * sum + e * Lane(C::ln2_low)));
  return select(x < Lane(Scalar(INFINITY)), y, x + x);
}

// log(1 + x) for x >= 0: what 1 + x rounds away comes back as a correction.
template <class Lane>
HD Lane log1p(Lane x) {
  const Lane u = Lane(1) + x;
  return log(u) + (x - (u - Lane(1))) / u;
}

template <class Lane>
HD Lane abs(Lane x) {
  return select(x < Lane(0), -x, x);
}

// With E = exp(2|x|) - 1, tanh |x| = E / (E + 2) = 1 - 2 / (E + 2): the first near 0, the second beyond,
// where it rounds less.
template <class Lane>
HD Lane tanh(Lane x) {
  Lane a = abs(x);
  a = select(a > Lane(20), Lane(20), a);
  const Lane e = expm1(a + a);
  const auto beyond = e > Lane(1);
  const Lane quotient = select(beyond, Lane(2), e) / (e + Lane(2));
  const Lane y = select(beyond, Lane(1) - quotient, quotient);
  return select(x < Lane(0), -y, select(x == Lane(0), x, y));
}

// 1 / (1 + exp(-x))
template <class Lane>
HD Lane logistic(Lane x) {
  return Lane(1) / (Lane(1) + exp(-x));
}

// The standard normal distribution function, P(Z <= x) = (1 + erf(x / sqrt 2)) / 2. With a = |x| and
// t = 1 / (1 + a / centre), the tail P(Z > a) = t exp(-a^2 / 2) P(2t - 1); P is the Chebyshev
// interpolant of the smooth rest over all a >= 0, written in powers. (The substitution is that of
// W. J. Cody and of Numerical Recipes' erfc; the coefficients come from an 80-digit fit.)
template <class Scalar>
struct NormalTail;
template <>
struct NormalTail<float> {
  static constexpr int centre = 3, degree = 10;
  HD static constexpr float power(int i) {
    constexpr float table[] = {0.243027896f,     0.169777378f,     0.0766724497f,   0.0157532319f,
                               -0.00348610431f,  -0.00231797039f,  0.000335749181f, 0.000334322482f,
                               -7.14258204e-05f, -3.73522525e-05f, 1.18168791e-05f};
    return table[i];
  }
};
template <>
struct NormalTail<double> {
  static constexpr int centre = 5, degree = 22;
  HD static constexpr double power(int i) {
    constexpr double table[] = {
        0.15383860995001258,     0.13307650057801151,     0.099061123193996098,    0.062706631334243437,
        0.033004073234039033,    0.013823727741748365,    0.0041590133606468072,   0.00059867534778719456,
        -0.00015957388554950594, -0.00010897976695137192, -1.1875117666755534e-05, 9.9523567480375786e-06,
        3.3361705439850789e-06,  -7.955876524686853e-07,  -5.5377575673441826e-07, 6.6220570886636221e-08,
        8.6695328570275131e-08,  -7.1689093121743198e-09, -1.3483378103647207e-08, 1.0054463861933964e-09,
        1.8550164483074685e-09,  -1.0118594975933391e-10, -1.5708917166495314e-10};
    return table[i];
  }
};

template <class Lane>
HD Lane normal_cdf(Lane x) {
  using Tail = NormalTail<typename LaneTraits<Lane>::Scalar>;
  const Lane a = abs(x);
  const Lane t = Lane(1) / (Lane(1) + a * Lane(1.0 / Tail::centre));
  const Lane u = t + t - Lane(1);
  Lane p(Tail::power(Tail::degree));
  UNROLL for (int i = Tail::degree - 1; i >= 0; --i)
    p = p * u + Lane(Tail::power(i));
  const Lane tail = p * t * exp(Lane(-0.5) * a * a);
  return select(x < Lane(0), tail, Lane(1) - tail);
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

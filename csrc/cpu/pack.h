// Pack<Scalar>: one vector register full of numbers, as a lane type (see lane.h).
//
// Its width follows from the instruction set that the including file is compiled for. It sits on the
// vector types of GCC and Clang: their comparisons give masks and their ?: selects per element.
#pragma once

#include "../lane.h"

#ifdef __FMA__
#include <immintrin.h>
#endif

namespace nnplay {
inline namespace NNPLAY_ISA {

#if defined(__AVX512F__)
constexpr int register_bytes = 64;
#elif defined(__AVX2__)
constexpr int register_bytes = 32;
#else
constexpr int register_bytes = 16;
#endif

// One by one and not as a template: GCC 12 gives a vector type whose size depends on a template parameter
// the registers of the command line's instruction set, not those of `#pragma GCC target`.
template <class Number>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(register_bytes)));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(register_bytes)));
};
template <>
struct VectorOf<int32_t> {
  typedef int32_t type __attribute__((vector_size(register_bytes)));
};
template <>
struct VectorOf<int64_t> {
  typedef int64_t type __attribute__((vector_size(register_bytes)));
};

// A register of signed integers, for what the lanes do to their bits. Its comparison result is the mask.
template <class Int>
struct BitPack {
  using Vector = typename VectorOf<Int>::type;
  Vector v;
  BitPack() = default;
  BitPack(Vector vector) : v(vector) {}
  BitPack(Int number) : v(number - Vector{}) {}
  friend BitPack operator<<(BitPack a, int n) { return a.v << n; }
  friend BitPack operator>>(BitPack a, int n) { return a.v >> n; }
  friend BitPack operator&(BitPack a, BitPack b) { return a.v & b.v; }
  friend BitPack operator|(BitPack a, BitPack b) { return a.v | b.v; }
};

template <class Number>
struct Pack {
  using Scalar = Number;
  using Bits = typename Format<Number>::Bits;
  using Vector = typename VectorOf<Number>::type;
  using Mask = BitPack<Bits>;
  static constexpr int width = register_bytes / int(sizeof(Number));

  Vector v;

  Pack() = default;
  Pack(Vector vector) : v(vector) {}
  Pack(Number number) : v(number - Vector{}) {}  // x - 0 is x for every x, -0 included

  static Pack load(const Number* from) {
    Vector v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
  }
  void store(Number* to) const { __builtin_memcpy(to, &v, sizeof v); }

  // The first `count` numbers (the rest zero), never touching memory past them.
  static Pack load(const Number* from, int count);
  void store(Number* to, int count) const;

  friend Pack operator+(Pack a, Pack b) { return a.v + b.v; }
  friend Pack operator-(Pack a, Pack b) { return a.v - b.v; }
  friend Pack operator*(Pack a, Pack b) { return a.v * b.v; }
  friend Pack operator/(Pack a, Pack b) { return a.v / b.v; }
  friend Pack operator-(Pack a) { return -a.v; }
  friend Mask operator<(Pack a, Pack b) { return a.v < b.v; }
  friend Mask operator<=(Pack a, Pack b) { return a.v <= b.v; }
  friend Mask operator>(Pack a, Pack b) { return a.v > b.v; }
  friend Mask operator>=(Pack a, Pack b) { return a.v >= b.v; }
  friend Mask operator==(Pack a, Pack b) { return a.v == b.v; }
  friend Pack select(Mask mask, Pack a, Pack b) { return mask.v ? a.v : b.v; }
  friend Mask as_bits(Pack a) { return (typename Mask::Vector)a.v; }
};

HD Pack<float> as_real(BitPack<int32_t> b) { return (Pack<float>::Vector)b.v; }
HD Pack<double> as_real(BitPack<int64_t> b) { return (Pack<double>::Vector)b.v; }

template <class Number>
struct LaneTraits<Pack<Number>> {
  using Scalar = Number;
  using Bits = BitPack<typename Format<Number>::Bits>;
};

#if defined(__AVX512F__)
// What lane_math.h does in several steps, in one.
inline Pack<float> round_to_integer(Pack<float> x) {
  return (Pack<float>::Vector)_mm512_maskz_roundscale_ps(0xffff, (__m512)x.v, _MM_FROUND_TO_NEAREST_INT);
}
inline Pack<float> clamp(Pack<float> x, Pack<float> lowest, Pack<float> highest) {
  x.v = (Pack<float>::Vector)_mm512_maskz_max_ps(0xffff, (__m512)lowest.v, (__m512)x.v);  // of a NaN the second
  return (Pack<float>::Vector)_mm512_maskz_min_ps(0xffff, (__m512)highest.v, (__m512)x.v);
}
inline Pack<float> scale_by_power_of_two(Pack<float> x, Pack<float> n) {
  return (Pack<float>::Vector)_mm512_maskz_scalef_ps(0xffff, (__m512)x.v, (__m512)n.v);
}

template <>
inline Pack<float> Pack<float>::load(const float* from, int count) {
  return (Vector)_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), from);
}
template <>
inline Pack<double> Pack<double>::load(const double* from, int count) {
  return (Vector)_mm512_maskz_loadu_pd(__mmask8((1u << count) - 1), from);
}
template <>
inline void Pack<float>::store(float* to, int count) const {
  _mm512_mask_storeu_ps(to, __mmask16((1u << count) - 1), (__m512)v);
}
template <>
inline void Pack<double>::store(double* to, int count) const {
  _mm512_mask_storeu_pd(to, __mmask8((1u << count) - 1), (__m512d)v);
}
#else
template <class Number>
inline Pack<Number> Pack<Number>::load(const Number* from, int count) {
  Number buffer[width] = {};
  for (int i = 0; i < count; ++i) buffer[i] = from[i];
  return load(buffer);
}
template <class Number>
inline void Pack<Number>::store(Number* to, int count) const {
  Number buffer[width];
  store(buffer);
  for (int i = 0; i < count; ++i) to[i] = buffer[i];
}
#endif

// a b + c: rounded once where the processor can, in every build. (An expression is fused only if the compiler
// sees it whole, which at -O2 or under a sanitizer it may not.)
#if defined(__AVX512F__)
inline Pack<float> fma(Pack<float> a, Pack<float> b, Pack<float> c) {
  return (Pack<float>::Vector)_mm512_fmadd_ps((__m512)a.v, (__m512)b.v, (__m512)c.v);
}
inline Pack<double> fma(Pack<double> a, Pack<double> b, Pack<double> c) {
  return (Pack<double>::Vector)_mm512_fmadd_pd((__m512d)a.v, (__m512d)b.v, (__m512d)c.v);
}
#elif defined(__FMA__)
inline Pack<float> fma(Pack<float> a, Pack<float> b, Pack<float> c) {
  return (Pack<float>::Vector)_mm256_fmadd_ps((__m256)a.v, (__m256)b.v, (__m256)c.v);
}
inline Pack<double> fma(Pack<double> a, Pack<double> b, Pack<double> c) {
  return (Pack<double>::Vector)_mm256_fmadd_pd((__m256d)a.v, (__m256d)b.v, (__m256d)c.v);
}
#else
template <class Number>
inline Pack<Number> fma(Pack<Number> a, Pack<Number> b, Pack<Number> c) {
  return a * b + c;
}
#endif

#if defined(__AVX512F__)
// exp with a table of 2^(i / 16), i < 16, in one register (P. T. P. Tang, ACM TOMS 15, 1989). With
// x = n ln 2 + r and n in sixteenths, exp(x) = 2^floor(n) 2^(n mod 1) exp(r), where |r| < 0.022: three terms do what
// lane_math.h takes seven for, in half the time.
inline Pack<float> exp(Pack<float> x) {
  using P = Pack<float>;
  using Index = P::Mask::Vector;
  const P::Vector table = {1.0f, 1.0442737f, 1.0905077f, 1.1387886f, 1.1892071f, 1.2418578f,
                           1.2968396f, 1.3542556f, 1.4142135f, 1.4768262f, 1.5422108f,
                           1.6104903f, 1.6817929f, 1.7562522f, 1.8340081f, 1.9152066f};
  x = clamp(x, P(-104.0f), P(89.0f));
  const P shift(rounding_shift<float> / 16), shifted = fma(x, P(1.44269502f), shift), n = shifted - shift;
  const P r = fma(n, P(1.90465424e-9f), fma(n, P(-0.693147182f), x));
  const P tail = fma(r * r, fma(r, P(0.166666672f), P(0.5f)), r);  // exp(r) - 1
  const P power(__builtin_shuffle(table, (Index)shifted.v));       // an index counts modulo 16
  return scale_by_power_of_two(fma(power, tail, power), n);
}
#endif

// The sum and the greatest of a register's numbers, by halves, so that the order never depends on its use.
template <class Number>
inline Number sum_of(Pack<Number> p) {
  Number x[Pack<Number>::width];
  p.store(x);
  for (int half = Pack<Number>::width / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) x[i] += x[i + half];
  return x[0];
}
template <class Number>
inline Number greatest_of(Pack<Number> p) {
  Number x[Pack<Number>::width];
  p.store(x);
  for (int half = Pack<Number>::width / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) x[i] = x[i] < x[i + half] ? x[i + half] : x[i];
  return x[0];
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

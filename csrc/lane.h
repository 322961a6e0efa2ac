// What the arithmetic headers ask of a lane, and the scalar lanes: float and double.
//
// A *lane type* is anything that calculates like a real number: `float` (a CUDA thread), `double` (the
// reference), `Pack<float>` (a register full of numbers, cpu/pack.h) or `TensorLane` (a whole tensor,
// tensor_lane.h). It offers + - * / and unary minus, comparisons that give a mask, construction from a
// number, and the free functions below. Code in activation.h is written once against this and nothing
// else. Non-integer constants are spelled Lane(0.5): a bare 0.5 would turn a CUDA thread's float to double.
//
// NNPLAY_ISA names the instruction set a file is compiled for. It is part of every symbol, so that the
// linker can never mix the AVX-512 copy of a template into a path that runs on an older processor.
#pragma once

#include <cstdint>
#include <cstring>

#ifndef NNPLAY_ISA
#define NNPLAY_ISA generic
#endif

#ifdef __CUDACC__
#define HD __host__ __device__ inline
#ifdef __CUDA_ARCH__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif
#else
#define HD inline
#define UNROLL _Pragma("GCC unroll 32")
#endif

namespace nnplay {
inline namespace NNPLAY_ISA {

// The format of an IEEE number, and the integer of its width.
template <class Scalar>
struct Format;
template <>
struct Format<float> {
  using Bits = int32_t;
  static constexpr int mantissa = 23, bias = 127;
};
template <>
struct Format<double> {
  using Bits = int64_t;
  static constexpr int mantissa = 52, bias = 1023;
};

// The number type inside a lane, and the lane of integers as wide.
template <class Lane>
struct LaneTraits {
  using Scalar = Lane;
  using Bits = typename Format<Lane>::Bits;
};

HD int32_t as_bits(float x) {
  int32_t b;
  std::memcpy(&b, &x, sizeof b);
  return b;
}
HD int64_t as_bits(double x) {
  int64_t b;
  std::memcpy(&b, &x, sizeof b);
  return b;
}
HD float as_real(int32_t b) {
  float x;
  std::memcpy(&x, &b, sizeof x);
  return x;
}
HD double as_real(int64_t b) {
  double x;
  std::memcpy(&x, &b, sizeof x);
  return x;
}

HD float select(bool mask, float a, float b) { return mask ? a : b; }
HD double select(bool mask, double a, double b) { return mask ? a : b; }

}  // namespace NNPLAY_ISA
}  // namespace nnplay

// The four types of number a layer may have, and what they are calculated in. Torch-free.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "../lane.h"

namespace nnplay::cuda {

enum class Type : int { float32, float64, bfloat16, float16 };

// 16-bit numbers are calculated in float and rounded once, to nearest even.
template <class Number>
struct Calculated {
  using Real = float;
};
template <>
struct Calculated<double> {
  using Real = double;
};
template <class Number>
using RealOf = typename Calculated<Number>::Real;

HD float to_real(float x) { return x; }
HD double to_real(double x) { return x; }
HD float to_real(__nv_bfloat16 x) { return __bfloat162float(x); }
HD float to_real(__half x) { return __half2float(x); }

HD void put(float& to, float x) { to = x; }
HD void put(double& to, double x) { to = x; }
HD void put(__nv_bfloat16& to, float x) { to = __nv_bfloat16(x); }
HD void put(__half& to, float x) { to = __half(x); }

// Numbers that a thread moves at once: 16 bytes.
template <class Number>
constexpr int numbers_per_load = 16 / int(sizeof(Number));

template <class Number>
struct alignas(16) Chunk {
  Number at[numbers_per_load<Number>];
};

// x := numbers from there on, as what they are calculated in: all if `whole`, which needs an aligned address, or
// else the first `count`, the rest 0.
template <class Number, int width>
HD void load(const Number* from, bool whole, int64_t count, RealOf<Number> (&x)[width]) {
  if (whole) {
    const Chunk<Number> chunk = *reinterpret_cast<const Chunk<Number>*>(from);
    UNROLL for (int k = 0; k < width; ++k) x[k] = to_real(chunk.at[k]);
  } else {
    UNROLL for (int k = 0; k < width; ++k) x[k] = k < count ? to_real(from[k]) : RealOf<Number>(0);
  }
}
template <class Number, int width>
HD void store(Number* to, bool whole, int64_t count, const RealOf<Number> (&x)[width]) {
  if (whole) {
    Chunk<Number> chunk;
    UNROLL for (int k = 0; k < width; ++k) put(chunk.at[k], x[k]);
    *reinterpret_cast<Chunk<Number>*>(to) = chunk;
  } else {
    UNROLL for (int k = 0; k < width; ++k) if (k < count) put(to[k], x[k]);
  }
}

inline bool is_aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

// visitor(Number{}) for the type.
template <class Visitor>
inline cudaError_t visit_type(Type type, Visitor&& visitor) {
  switch (type) {
    case Type::float32:
      return visitor(float{});
    case Type::float64:
      return visitor(double{});
    case Type::bfloat16:
      return visitor(__nv_bfloat16{});
    case Type::float16:
      return visitor(__half{});
  }
  return cudaErrorInvalidValue;
}

}  // namespace nnplay::cuda

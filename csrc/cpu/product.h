// The matrix product of CPU tensors, and tensors of 16-bit numbers as float.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels.h"

namespace nnplay::cpu {

// a (m, k) b (k, n), dense, in a's dtype: float32 and float64 on our own loops, bfloat16 on the
// library's. The bits of the former do not depend on the number of threads. Must run below autograd.
// A bias (n) is added to bfloat16 numbers only: they are then rounded once. For the others it is the
// activation's pass that adds it.
at::Tensor product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias = {});

// Whether a product of 16-bit numbers is to be made as float: where that is faster, which is always with
// float16 and with bfloat16 if they are few or this processor does not multiply them as such.
bool made_as_float(at::ScalarType type, int64_t m, int64_t n, int64_t k);

// A dense float copy of a 16-bit tensor, and back. Undefined tensors stay so.
at::Tensor to_float(const at::Tensor& t);
at::Tensor from_float(const at::Tensor& t, at::ScalarType type);
const Conversion& conversion(at::ScalarType type);

}  // namespace nnplay::cpu

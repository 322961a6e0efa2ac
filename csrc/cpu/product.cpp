// The matrix product: who computes it, and how it is shared out over threads.
//
// Our own product is as fast as MKL's (measured by `nnplay bench ops`), and its bits do not depend on how it
// is cut: any thread may take any part. Only where a processor multiplies bfloat16 numbers as such, in units
// that we do not program, the library is faster: there large products of them are the library's, whole, and
// repeat as torch.mm itself does. All other 16-bit numbers are multiplied as float and rounded once.
#include "product.h"

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace nnplay::cpu {
namespace {

using at::Tensor;

// Multiplications of bfloat16 numbers from which the library's product is faster than ours as float.
constexpr int64_t library_from = 1 << 21;
// Multiplications that make a part of our own product worth a thread.
constexpr int64_t own_part = 1 << 19;

// Whether this processor has AVX512_BF16 (Intel's manual, volume 2, CPUID, leaf 7.1).
bool multiplies_bfloat16() {
#ifdef __x86_64__
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
#else
  return true;
#endif
}

template <class Real>
Product<Real> columns(Product<Real> p, int64_t begin, int64_t end) {
  p.b += begin * p.b_col;
  p.c += begin;
  p.n = end - begin;
  return p;
}

template <class Real>
Product<Real> rows(Product<Real> p, int64_t begin, int64_t end) {
  p.a += begin * p.a_row;
  p.c += begin * p.c_row;
  p.m = end - begin;
  return p;
}

template <class Real>
void own_product(Tensor a, Tensor b, Tensor& out) {
  const int64_t m = out.size(0), n = out.size(1), k = a.size(1);
  if (b.stride(0) != 1 && b.stride(1) != 1) b = b.contiguous();
  const auto multiply = kernels<Real>().matmul;
  // A dimension of one number may have any stride: where it has, the other one counts.
  const bool by_columns = b.stride(1) == 1 || n == 1;
  // Short runs round less, and cost no time where the sums of them fit in registers too.
  const int64_t run = m <= 4 || n <= 16 ? 32 : Product<Real>().run;
  const Product<Real> p{a.const_data_ptr<Real>(),
                        a.stride(0),
                        a.stride(1),
                        b.const_data_ptr<Real>(),
                        by_columns ? b.stride(0) : 1,
                        by_columns ? 1 : b.stride(1),
                        out.mutable_data_ptr<Real>(),
                        n,
                        m,
                        n,
                        k,
                        run};
  const int64_t work = m * n * k;
  if (work < 2 * own_part || at::get_num_threads() == 1) return multiply(p);
  constexpr int64_t unit = 32;  // columns or rows: whole panels
  const bool cut_columns = n >= m;
  const int64_t size = cut_columns ? n : m, units = (size + unit - 1) / unit;
  const int64_t grain = std::max<int64_t>(1, own_part / std::max<int64_t>(work / units, 1));
  at::parallel_for(0, units, grain, [&](int64_t begin, int64_t end) {
    const int64_t from = begin * unit, to = std::min(end * unit, size);
    multiply(cut_columns ? columns(p, from, to) : rows(p, from, to));
  });
}

}  // namespace

bool made_as_float(at::ScalarType type, int64_t m, int64_t n, int64_t k) {
  static const bool library = multiplies_bfloat16();
  return type == at::kHalf || !library || m * n * k < library_from;
}

Tensor product(const Tensor& a, const Tensor& b, const Tensor& bias) {
  Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  if (out.numel() == 0) return out;
  if (a.scalar_type() == at::kFloat)
    own_product<float>(a, b, out);
  else if (a.scalar_type() == at::kDouble)
    own_product<double>(a, b, out);
  else if (bias.defined())
    at::addmm_out(out, bias, a, b);
  else
    at::mm_out(out, a, b);
  return out;
}

const Conversion& conversion(at::ScalarType type) {
  return type == at::kBFloat16 ? instruction_set().bfloat16 : instruction_set().float16;
}

Tensor to_float(const Tensor& t) {
  if (!t.defined()) return t;
  const Tensor dense = t.contiguous();
  Tensor result = at::empty(dense.sizes(), dense.options().dtype(at::kFloat));
  const auto* from = static_cast<const uint16_t*>(dense.const_data_ptr());
  float* to = result.mutable_data_ptr<float>();
  const auto convert = conversion(t.scalar_type()).to_float;
  at::parallel_for(0, t.numel(), pass_grain,
                   [&](int64_t begin, int64_t end) { convert(from + begin, to + begin, end - begin); });
  return result;
}

Tensor from_float(const Tensor& t, at::ScalarType type) {
  if (!t.defined()) return t;
  Tensor result = at::empty(t.sizes(), t.options().dtype(type));
  const float* from = t.const_data_ptr<float>();
  auto* to = static_cast<uint16_t*>(result.mutable_data_ptr());
  const auto convert = conversion(type).from_float;
  at::parallel_for(0, t.numel(), pass_grain,
                   [&](int64_t begin, int64_t end) { convert(from + begin, to + begin, end - begin); });
  return result;
}

}  // namespace nnplay::cpu

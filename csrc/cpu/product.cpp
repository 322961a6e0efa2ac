// The matrix product: who computes it, and how it is shared out over threads.
//
// Our own product is as fast as MKL's at the sizes of a lecture's nets and well beyond (measured by
// `nnplay bench ops`), and its bits do not depend on how it is cut: any thread may take any part. The
// library's is faster on very large matrices, and its 16-bit product runs on matrix units that we do not
// program. Its bits do depend on the cut and on how many threads it has: so it is cut by shape alone, and
// every part is computed by one thread. Not so for bfloat16: oneDNN's product of these differs in last places
// from one call to the next in any case (also under torch.mm), so it gets the whole work and all threads.
#include "product.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <omp.h>

namespace nnplay::cpu {
namespace {

using at::Tensor;

// Multiplications of 16-bit numbers from which the library's product is faster than ours as float.
constexpr int64_t library_from_16 = 1 << 21;
// Multiplications of float32 or float64 numbers from which it is faster than ours.
constexpr int64_t library_from_wide = int64_t(1) << 30;
// Multiplications that make a part of the library's product worth its start.
constexpr int64_t library_part_16 = 1 << 27, library_part_wide = 1 << 29;
// Multiplications that make a part of our own product worth a thread.
constexpr int64_t own_part = 1 << 19;

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// out := a b + bias. The bias is added here and not later where sums have 16 bits, to be rounded but once.
void multiply_by_library(const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& out) {
  if (bias.defined())
    at::addmm_out(out, bias, a, b);
  else
    at::mm_out(out, a, b);
}

// The same, in a number of parts that depends on the shape alone.
void library_product(const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& out) {
  if (a.scalar_type() == at::kBFloat16) return multiply_by_library(a, b, bias, out);
  const int64_t m = out.size(0), n = out.size(1), k = a.size(1);
  // Cutting rows costs the library's copies of b, cutting columns those of a: cut what leaves long sums.
  const int dim = (k < n && m >= 64) || n < 64 ? 0 : 1;
  const int64_t size = out.size(dim);
  const int64_t wanted =
      std::clamp<int64_t>(m * n * k / (a.element_size() == 2 ? library_part_16 : library_part_wide), 2, 32);
  const int64_t step = round_up((size + wanted - 1) / wanted, 32), parts = (size + step - 1) / step;
  // At least two iterations: with one alone, the library would go parallel by itself.
  at::parallel_for(0, std::max<int64_t>(parts, 2), 1, [&](int64_t begin, int64_t end) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;  // thread local: not inherited by a worker
    if (omp_in_parallel()) omp_set_num_threads(1);        // of this share alone; the library plans by it
    for (int64_t i = begin; i < std::min(end, parts); ++i) {
      const int64_t length = std::min(step, size - i * step);
      Tensor part = out.narrow(dim, i * step, length);
      multiply_by_library(dim == 0 ? a.narrow(0, i * step, length) : a,
                          dim == 1 ? b.narrow(1, i * step, length) : b,
                          dim == 1 && bias.defined() ? bias.narrow(0, i * step, length) : bias, part);
    }
  });
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
                        k};
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

bool few(int64_t m, int64_t n, int64_t k) { return m * n * k < library_from_16; }

Tensor product(const Tensor& a, const Tensor& b, const Tensor& bias) {
  Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  if (out.numel() == 0) return out;
  if (a.element_size() == 2 || a.size(0) * b.size(1) * a.size(1) >= library_from_wide)
    library_product(a, b, bias, out);
  else if (a.scalar_type() == at::kFloat)
    own_product<float>(a, b, out);
  else
    own_product<double>(a, b, out);
  return out;
}

const Conversion& conversion(at::ScalarType type) {
  return type == at::kBFloat16 ? instruction_set().bfloat16 : instruction_set().float16;
}

Tensor to_float(const Tensor& t) {
  if (!t.defined()) return t;
  const Tensor dense = t.contiguous();
  Tensor result = at::empty(dense.sizes(), dense.options().dtype(at::kFloat));
  conversion(t.scalar_type())
      .to_float(static_cast<const uint16_t*>(dense.const_data_ptr()), result.mutable_data_ptr<float>(),
                t.numel());
  return result;
}

Tensor from_float(const Tensor& t, at::ScalarType type) {
  if (!t.defined()) return t;
  Tensor result = at::empty(t.sizes(), t.options().dtype(type));
  conversion(type).from_float(t.const_data_ptr<float>(), static_cast<uint16_t*>(result.mutable_data_ptr()),
                              t.numel());
  return result;
}

}  // namespace nnplay::cpu

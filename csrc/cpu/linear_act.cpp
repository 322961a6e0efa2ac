// nnplay::linear_act on the CPU: small sizes on our own loops, large ones on the library's matrix product
// with bias, activation, gradient and bias gradient fused around it.
//
// The same bits whatever the thread count: work is cut into blocks by shape alone, every block is
// computed by one thread, and sums over blocks are taken in a fixed order.
#include "../linear_act.h"

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "kernels.h"

namespace nnplay::cpu {
namespace {

using at::Tensor;
using std::optional;
using std::string_view;

// Multiplications up to which our own product on one thread is faster than the library's.
constexpr int64_t own_product_limit = 1 << 19;
// Multiplications that make a block of the library's product worth its start.
constexpr int64_t library_block = 1 << 22;
// Numbers that make a share of a pass over memory worth a thread.
constexpr int64_t pass_block = 1 << 14;

template <class Real>
const Kernels<Real>& kernels() {
  if constexpr (std::is_same_v<Real, float>)
    return instruction_set().single;
  else
    return instruction_set().twice;
}

Tensor as_rows(const Tensor& t) { return t.dim() == 2 ? t : t.reshape({-1, t.size(-1)}); }

int64_t multiplications(int64_t m, int64_t n, int64_t k) { return m * n * k; }

// out (m, n) := a (m, k) b (k, n), in blocks of rows or columns of the result.
void library_product(const Tensor& a, const Tensor& b, Tensor& out) {
  const int64_t m = out.size(0), n = out.size(1);
  const int dim = m > n ? 0 : 1;
  const int64_t size = out.size(dim);
  int64_t blocks = std::clamp<int64_t>(multiplications(m, n, a.size(1)) / library_block, 2, 32);
  const int64_t step = ((size + blocks - 1) / blocks + 15) / 16 * 16;
  blocks = (size + step - 1) / step;
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;  // thread local: not inherited by a worker
    for (int64_t i = begin; i < end; ++i) {
      const int64_t length = std::min(step, size - i * step);
      Tensor part = out.narrow(dim, i * step, length);
      at::mm_out(part, dim == 0 ? a.narrow(0, i * step, length) : a, dim == 1 ? b.narrow(1, i * step, length) : b);
    }
  });
}

template <class Real>
void own_product(const Tensor& a, const Tensor& b, Tensor& out) {
  kernels<Real>().matmul(a.const_data_ptr<Real>(), a.stride(0), a.stride(1), b.const_data_ptr<Real>(),
                         out.mutable_data_ptr<Real>(), out.size(0), out.size(1), a.size(1));
}

// out (m, n) := a (m, k) b (k, n); out is dense.
template <class Real>
void product(const Tensor& a, const Tensor& b, Tensor& out) {
  const int64_t m = out.size(0), n = out.size(1), k = a.size(1);
  if (multiplications(m, n, k) > own_product_limit) return library_product(a, b, out);
  if (n > 1 && k > 1 && b.stride(0) == 1 && b.stride(1) == k) {  // the transpose of a dense matrix
    Tensor dense = at::empty({k, n}, b.options());
    kernels<Real>().transpose(b.const_data_ptr<Real>(), dense.mutable_data_ptr<Real>(), n, k);
    return own_product<Real>(a, dense, out);
  }
  own_product<Real>(a, b.contiguous(), out);
}

template <class Real>
void activate(Activation activation, Tensor& z, const Tensor& bias, Tensor& y) {
  const int64_t rows = z.size(0), cols = z.size(1);
  Real *z_at = z.mutable_data_ptr<Real>(), *y_at = y.mutable_data_ptr<Real>();
  const Real* bias_at = bias.defined() ? bias.const_data_ptr<Real>() : nullptr;
  at::parallel_for(0, rows, std::max<int64_t>(1, pass_block / std::max<int64_t>(cols, 1)),
                   [&](int64_t begin, int64_t end) {
                     kernels<Real>().activate(activation, z_at + begin * cols, bias_at, y_at + begin * cols,
                                              end - begin, cols);
                   });
}

// input (rows, in), weight (out, in); fills y (rows, out) and, if it is another tensor, z.
template <class Real>
void forward_as(const Tensor& input, const Tensor& weight, const Tensor& bias, Activation activation, Tensor& z,
                Tensor& y) {
  product<Real>(input, weight.t(), z);
  if (bias.defined() || activation != Activation::Identity)
    activate<Real>(activation, z, bias.defined() ? bias.contiguous() : bias, y);
}

Tensor forward_16(const Tensor& input, const Tensor& weight, const Tensor& bias, Activation activation, Tensor* z_out) {
  const auto single = [](const Tensor& t) { return t.defined() ? t.to(at::kFloat) : t; };
  Tensor z = at::empty({input.size(0), weight.size(0)}, input.options().dtype(at::kFloat));
  Tensor y = z_out ? at::empty_like(z) : z;
  forward_as<float>(single(input), single(weight), single(bias), activation, z, y);
  if (z_out) *z_out = z.to(input.scalar_type());
  return y.to(input.scalar_type());
}

// The work behind both forward ops; z is null where the pre-activation is not asked for.
Tensor forward(const Tensor& input, const Tensor& weight, const optional<Tensor>& maybe_bias, string_view name,
               Tensor* z_out) {
  check_linear_act(input, weight, maybe_bias);
  const Activation activation = activation_of(name);
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  const Tensor bias = maybe_bias.value_or(Tensor());
  const Tensor rows = as_rows(input);
  c10::DimVector shape(input.sizes());
  shape.back() = weight.size(0);
  Tensor y;
  if (input.scalar_type() == at::kFloat || input.scalar_type() == at::kDouble) {
    y = at::empty({rows.size(0), weight.size(0)}, input.options());
    Tensor z = z_out ? at::empty_like(y) : y;
    if (input.scalar_type() == at::kFloat)
      forward_as<float>(rows, weight, bias, activation, z, y);
    else
      forward_as<double>(rows, weight, bias, activation, z, y);
    if (z_out) *z_out = z;
  } else {
    y = forward_16(rows, weight, bias, activation, z_out);
  }
  if (z_out && input.dim() != 2) *z_out = z_out->view(shape);
  return input.dim() == 2 ? y : y.view(shape);
}

Tensor linear_act_cpu(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias, string_view activation) {
  return forward(input, weight, bias, activation, nullptr);
}

std::tuple<Tensor, Tensor> linear_act_saving_cpu(const Tensor& input, const Tensor& weight,
                                                 const optional<Tensor>& bias, string_view activation) {
  Tensor z;
  Tensor y = forward(input, weight, bias, activation, &z);
  return {y, z};
}

// gz := g f'(saved) and, if wanted, its column sums: of 32 rows each, then of 32 such sums each, and so
// on. The tree depends on the shape alone, and its rounding errors hardly grow with the number of rows.
template <class Real>
void gradient(Activation activation, const Tensor& g, const Tensor& saved, const Tensor& gz, const Tensor& column_sum) {
  constexpr int64_t step = 32;
  const int64_t rows = g.size(0), cols = g.size(1), blocks = (rows + step - 1) / step;
  const Real* g_at = g.const_data_ptr<Real>();
  const Real* saved_at = saved.defined() ? saved.const_data_ptr<Real>() : nullptr;
  Real* gz_at = gz.defined() ? gz.mutable_data_ptr<Real>() : nullptr;
  const bool tree = column_sum.defined() && blocks > 1;
  const Tensor sums = tree ? at::zeros({blocks, cols}, g.options()) : column_sum;
  Real* sums_at = sums.defined() ? sums.mutable_data_ptr<Real>() : nullptr;
  const int64_t grain = std::max<int64_t>(1, pass_block / std::max<int64_t>(step * cols, 1));
  at::parallel_for(0, blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i * step * cols;
      kernels<Real>().gradient(activation, g_at + at, saved_at ? saved_at + at : nullptr, gz_at ? gz_at + at : nullptr,
                               sums_at ? sums_at + i * cols : nullptr, std::min(step, rows - i * step), cols);
    }
  });
  if (tree) gradient<Real>(Activation::Identity, sums, Tensor(), Tensor(), column_sum);
}

template <class Real>
std::tuple<Tensor, Tensor, Tensor> backward_as(const Tensor& g, const Tensor& saved, const Tensor& input,
                                               const Tensor& weight, Activation activation,
                                               std::array<bool, 3> wanted) {
  Tensor by_input, by_weight, by_bias, gz;
  const bool identity = activation == Activation::Identity;
  if (identity)
    gz = g;
  else if (wanted[0] || wanted[1])
    gz = at::empty_like(g);
  if (wanted[2]) by_bias = at::zeros({weight.size(0)}, g.options());
  if (!identity || wanted[2]) gradient<Real>(activation, g, saved, identity ? Tensor() : gz, by_bias);
  if (wanted[0]) product<Real>(gz, weight, by_input = at::empty_like(input, {}, at::MemoryFormat::Contiguous));
  if (wanted[1]) product<Real>(gz.t(), input, by_weight = at::empty_like(weight, {}, at::MemoryFormat::Contiguous));
  return {by_input, by_weight, by_bias};
}

std::tuple<Tensor, Tensor, Tensor> linear_act_backward_cpu(const Tensor& grad, const optional<Tensor>& saved,
                                                           const Tensor& input, const Tensor& weight, string_view name,
                                                           std::array<bool, 3> wanted) {
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  const Activation activation = activation_of(name);
  const at::ScalarType type = input.scalar_type();
  const bool twice = type == at::kDouble;
  const auto real = [&](const Tensor& t) { return t.to(twice ? at::kDouble : at::kFloat); };
  const Tensor rows = real(as_rows(input)), g = real(as_rows(grad)).contiguous();
  const Tensor s = saved && saved->defined() ? real(as_rows(*saved)).contiguous() : Tensor();
  auto [x, w, b] = twice ? backward_as<double>(g, s, rows, weight, activation, wanted)
                         : backward_as<float>(g, s, rows, real(weight), activation, wanted);
  const auto back = [&](const Tensor& t) { return t.defined() ? t.to(type) : t; };
  return {x.defined() ? back(x).view(input.sizes()) : x, back(w), back(b)};
}

}  // namespace
}  // namespace nnplay::cpu

TORCH_LIBRARY_IMPL(nnplay, CPU, m) {
  m.impl("linear_act", nnplay::cpu::linear_act_cpu);
  m.impl("linear_act_saving", nnplay::cpu::linear_act_saving_cpu);
  m.impl("linear_act_backward", nnplay::cpu::linear_act_backward_cpu);
}

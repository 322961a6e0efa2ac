// nnplay::linear_act on the CPU: a matrix product, and around it bias, activation, gradient and bias
// gradient, each in one pass with what surrounds it.
//
// The same bits whatever the thread count: rows do not depend on each other, and sums over rows are cut
// by shape alone and added in a fixed order. (The exception, large products of bfloat16, is in product.cpp.)
#include "../as_rows.h"
#include "../linear_act.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "product.h"

namespace nnplay::cpu {
namespace {

using at::Tensor;
using std::optional;
using std::string_view;

bool is_16_bit(const Tensor& t) { return t.scalar_type() == at::kBFloat16 || t.scalar_type() == at::kHalf; }

template <class Real>
const Real* data(const Tensor& t) {
  return t.defined() ? t.const_data_ptr<Real>() : nullptr;
}
template <class Real>
Real* out(const Tensor& t) {
  return t.defined() ? t.mutable_data_ptr<Real>() : nullptr;
}

// body(first row, rows) for shares of the rows that are worth a thread each.
template <class Body>
void for_rows(int64_t rows, int64_t cols, Body&& body) {
  at::parallel_for(0, rows, std::max<int64_t>(1, pass_grain / std::max<int64_t>(cols, 1)),
                   [&](int64_t begin, int64_t end) { body(begin, end - begin); });
}

// z (rows, cols) := z + bias, y := activation(z); y may be z.
template <class Real>
void activate(Activation activation, const Tensor& z, const Tensor& bias, const Tensor& y) {
  const int64_t cols = z.size(1);
  Real *z_at = out<Real>(z), *y_at = out<Real>(y);
  const Real* bias_at = data<Real>(bias);
  for_rows(z.size(0), cols, [&](int64_t from, int64_t rows) {
    kernels<Real>().activate(activation, z_at + from * cols, bias_at, y_at + from * cols, rows, cols);
  });
}

// y := activation(z) of 16-bit numbers, a few rows at a time by way of float.
void activate_16(Activation activation, const Tensor& z, const Tensor& y) {
  const int64_t cols = z.size(1), step = std::max<int64_t>(1, 4096 / std::max<int64_t>(cols, 1));
  const Conversion& convert = conversion(z.scalar_type());
  const auto* z_at = static_cast<const uint16_t*>(z.const_data_ptr());
  auto* y_at = static_cast<uint16_t*>(y.mutable_data_ptr());
  for_rows(z.size(0), cols, [&](int64_t from, int64_t rows) {
    std::vector<float> numbers(step * cols);
    for (int64_t i = from; i < from + rows; i += step) {
      const int64_t some = std::min(step, from + rows - i);
      convert.to_float(z_at + i * cols, numbers.data(), some * cols);
      kernels<float>().activate(activation, numbers.data(), nullptr, numbers.data(), some, cols);
      convert.from_float(numbers.data(), y_at + i * cols, some * cols);
    }
  });
}

// y (rows, out) and, if keep_z, z (rows, out), else undefined.
std::tuple<Tensor, Tensor> forward_rows(const Tensor& input, const Tensor& weight, const Tensor& bias,
                                        Activation activation, bool keep_z) {
  if (is_16_bit(input) &&
      made_as_float(input.scalar_type(), input.size(0), weight.size(0), input.size(1))) {
    auto [y, z] = forward_rows(to_float(input), to_float(weight), to_float(bias), activation, keep_z);
    return {from_float(y, input.scalar_type()), from_float(z, input.scalar_type())};
  }
  const bool low = is_16_bit(input);
  const Tensor z = product(input, weight.t(), low ? bias : Tensor());
  const Tensor y = keep_z ? at::empty_like(z) : z;
  const Tensor to_add = bias.defined() && !low ? bias.contiguous() : Tensor();
  if (activation == Activation::Identity && !to_add.defined() && !keep_z) return {y, Tensor()};
  if (low)
    activate_16(activation, z, y);
  else if (z.scalar_type() == at::kFloat)
    activate<float>(activation, z, to_add, y);
  else
    activate<double>(activation, z, to_add, y);
  return {y, keep_z ? z : Tensor()};
}

std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                                   string_view name, bool keep_z) {
  check_linear_act(input, weight, bias);
  const Activation activation = activation_of(name);
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  if (input.dim() == 2) return forward_rows(input, weight, bias.value_or(Tensor()), activation, keep_z);
  const Tensor rows =
      input.reshape({c10::multiply_integers(input.sizes().slice(0, input.dim() - 1)), input.size(-1)});
  auto [y, z] = forward_rows(rows, weight, bias.value_or(Tensor()), activation, keep_z);
  c10::DimVector shape(input.sizes());
  shape.back() = weight.size(0);
  return {y.view(shape), keep_z ? z.view(shape) : z};
}

Tensor linear_act_cpu(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                      string_view activation) {
  return std::get<0>(forward(input, weight, bias, activation, false));
}

std::tuple<Tensor, Tensor> linear_act_saving_cpu(const Tensor& input, const Tensor& weight,
                                                 const optional<Tensor>& bias, string_view activation) {
  return forward(input, weight, bias, activation, true);
}

// Rows whose sum is taken at once.
constexpr int64_t rows_per_sum = 64;

template <class Real>
void add_rows(const Tensor& rows, const Tensor& sum);

// body(first row, rows, where their column sums go) for every `rows_per_sum` rows of a (rows, cols) matrix;
// column_sum (cols; may be undefined) := the sum of all, by way of sums of sums: a tree that depends on the
// shape alone.
template <class Real, class Body>
void sum_columns(int64_t rows, int64_t cols, const Tensor& column_sum, Body&& body) {
  const int64_t blocks = (rows + rows_per_sum - 1) / rows_per_sum;
  const Tensor sums =
      column_sum.defined() && blocks > 1 ? at::empty({blocks, cols}, column_sum.options()) : column_sum;
  Real* sums_at = out<Real>(sums);
  for_rows(blocks, rows_per_sum * cols, [&](int64_t from, int64_t count) {
    for (int64_t i = from; i < from + count; ++i) {
      std::vector<Real> sum_and_lost(sums_at ? 2 * cols : 0);
      body(i * rows_per_sum, std::min(rows_per_sum, rows - i * rows_per_sum),
           sums_at ? sum_and_lost.data() : nullptr);
      for (int64_t j = 0; sums_at && j < cols; ++j)
        sums_at[i * cols + j] = sum_and_lost[j] + sum_and_lost[cols + j];
    }
  });
  if (column_sum.defined() && blocks > 1) add_rows<Real>(sums, column_sum);
}

// sum (cols) := the sum of the rows of a (rows, cols) matrix
template <class Real>
void add_rows(const Tensor& rows, const Tensor& sum) {
  const int64_t cols = rows.size(1);
  const Real* at = data<Real>(rows);
  sum_columns<Real>(rows.size(0), cols, sum, [&](int64_t from, int64_t count, Real* part) {
    kernels<Real>().gradient(Activation::Identity, at + from * cols, nullptr, nullptr, part, count, cols);
  });
}

// gz := g f'(saved); column_sum := gz's column sums. gz and column_sum may be undefined, gz may be g.
template <class Real>
void gradient(Activation activation, const Tensor& g, const Tensor& saved, const Tensor& gz,
              const Tensor& column_sum) {
  const int64_t cols = g.size(1);
  const Real *g_at = data<Real>(g), *saved_at = data<Real>(saved);
  Real* gz_at = out<Real>(gz);
  sum_columns<Real>(g.size(0), cols, column_sum, [&](int64_t from, int64_t rows, Real* sum) {
    const int64_t at = from * cols;
    kernels<Real>().gradient(activation, g_at + at, saved_at ? saved_at + at : nullptr,
                             gz_at ? gz_at + at : nullptr, sum, rows, cols);
  });
}

// The same of 16-bit numbers, a few rows at a time by way of float; column_sum is float.
void gradient_16(Activation activation, const Tensor& g, const Tensor& saved, const Tensor& gz,
                 const Tensor& column_sum) {
  constexpr int64_t step = 4;  // rows that stay in the first-level cache
  const int64_t cols = g.size(1), size = step * cols;
  const Conversion& convert = conversion(g.scalar_type());
  const auto* g_at = static_cast<const uint16_t*>(g.const_data_ptr());
  const auto* saved_at = saved.defined() ? static_cast<const uint16_t*>(saved.const_data_ptr()) : nullptr;
  auto* gz_at = gz.defined() ? static_cast<uint16_t*>(gz.mutable_data_ptr()) : nullptr;
  sum_columns<float>(g.size(0), cols, column_sum, [&](int64_t from, int64_t rows, float* sum) {
    std::vector<float> numbers(2 * size);
    float *g_part = numbers.data(), *saved_part = g_part + size;
    for (int64_t i = from; i < from + rows; i += step) {
      const int64_t some = std::min(step, from + rows - i), at = i * cols;
      convert.to_float(g_at + at, g_part, some * cols);
      if (saved_at) convert.to_float(saved_at + at, saved_part, some * cols);
      kernels<float>().gradient(activation, g_part, saved_part, gz_at ? g_part : nullptr, sum, some, cols);
      if (gz_at) convert.from_float(g_part, gz_at + at, some * cols);
    }
  });
}

std::tuple<Tensor, Tensor, Tensor> backward_rows(const Tensor& g, const Tensor& saved, const Tensor& input,
                                                 const Tensor& weight, Activation activation,
                                                 std::array<bool, 3> wanted) {
  const at::ScalarType type = g.scalar_type();
  const bool low = is_16_bit(g);
  const int64_t inputs = input.defined() ? input.size(1) : weight.defined() ? weight.size(1) : 0;
  if (low && made_as_float(type, g.size(0), g.size(1), inputs)) {
    auto [x, w, b] =
        backward_rows(to_float(g), to_float(saved), to_float(input), to_float(weight), activation, wanted);
    return {from_float(x, type), from_float(w, type), from_float(b, type)};
  }
  const bool identity = activation == Activation::Identity;
  const Tensor gz = identity ? g : wanted[0] || wanted[1] ? at::empty_like(g) : Tensor();
  Tensor by_bias;
  if (wanted[2]) by_bias = at::zeros({g.size(1)}, g.options().dtype(low ? at::kFloat : type));
  if (!identity || wanted[2]) {
    const auto pass = low ? gradient_16 : type == at::kFloat ? gradient<float> : gradient<double>;
    pass(activation, g, saved, identity ? Tensor() : gz, by_bias);
  }
  return {wanted[0] ? product(gz, weight) : Tensor(), wanted[1] ? product(gz.t(), input) : Tensor(),
          low ? from_float(by_bias, type) : by_bias};
}

std::tuple<Tensor, Tensor, Tensor> linear_act_backward_cpu(const Tensor& grad, const optional<Tensor>& saved,
                                                           const optional<Tensor>& input,
                                                           const optional<Tensor>& weight, string_view name,
                                                           std::array<bool, 3> wanted) {
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  const Activation activation = activation_of(name);
  check_backward(grad, saved, input, weight, activation, wanted);
  return as_rows(backward_rows, grad, saved, input, weight, activation, wanted);
}

}  // namespace
}  // namespace nnplay::cpu

TORCH_LIBRARY_IMPL(nnplay, CPU, m) {
  m.impl("linear_act", nnplay::cpu::linear_act_cpu);
  m.impl("linear_act_saving", nnplay::cpu::linear_act_saving_cpu);
  m.impl("linear_act_backward", nnplay::cpu::linear_act_backward_cpu);
}

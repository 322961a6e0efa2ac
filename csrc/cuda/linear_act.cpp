// nnplay::linear_act on CUDA: small layers are one kernel of our own each way; for all others the product is the
// library's (cuBLASLt by way of ATen, TF32 as torch is set), and around it activation, activation gradient and bias
// gradient take one pass each.
//
// All work goes to the current stream of the tensors' device, waits for nothing and is deterministic where the
// library's product is: it can be captured in a CUDA graph.
#include "../as_rows.h"
#include "../linear_act.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "layer_kernels.h"

namespace nnplay::cuda {
namespace {

using at::Tensor;
using std::optional;
using std::string_view;

Type type_of(const Tensor& t) {
  switch (t.scalar_type()) {
    case at::kDouble:
      return Type::float64;
    case at::kBFloat16:
      return Type::bfloat16;
    case at::kHalf:
      return Type::float16;
    default:
      return Type::float32;
  }
}

const void* data(const Tensor& t) { return t.defined() ? t.const_data_ptr() : nullptr; }
void* out(const Tensor& t) { return t.defined() ? t.mutable_data_ptr() : nullptr; }

View view(const Tensor& t) {
  if (!t.defined()) return {nullptr, 0, 0};
  return {t.const_data_ptr(), t.stride(0), t.dim() == 2 ? t.stride(1) : 0};
}

// y (rows, out) and, if keep_z, z (rows, out), else undefined.
std::tuple<Tensor, Tensor> forward_rows(const Tensor& input, const Tensor& weight, const Tensor& bias,
                                        Activation activation, bool keep_z) {
  const int64_t rows = input.size(0), inputs = weight.size(1), outputs = weight.size(0);
  const auto stream = c10::cuda::getCurrentCUDAStream();
  if (is_small(rows, inputs, outputs)) {
    const Tensor y = at::empty({rows, outputs}, input.options());
    const Tensor z = keep_z ? at::empty_like(y) : Tensor();
    const SmallLayer layer{type_of(input), activation, int(rows), int(inputs), int(outputs), view(input), view(weight),
                           view(bias)};
    C10_CUDA_CHECK(small_forward(layer, out(y), out(z), stream));
    return {y, z};
  }
  if (activation == Activation::Relu && bias.defined() && !keep_z && rows * inputs * outputs > 0)
    return {at::_addmm_activation(bias, input, weight.t(), 1, 1, /*use_gelu=*/false), Tensor()};
  const Tensor z = bias.defined() ? at::addmm(bias, input, weight.t()) : at::mm(input, weight.t());
  const Tensor y = keep_z ? at::empty_like(z) : z;
  if (activation != Activation::Identity || keep_z)
    C10_CUDA_CHECK(activate(type_of(z), activation, data(z), out(y), rows, outputs, stream));
  return {y, keep_z ? z : Tensor()};
}

std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                                   string_view name, bool keep_z) {
  check_linear_act(input, weight, bias);
  const Activation activation = activation_of(name);
  const c10::cuda::CUDAGuard guard(input.device());
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  const Tensor rows =
      input.dim() == 2
          ? input
          : input.reshape({c10::multiply_integers(input.sizes().slice(0, input.dim() - 1)), input.size(-1)});
  auto [y, z] = forward_rows(rows, weight, bias.value_or(Tensor()), activation, keep_z);
  c10::DimVector shape(input.sizes());
  shape.back() = weight.size(0);
  return {y.view(shape), keep_z ? z.view(shape) : z};
}

Tensor linear_act_cuda(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                       string_view activation) {
  return std::get<0>(forward(input, weight, bias, activation, false));
}

std::tuple<Tensor, Tensor> linear_act_saving_cuda(const Tensor& input, const Tensor& weight,
                                                  const optional<Tensor>& bias, string_view activation) {
  return forward(input, weight, bias, activation, true);
}

std::tuple<Tensor, Tensor, Tensor> backward_rows(const Tensor& g, const Tensor& saved, const Tensor& input,
                                                 const Tensor& weight, Activation activation,
                                                 std::array<bool, 3> wanted) {
  const int64_t rows = g.size(0), outputs = g.size(1);
  const int64_t inputs = input.defined() ? input.size(1) : weight.defined() ? weight.size(1) : 1;
  const auto stream = c10::cuda::getCurrentCUDAStream();
  const Tensor by_bias = wanted[2] ? at::empty({outputs}, g.options()) : Tensor();
  const void* kept = saves_of(activation) == Saves::nothing ? nullptr : data(saved);  // which nobody has checked
  if (is_small(rows, inputs, outputs)) {
    const Tensor by_input = wanted[0] ? at::empty({rows, inputs}, g.options()) : Tensor();
    const Tensor by_weight = wanted[1] ? at::empty({outputs, inputs}, g.options()) : Tensor();
    const SmallLayer layer{type_of(g), activation, int(rows), int(inputs), int(outputs), view(input), view(weight), {}};
    C10_CUDA_CHECK(small_backward(layer, data(g), kept, out(by_input), out(by_weight), out(by_bias), stream));
    return {by_input, by_weight, by_bias};
  }
  const bool identity = activation == Activation::Identity;
  const Tensor gz = identity ? g : wanted[0] || wanted[1] ? at::empty_like(g) : Tensor();
  if (!identity || wanted[2]) {
    const int64_t bytes = wanted[2] ? gradient_workspace(type_of(g), activation, rows, outputs) : 0;
    const Tensor workspace = at::empty({bytes}, g.options().dtype(at::kByte));
    C10_CUDA_CHECK(gradient(type_of(g), activation, data(g), kept, identity ? nullptr : out(gz), out(by_bias),
                            out(workspace), rows, outputs, stream));
  }
  return {wanted[0] ? at::mm(gz, weight) : Tensor(), wanted[1] ? at::mm(gz.t(), input) : Tensor(), by_bias};
}

std::tuple<Tensor, Tensor, Tensor> linear_act_backward_cuda(const Tensor& grad, const optional<Tensor>& saved,
                                                            const optional<Tensor>& input,
                                                            const optional<Tensor>& weight, string_view name,
                                                            std::array<bool, 3> wanted) {
  const c10::cuda::CUDAGuard guard(grad.device());
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  const Activation activation = activation_of(name);
  check_backward(grad, saved, input, weight, activation, wanted);
  return as_rows(backward_rows, grad, saved, input, weight, activation, wanted);
}

}  // namespace
}  // namespace nnplay::cuda

TORCH_LIBRARY_IMPL(nnplay, CUDA, m) {
  m.impl("linear_act", nnplay::cuda::linear_act_cuda);
  m.impl("linear_act_saving", nnplay::cuda::linear_act_saving_cuda);
  m.impl("linear_act_backward", nnplay::cuda::linear_act_backward_cuda);
}

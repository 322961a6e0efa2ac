// What every device does around its backward of linear_act: leading dimensions become rows, and come back.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/DimVector.h>
#include <c10/util/accumulate.h>

#include <array>
#include <optional>
#include <tuple>

#include "activation.h"

namespace nnplay {

// The gradients of input, weight and bias, each only if wanted. All arguments are matrices, g and saved dense; what is
// not needed may be undefined.
using BackwardRows = std::tuple<at::Tensor, at::Tensor, at::Tensor>(
    const at::Tensor& g, const at::Tensor& saved, const at::Tensor& input, const at::Tensor& weight,
    Activation activation, std::array<bool, 3> wanted);

inline std::tuple<at::Tensor, at::Tensor, at::Tensor> as_rows(
    BackwardRows& backward, const at::Tensor& grad, const std::optional<at::Tensor>& saved,
    const std::optional<at::Tensor>& input, const std::optional<at::Tensor>& weight, Activation activation,
    std::array<bool, 3> wanted) {
  using at::Tensor;
  const int64_t rows = c10::multiply_integers(grad.sizes().slice(0, grad.dim() - 1));
  const auto flat = [rows](const std::optional<Tensor>& t) {
    return !t || !t->defined() ? Tensor() : t->dim() == 2 ? *t : t->reshape({rows, t->size(-1)});
  };
  const Tensor s = flat(saved);
  auto [x, w, b] = backward(flat(grad).contiguous(), s.defined() ? s.contiguous() : s, flat(input),
                            weight.value_or(Tensor()), activation, wanted);
  if (!x.defined() || grad.dim() == 2) return {x, w, b};
  c10::DimVector shape(grad.sizes());
  shape.back() = x.size(1);
  return {x.view(shape), w, b};
}

}  // namespace nnplay

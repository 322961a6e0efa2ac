// The op nnplay::linear_act: y = activation(input weight^T + bias). Schema, checks and autograd are in
// linear_act.cpp and linear_act_checks.cpp; each device registers its own implementation (cpu/linear_act.cpp).
//
//   input   (..., in)     weight  (out, in)     bias  (out), or none     y  (..., out)
//
// Below it lie two ops that autograd calls, so that tracers see them too:
//   linear_act_saving    gives y and z, the pre-activation, for activations whose derivative needs z
//   linear_act_backward  gives the gradients of input, weight and bias, each only if wanted
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <string_view>
#include <tuple>

#include "activation.h"

namespace nnplay {

// The activation of that name. Raises ValueError naming all of them, and the nearest, if there is none.
Activation activation_of(std::string_view name);
const char* name_of(Activation activation);
Saves saves_of(Activation activation);

// Raises TypeError if a tensor is sparse, nested, quantized or of another layout than strides. To be called before
// the dispatcher sees the arguments: it would find no kernel, and say so in its own words.
void check_dense(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias);

// Raises TypeError or ValueError, with what was expected and what came, unless the arguments fit.
void check_linear_act(const at::Tensor& input, const at::Tensor& weight,
                      const std::optional<at::Tensor>& bias);

// The same of what the backward is given; see LinearActBackward.
void check_backward(const at::Tensor& grad, const std::optional<at::Tensor>& saved,
                    const std::optional<at::Tensor>& input, const std::optional<at::Tensor>& weight,
                    Activation activation, std::array<bool, 3> wanted);

// What the ops' schemas say, as C++ types.
at::Tensor linear_act(const at::Tensor& input, const at::Tensor& weight,
                      const std::optional<at::Tensor>& bias, std::string_view activation);

using LinearAct = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                             std::string_view);
using LinearActSaving = std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&,
                                                           const std::optional<at::Tensor>&,
                                                           std::string_view);
// grad and saved (..., out); input is needed for weight's gradient only, weight for input's.
using LinearActBackward = std::tuple<at::Tensor, at::Tensor, at::Tensor>(
    const at::Tensor& grad, const std::optional<at::Tensor>& saved, const std::optional<at::Tensor>& input,
    const std::optional<at::Tensor>& weight, std::string_view activation, std::array<bool, 3> wanted);

}  // namespace nnplay

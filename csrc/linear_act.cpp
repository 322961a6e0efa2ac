// nnplay::linear_act: schema, argument checks, meta implementation and autograd, for every device.
#include "linear_act.h"

#include <ATen/FuncTorchTLS.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cctype>
#include <string>

#include "tensor_lane.h"

namespace nnplay {
namespace {

using at::Tensor;
using std::optional;
using std::string_view;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr string_view names[] = {
#define NNPLAY_ENTRY(Type) Type::name,
    NNPLAY_ACTIVATIONS(NNPLAY_ENTRY)
#undef NNPLAY_ENTRY
};

// How many single-letter edits lead from one word to the other (Levenshtein).
size_t distance(string_view a, string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

std::string lower(string_view word) {
  std::string letters(word);
  for (char& c : letters) c = char(std::tolower(static_cast<unsigned char>(c)));
  return letters;
}

template <class Op>
const c10::TypedOperatorHandle<Op>& find_op(const char* name) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Op>();
  return op;
}
const auto& linear_act_op() { return find_op<LinearAct>("nnplay::linear_act"); }
const auto& saving_op() { return find_op<LinearActSaving>("nnplay::linear_act_saving"); }
const auto& backward_op() { return find_op<LinearActBackward>("nnplay::linear_act_backward"); }

// ---- the same in plain PyTorch operations -------------------------------------------------------------

at::ScalarType calculation_type(const Tensor& t) {
  return t.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

// z (..., out): pre-activation
Tensor plain_activation(const Tensor& z, Activation activation) {
  const TensorLane x(z.to(calculation_type(z)));
  const TensorLane y = visit(activation, [&](auto act) -> TensorLane {
    using Act = decltype(act);
    if constexpr (Act::rowwise) {
      if (z.sym_numel() == 0) return x;
      const TensorLane d = x - TensorLane(x.t.amax(-1, true).detach());
      const TensorLane e = exp(d);
      return Act::f(Act::keep(d, e), Act::normalizer(TensorLane(e.t.sum(-1, true))));
    } else {
      return Act::f(x);
    }
  });
  return y.t.to(z.scalar_type());
}

// g (..., out): gradient by y; saved: y or z, as the activation says
Tensor plain_gradient(const Tensor& g, const Tensor& saved, Activation activation) {
  const TensorLane x(g.to(calculation_type(g)));
  const TensorLane s = saved.defined() ? TensorLane(saved.to(calculation_type(g))) : x;
  const TensorLane gz = visit(activation, [&](auto act) -> TensorLane {
    using Act = decltype(act);
    if constexpr (Act::rowwise)
      return Act::gradient(x, s, TensorLane(Act::part(x, s).t.sum(-1, true)));
    else
      return Act::gradient(x, s);
  });
  Tensor full = gz.t.dim() < x.t.dim() ? at::zeros_like(x.t) + gz.t : gz.t;  // a derivative that is 0
  // A derivative in steps has none itself; but zeros are asked for as any others, as of torch's relu.
  if (activation == Activation::Relu || activation == Activation::LeakyRelu)
    full = at::where(at::zeros_like(s.t, at::kBool), s.t, full);
  return full.to(g.scalar_type());
}

Tensor plain(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
             string_view activation) {
  check_linear_act(input, weight, bias);
  return plain_activation(at::linear(input, weight, bias), activation_of(activation));
}

std::tuple<Tensor, Tensor> plain_saving(const Tensor& input, const Tensor& weight,
                                        const optional<Tensor>& bias, string_view activation) {
  check_linear_act(input, weight, bias);
  const Tensor z = at::linear(input, weight, bias);
  return {plain_activation(z, activation_of(activation)), z};
}

// From the gradient by z to those of the arguments.
std::tuple<Tensor, Tensor, Tensor> plain_products(const Tensor& gz, const Tensor& input, const Tensor& weight,
                                                  std::array<bool, 3> wanted) {
  Tensor by_input, by_weight, by_bias;
  if (wanted[0]) by_input = gz.matmul(weight);
  if (wanted[1] || wanted[2]) {
    const auto as_rows = [](const Tensor& t) { return t.dim() == 1 ? t.unsqueeze(0) : t.flatten(0, -2); };
    const Tensor rows = as_rows(gz);
    if (wanted[1]) by_weight = rows.t().matmul(as_rows(input));
    if (wanted[2]) by_bias = rows.sum(0);
  }
  return {by_input, by_weight, by_bias};
}

std::tuple<Tensor, Tensor, Tensor> plain_backward(const Tensor& g, const optional<Tensor>& saved,
                                                  const optional<Tensor>& input,
                                                  const optional<Tensor>& weight, string_view activation,
                                                  std::array<bool, 3> wanted) {
  const auto get = [](const optional<Tensor>& t) { return t.value_or(Tensor()); };
  check_backward(g, saved, input, weight, activation_of(activation), wanted);
  return plain_products(plain_gradient(g, get(saved), activation_of(activation)), get(input), get(weight),
                        wanted);
}

// ---- shapes only ---------------------------------------------------------------------------------------

Tensor meta_linear_act(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                       string_view activation) {
  check_linear_act(input, weight, bias);
  activation_of(activation);
  c10::SymDimVector shape(input.sym_sizes());
  shape.back() = weight.sym_size(0);
  return input.new_empty_symint(shape);
}

std::tuple<Tensor, Tensor> meta_saving(const Tensor& input, const Tensor& weight,
                                       const optional<Tensor>& bias, string_view activation) {
  const Tensor y = meta_linear_act(input, weight, bias, activation);
  return {y, y.new_empty_symint(y.sym_sizes())};
}

std::tuple<Tensor, Tensor, Tensor> meta_backward(const Tensor& g, const optional<Tensor>& saved,
                                                 const optional<Tensor>& input,
                                                 const optional<Tensor>& weight, string_view activation,
                                                 std::array<bool, 3> wanted) {
  check_backward(g, saved, input, weight, activation_of(activation), wanted);
  Tensor by_input, by_weight, by_bias;
  if (wanted[0]) {
    c10::SymDimVector shape(g.sym_sizes());
    shape.back() = weight->sym_size(1);
    by_input = g.new_empty_symint(shape);
  }
  if (wanted[1]) by_weight = g.new_empty_symint({g.sym_size(-1), input->sym_size(-1)});
  if (wanted[2]) by_bias = g.new_empty_symint({g.sym_size(-1)});
  return {by_input, by_weight, by_bias};
}

// ---- autograd ------------------------------------------------------------------------------------------

// For an activation that saves z, z is a second output: a second derivative then flows through it.
struct LinearActFunction : torch::autograd::Function<LinearActFunction> {
  static variable_list forward(AutogradContext* ctx, const Tensor& input, const Tensor& weight,
                               const optional<Tensor>& bias, string_view name) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Activation activation = activation_of(name);
    ctx->saved_data["activation"] = int64_t(activation);
    ctx->saved_data["bias"] = bias.has_value() && bias->defined();
    ctx->set_materialize_grads(false);
    const Saves saves = saves_of(activation);
    variable_list outputs;
    if (saves == Saves::preactivation) {
      auto [y, z] = saving_op().call(input, weight, bias, name);
      outputs = {y, z};
    } else {
      outputs = {linear_act_op().call(input, weight, bias, name)};
    }
    // As torch does: the input is kept for the weight's gradient, the weight for the input's.
    ctx->save_for_backward({weight.requires_grad() ? input : Tensor(),
                            input.requires_grad() ? weight : Tensor(),
                            saves == Saves::nothing ? Tensor() : outputs.back()});
    return outputs;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const Activation activation = Activation(ctx->saved_data["activation"].toInt());
    const bool has_bias = ctx->saved_data["bias"].toBool();
    const std::array<bool, 3> wanted = {ctx->needs_input_grad(0), ctx->needs_input_grad(1),
                                        has_bias && ctx->needs_input_grad(2)};
    const Tensor &input = saved[0], &weight = saved[1], &g = grads[0];
    const Tensor by_z = grads.size() > 1 ? grads[1] : Tensor();  // defined in a second derivative only
    if (!g.defined() && !by_z.defined()) return {Tensor(), Tensor(), Tensor(), Tensor()};
    std::tuple<Tensor, Tensor, Tensor> result;
    if (at::GradMode::is_enabled() || by_z.defined()) {
      Tensor gz = g.defined() ? plain_gradient(g, saved[2], activation) : by_z;
      if (g.defined() && by_z.defined()) gz = gz + by_z;
      result = plain_products(gz, input, weight, wanted);
    } else {
      const auto maybe = [](const Tensor& t) { return t.defined() ? optional<Tensor>(t) : std::nullopt; };
      result =
          backward_op().call(g, maybe(saved[2]), maybe(input), maybe(weight), names[int(activation)], wanted);
    }
    return {std::get<0>(result), std::get<1>(result), std::get<2>(result), Tensor()};
  }
};

// Whether a transform of torch.func (grad, vmap, jvp, ...) is at work on this thread. Torch offers no
// question, only a check that raises.
bool inside_functorch() {
  const auto& tls = at::functorch::functorchTLSAccessor();
  if (!tls) return false;
  try {
    tls->checkSupportsCppAutogradFunction();
    return false;
  } catch (const c10::Error&) {
    return true;
  }
}

bool has_tangent(const Tensor& t) { return t.defined() && t._fw_grad(/*level=*/0).defined(); }

Tensor autograd_linear_act(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                           string_view activation) {
  // Transforms of torch.func and forward-mode derivatives see plain operations.
  if (inside_functorch() || has_tangent(input) || has_tangent(weight) || (bias && has_tangent(*bias)))
    return plain(input, weight, bias, activation);
  if (!at::GradMode::is_enabled() ||
      !(input.requires_grad() || weight.requires_grad() || (bias && bias->requires_grad()))) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    return linear_act_op().call(input, weight, bias, activation);
  }
  return LinearActFunction::apply(input, weight, bias, activation)[0];
}

// Under autocast the layer calculates in autocast's type, as torch.nn.functional.linear does.
template <c10::DeviceType device, c10::DispatchKey key>
Tensor autocast_linear_act(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                           string_view activation) {
  c10::impl::ExcludeDispatchKeyGuard no_autocast(key);
  const at::ScalarType type = at::autocast::get_autocast_dtype(device);
  return linear_act_op().call(at::autocast::cached_cast(type, input, device),
                              at::autocast::cached_cast(type, weight, device),
                              at::autocast::cached_cast(type, bias, device), activation);
}

}  // namespace

Activation activation_of(string_view name) {
  for (size_t i = 0; i < std::size(names); ++i)
    if (names[i] == name) return Activation(i);
  const std::string wanted = lower(name);
  const auto nearest = std::min_element(
      std::begin(names), std::end(names),
      [&](string_view a, string_view b) { return distance(a, wanted) < distance(b, wanted); });
  TORCH_CHECK_VALUE(
      false, "linear_act: unknown activation '", name, "'; did you mean '", *nearest,
      "'? There are: ", c10::Join(", ", std::vector<string_view>(std::begin(names), std::end(names))));
}

Saves saves_of(Activation activation) {
  return visit(activation, [](auto act) { return decltype(act)::saves; });
}

void check_linear_act(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias) {
  const auto type = input.scalar_type();
  const bool has_bias = bias.has_value() && bias->defined();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kDouble || type == at::kBFloat16 || type == at::kHalf,
                   "linear_act: expected input of float32, float64, bfloat16 or float16, got ", type);
  TORCH_CHECK_TYPE(weight.scalar_type() == type && (!has_bias || bias->scalar_type() == type),
                   "linear_act: expected input, weight and bias of one dtype, got ", type, ", ",
                   weight.scalar_type(), " and ", has_bias ? toString(bias->scalar_type()) : "no bias");
  TORCH_CHECK_VALUE(weight.device() == input.device() && (!has_bias || bias->device() == input.device()),
                    "linear_act: expected input, weight and bias on one device, got ", input.device(), ", ",
                    weight.device(), " and ", has_bias ? bias->device().str() : "no bias");
  TORCH_CHECK_VALUE(weight.dim() == 2, "linear_act: expected weight of shape (out, in), got shape ",
                    weight.sym_sizes());
  TORCH_CHECK_VALUE(input.dim() >= 1 && input.sym_size(-1) == weight.sym_size(1),
                    "linear_act: expected input of shape (..., ", weight.sym_size(1), ") for weight ",
                    weight.sym_sizes(), ", got shape ", input.sym_sizes());
  TORCH_CHECK_VALUE(!has_bias || (bias->dim() == 1 && bias->sym_size(0) == weight.sym_size(0)),
                    "linear_act: expected bias of shape (", weight.sym_size(0), ") for weight ",
                    weight.sym_sizes(), ", got shape ", has_bias ? bias->sym_sizes() : c10::SymIntArrayRef());
}

void check_backward(const Tensor& grad, const optional<Tensor>& saved, const optional<Tensor>& input,
                    const optional<Tensor>& weight, Activation activation, std::array<bool, 3> wanted) {
  const auto type = grad.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kDouble || type == at::kBFloat16 || type == at::kHalf,
                   "linear_act_backward: expected grad of float32, float64, bfloat16 or float16, got ", type);
  TORCH_CHECK_VALUE(grad.dim() >= 1, "linear_act_backward: expected grad of shape (..., out), got shape []");
  const auto is_there = [](const optional<Tensor>& t) { return t.has_value() && t->defined(); };
  const auto check_alike = [&](const char* name, const Tensor& t) {
    TORCH_CHECK_TYPE(t.scalar_type() == type, "linear_act_backward: expected ", name, " of grad's dtype ", type,
                     ", got ", t.scalar_type());
    TORCH_CHECK_VALUE(t.device() == grad.device(), "linear_act_backward: expected ", name, " on grad's device ",
                      grad.device(), ", got ", t.device());
  };
  if (saves_of(activation) != Saves::nothing) {
    TORCH_CHECK_VALUE(is_there(saved), "linear_act_backward: expected what the forward saved for ",
                      names[int(activation)], ", got none");
    check_alike("saved", *saved);
    TORCH_CHECK_VALUE(saved->sym_sizes() == grad.sym_sizes(), "linear_act_backward: expected saved of grad's shape ",
                      grad.sym_sizes(), ", got shape ", saved->sym_sizes());
  }
  if (wanted[0]) {
    TORCH_CHECK_VALUE(is_there(weight), "linear_act_backward: expected the weight for input's gradient, got none");
    check_alike("weight", *weight);
    TORCH_CHECK_VALUE(weight->dim() == 2 && weight->sym_size(0) == grad.sym_size(-1),
                      "linear_act_backward: expected weight of shape (", grad.sym_size(-1), ", in) for grad ",
                      grad.sym_sizes(), ", got shape ", weight->sym_sizes());
  }
  if (wanted[1]) {
    TORCH_CHECK_VALUE(is_there(input), "linear_act_backward: expected the input for weight's gradient, got none");
    check_alike("input", *input);
    TORCH_CHECK_VALUE(input->dim() == grad.dim() && input->sym_sizes().slice(0, input->dim() - 1) ==
                                                        grad.sym_sizes().slice(0, grad.dim() - 1),
                      "linear_act_backward: expected input of grad's shape ", grad.sym_sizes(),
                      " but for the last dimension, got shape ", input->sym_sizes());
  }
}

Tensor linear_act(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                  string_view activation) {
  return linear_act_op().call(input, weight, bias, activation);
}

}  // namespace nnplay

TORCH_LIBRARY(nnplay, m) {
  m.def("linear_act(Tensor input, Tensor weight, Tensor? bias, str activation) -> Tensor",
        {at::Tag::pt2_compliant_tag});
  m.def("linear_act_saving(Tensor input, Tensor weight, Tensor? bias, str activation) -> (Tensor, Tensor)",
        {at::Tag::pt2_compliant_tag});
  m.def(
      "linear_act_backward(Tensor grad, Tensor? saved, Tensor? input, Tensor? weight, str activation, "
      "bool[3] wanted) -> (Tensor, Tensor, Tensor)",
      {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(nnplay, Meta, m) {
  m.impl("linear_act", nnplay::meta_linear_act);
  m.impl("linear_act_saving", nnplay::meta_saving);
  m.impl("linear_act_backward", nnplay::meta_backward);
}

TORCH_LIBRARY_IMPL(nnplay, Autograd, m) {
  m.impl("linear_act", nnplay::autograd_linear_act);
  // Reached only by a direct call: an error, where torch's default would be a silent zero.
  m.impl("linear_act_saving", torch::autograd::autogradNotImplementedFallback());
  m.impl("linear_act_backward", torch::autograd::autogradNotImplementedFallback());
}

TORCH_LIBRARY_IMPL(nnplay, FuncTorchBatched, m) {
  m.impl("linear_act", nnplay::plain);
  m.impl("linear_act_saving", nnplay::plain_saving);
  m.impl("linear_act_backward", nnplay::plain_backward);
}

TORCH_LIBRARY_IMPL(nnplay, AutocastCPU, m) {
  m.impl("linear_act", nnplay::autocast_linear_act<at::kCPU, c10::DispatchKey::AutocastCPU>);
}
TORCH_LIBRARY_IMPL(nnplay, AutocastCUDA, m) {
  m.impl("linear_act", nnplay::autocast_linear_act<at::kCUDA, c10::DispatchKey::AutocastCUDA>);
}

// nnplay::linear_act: schema, meta implementation and autograd, for every device.
#include "linear_act.h"

#include <ATen/FuncTorchTLS.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include "tensor_lane.h"

namespace nnplay {
namespace {

using at::Tensor;
using std::optional;
using std::string_view;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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
  // Of a step, too, torch's graph leads on to z, with zeros.
  const bool in_steps = activation == Activation::Step || activation == Activation::Sign;
  return (in_steps ? at::where(at::zeros_like(x.t, at::kBool), x.t, y.t) : y.t).to(z.scalar_type());
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
    const auto as_rows = [](const Tensor& t) {  // by reshape: of flatten, torch's batched gradients have no rule
      if (t.dim() == 2) return t;
      c10::SymInt rows = 1;
      for (const c10::SymInt& n : t.sym_sizes().slice(0, t.dim() - 1)) rows *= n;
      return t.reshape_symint({rows, t.sym_size(-1)});
    };
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
  check_dense(input, weight, bias);
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

bool has_tangent(const Tensor& t) { return t.defined() && t._fw_grad(/*level=*/0).defined(); }

// A new node of the graph, held as this torch holds nodes: until 2.12 by a shared_ptr.
using NodePointer = decltype(torch::autograd::get_current_node());
template <class Node>
auto make_node() {
  if constexpr (std::is_same_v<NodePointer, std::shared_ptr<torch::autograd::Node>>)
    return std::make_shared<Node>();
  else
    return c10::make_intrusive<Node>();
}

// The node of z in the graph of a first derivative. What a second derivative sends to z goes on to the layer's own
// arguments by it and not by the layer's node, whose output is y: hooks of y are called with gradients of y alone.
struct Preactivation : torch::autograd::Node {
  torch::autograd::SavedVariable input, weight;

  // z as a function of those that the layer's node, which is at work, leads to.
  static Tensor connect(const Tensor& z, const Tensor& input, const Tensor& weight) {
    const auto node = make_node<Preactivation>();
    node->input = torch::autograd::SavedVariable(input, /*is_output=*/false);
    node->weight = torch::autograd::SavedVariable(weight, /*is_output=*/false);
    node->set_next_edges(torch::autograd::edge_list(torch::autograd::get_current_node()->next_edges()));
    const Tensor connected = z.variable_data();
    torch::autograd::set_history(connected, node);
    return connected;
  }

  variable_list apply(variable_list&& grads) override {
    variable_list by_arguments(num_outputs());  // two without a bias
    if (!grads[0].defined()) return by_arguments;
    std::array<bool, 3> wanted{};
    for (size_t i = 0; i < by_arguments.size(); ++i) wanted[i] = task_should_compute_output(i);
    const auto [by_input, by_weight, by_bias] =
        plain_products(grads[0], input.unpack(), weight.unpack(), wanted);
    by_arguments[0] = by_input;
    by_arguments[1] = by_weight;
    if (by_arguments.size() > 2) by_arguments[2] = by_bias;
    return by_arguments;
  }

  void release_variables() override {
    input.reset_data();
    weight.reset_data();
  }
};

struct LinearActFunction : torch::autograd::Function<LinearActFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& input, const Tensor& weight,
                        const optional<Tensor>& bias, string_view name) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Activation activation = activation_of(name);
    ctx->saved_data["activation"] = int64_t(activation);
    ctx->saved_data["bias"] = bias.has_value() && bias->defined();
    ctx->set_materialize_grads(false);
    const Saves saves = saves_of(activation);
    Tensor y, z;
    if (saves == Saves::preactivation)
      std::tie(y, z) = saving_op().call(input, weight, bias, name);
    else
      y = linear_act_op().call(input, weight, bias, name);
    // As torch does: the input is kept for the weight's gradient, the weight for the input's.
    ctx->save_for_backward({weight.requires_grad() ? input : Tensor(),
                            input.requires_grad() ? weight : Tensor(),
                            saves == Saves::output ? y : z});
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const Activation activation = Activation(ctx->saved_data["activation"].toInt());
    const bool has_bias = ctx->saved_data["bias"].toBool();
    const std::array<bool, 3> wanted = {ctx->needs_input_grad(0), ctx->needs_input_grad(1),
                                        has_bias && ctx->needs_input_grad(2)};
    const Tensor &input = saved[0], &weight = saved[1], &g = grads[0];
    if (!g.defined()) return {Tensor(), Tensor(), Tensor(), Tensor()};
    std::tuple<Tensor, Tensor, Tensor> result;
    if (at::GradMode::is_enabled() || has_tangent(g)) {
      const bool through_z = saves_of(activation) == Saves::preactivation && at::GradMode::is_enabled();
      const Tensor s = through_z ? Preactivation::connect(saved[2], input, weight) : saved[2];
      result = plain_products(plain_gradient(g, s, activation), input, weight, wanted);
    } else {
      const auto maybe = [](const Tensor& t) { return t.defined() ? optional<Tensor>(t) : std::nullopt; };
      result =
          backward_op().call(g, maybe(saved[2]), maybe(input), maybe(weight), name_of(activation), wanted);
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
  return LinearActFunction::apply(input, weight, bias, activation);
}

// Under autocast the layer calculates in autocast's type, as torch.nn.functional.linear does. On a GPU torch then has
// some activations in float32.
template <c10::DeviceType device, c10::DispatchKey key>
Tensor autocast_linear_act(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                           string_view activation) {
  c10::impl::ExcludeDispatchKeyGuard no_autocast(key);
  const at::ScalarType type = at::autocast::get_autocast_dtype(device);
  const auto layer = [&](string_view name) {
    return linear_act_op().call(at::autocast::cached_cast(type, input, device),
                                at::autocast::cached_cast(type, weight, device),
                                at::autocast::cached_cast(type, bias, device), name);
  };
  if constexpr (device == c10::DeviceType::CUDA) {
    switch (activation_of(activation)) {
      case Activation::Softmax:
        return at::softmax(layer("identity"), -1, at::kFloat);
      case Activation::LogSoftmax:
        return at::log_softmax(layer("identity"), -1, at::kFloat);
      case Activation::Softplus:
        return at::softplus(layer("identity").to(at::kFloat));
      default:
        break;
    }
  }
  return layer(activation);
}

}  // namespace

Tensor linear_act(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias,
                  string_view activation) {
  check_dense(input, weight, bias);
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

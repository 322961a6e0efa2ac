// What linear_act is given: whether it fits, and if not, an error with what was expected and what came.
#include "linear_act.h"

#include <cctype>
#include <string>
#include <vector>

namespace nnplay {
namespace {

using at::Tensor;
using std::optional;
using std::string_view;

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

void check_dense(const char* name, const Tensor& t) {
  TORCH_CHECK_TYPE(!t.is_nested() && !t.is_quantized() && t.layout() == at::kStrided, "linear_act: expected ", name,
                   " to be a dense tensor, got ", t.is_nested() ? "a nested one" : t.is_quantized() ? "a quantized one"
                   : c10::str("one of layout ", t.layout()));
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

const char* name_of(Activation activation) { return names[int(activation)].data(); }

Saves saves_of(Activation activation) {
  return visit(activation, [](auto act) { return decltype(act)::saves; });
}

void check_dense(const Tensor& input, const Tensor& weight, const optional<Tensor>& bias) {
  check_dense("input", input);
  check_dense("weight", weight);
  if (bias && bias->defined()) check_dense("bias", *bias);
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
                      name_of(activation), ", got none");
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
  if (wanted[0] && wanted[1])
    TORCH_CHECK_VALUE(input->sym_size(-1) == weight->sym_size(1), "linear_act_backward: expected input of shape (..., ",
                      weight->sym_size(1), ") for weight ", weight->sym_sizes(), ", got shape ", input->sym_sizes());
}

}  // namespace nnplay

// TensorLane: a whole tensor as a lane type (lane.h), so that the list in activation.h also gives each
// activation, and each gradient, in plain PyTorch operations. Those are differentiable again: this is
// where second derivatives, forward-mode derivatives and vmap come from.
#pragma once

#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/special_ndtr.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/where.h>
#include <ATen/core/Tensor.h>

#include "activation.h"

namespace nnplay {

struct TensorLane {
  at::Tensor t;
  TensorLane(at::Tensor tensor) : t(std::move(tensor)) {}
  // A number: a 0-dimensional double, which takes no part in type promotion.
  explicit TensorLane(double number) : t(at::scalar_tensor(number, at::kDouble)) {}

  friend TensorLane operator+(const TensorLane& a, const TensorLane& b) { return a.t + b.t; }
  friend TensorLane operator-(const TensorLane& a, const TensorLane& b) { return a.t - b.t; }
  friend TensorLane operator*(const TensorLane& a, const TensorLane& b) { return a.t * b.t; }
  friend TensorLane operator/(const TensorLane& a, const TensorLane& b) { return a.t / b.t; }
  friend TensorLane operator-(const TensorLane& a) { return -a.t; }
  friend at::Tensor operator<(const TensorLane& a, const TensorLane& b) { return a.t < b.t; }
  friend at::Tensor operator<=(const TensorLane& a, const TensorLane& b) { return a.t <= b.t; }
  friend at::Tensor operator>(const TensorLane& a, const TensorLane& b) { return a.t > b.t; }
  friend at::Tensor operator>=(const TensorLane& a, const TensorLane& b) { return a.t >= b.t; }
  friend at::Tensor operator==(const TensorLane& a, const TensorLane& b) { return a.t == b.t; }
  friend TensorLane select(const at::Tensor& mask, const TensorLane& a, const TensorLane& b) {
    return at::where(mask, a.t, b.t);
  }
  friend TensorLane exp(const TensorLane& x) { return at::exp(x.t); }
  // Of at::expm1 torch takes expm1(x) + 1 for the derivative, of which nothing is left far below zero.
  friend TensorLane expm1(const TensorLane& x) { return at::where(x.t < -1, at::exp(x.t) - 1, at::expm1(x.t)); }
  friend TensorLane log(const TensorLane& x) { return at::log(x.t); }
  friend TensorLane log1p(const TensorLane& x) { return at::log1p(x.t); }
  friend TensorLane tanh(const TensorLane& x) { return at::tanh(x.t); }
  friend TensorLane logistic(const TensorLane& x) { return at::sigmoid(x.t); }
  friend TensorLane normal_cdf(const TensorLane& x) { return at::special_ndtr(x.t); }
};

// Each factor keeps its digits, and so does its derivative, where 1 - t has none left.
inline TensorLane one_minus_square(const TensorLane&, const TensorLane& u) {
  return 4 * at::sigmoid(2 * u.t) * at::sigmoid(-2 * u.t);
}

// Its derivative keeps the digits that differentiating the quotient loses.
inline TensorLane logistic_from_exp(const TensorLane&, const TensorLane& z) { return at::sigmoid(z.t); }

}  // namespace nnplay

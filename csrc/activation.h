// Every activation nnplay has: the one list. Torch-free, for host and device, for any lane type (lane.h).
//
// An entry of the pointwise kind gives, for pre-activation z,
//   f(z)           the activation
//   gradient(g, s) g times f'(z), from s = what the forward saved: z or the output, as `saves` says
// An entry of the row-wise kind works on a whole row z_1..z_n (softmax over the last dimension). With
// d = z - max z, e = exp d and total = the sum of all e of the row,
//   keep(d, e)     what is kept of an element until the total is known
//   normalizer(total), f(kept, normalizer)    the activation
//   part(g, y)     what is summed over the row for the backward; sum = that sum
//   gradient(g, y, sum)                       the gradient by z
// Edge cases (NaN, infinities, the corners of relu and its kind) are torch's.
//
// To add an activation: one struct, one line in NNPLAY_ACTIVATIONS, one row in engine/activations.py.
#pragma once

#include "lane_math.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

enum class Saves { nothing, output, preactivation };

struct Pointwise {
  static constexpr bool rowwise = false;
};
struct Rowwise {
  static constexpr bool rowwise = true;
};

struct Identity : Pointwise {
  static constexpr const char* name = "identity";
  static constexpr Saves saves = Saves::nothing;
  template <class Lane>
  HD static Lane f(Lane z) {
    return z;
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane) {
    return g;
  }
};

struct Relu : Pointwise {
  static constexpr const char* name = "relu";
  static constexpr Saves saves = Saves::output;
  template <class Lane>
  HD static Lane f(Lane z) {
    return select(z <= Lane(0), Lane(0), z);
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane y) {
    return select(y <= Lane(0), Lane(0), g);
  }
};

struct Sigmoid : Pointwise {
  static constexpr const char* name = "sigmoid";
  static constexpr Saves saves = Saves::output;
  template <class Lane>
  HD static Lane f(Lane z) {
    return logistic(z);
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane y) {
    return g * (Lane(1) - y) * y;
  }
};

struct Tanh : Pointwise {
  static constexpr const char* name = "tanh";
  static constexpr Saves saves = Saves::output;
  template <class Lane>
  HD static Lane f(Lane z) {
    return tanh(z);
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane y) {
    return g * ((Lane(1) - y) * (Lane(1) + y));
  }  // 1 - y is exact
};

struct Softmax : Rowwise {
  static constexpr const char* name = "softmax";
  static constexpr Saves saves = Saves::output;
  template <class Lane>
  HD static Lane keep(Lane, Lane e) {
    return e;
  }
  template <class Lane>
  HD static Lane normalizer(Lane total) {
    return total;
  }
  template <class Lane>
  HD static Lane f(Lane kept, Lane normalizer) {
    return kept / normalizer;
  }
  template <class Lane>
  HD static Lane part(Lane g, Lane y) {
    return g * y;
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane y, Lane sum) {
    return y * (g - sum);
  }
};

struct LogSoftmax : Rowwise {
  static constexpr const char* name = "log_softmax";
  static constexpr Saves saves = Saves::output;
  template <class Lane>
  HD static Lane keep(Lane d, Lane) {
    return d;
  }
  template <class Lane>
  HD static Lane normalizer(Lane total) {
    return log(total);
  }
  template <class Lane>
  HD static Lane f(Lane kept, Lane normalizer) {
    return kept - normalizer;
  }
  template <class Lane>
  HD static Lane part(Lane g, Lane) {
    return g;
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane y, Lane sum) {
    return g - exp(y) * sum;
  }
};

struct LeakyRelu : Pointwise {  // slope 0.01 below 0, torch's default
  static constexpr const char* name = "leaky_relu";
  static constexpr Saves saves = Saves::output;
  template <class Lane>
  HD static Lane f(Lane z) {
    return select(z > Lane(0), z, z * Lane(0.01));
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane y) {
    return select(y > Lane(0), g, g * Lane(0.01));
  }
};

struct Elu : Pointwise {  // alpha 1, torch's default
  static constexpr const char* name = "elu";
  static constexpr Saves saves = Saves::preactivation;
  template <class Lane>
  HD static Lane f(Lane z) {
    return select(z > Lane(0), z, expm1(select(z > Lane(0), Lane(0), z)));
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane z) {
    return select(z > Lane(0), g, g * exp(select(z > Lane(0), Lane(0), z)));
  }
};

struct Silu : Pointwise {
  static constexpr const char* name = "silu";
  static constexpr Saves saves = Saves::preactivation;
  template <class Lane>
  HD static Lane f(Lane z) {
    return z * logistic(z);
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane z) {
    const Lane s = logistic(z);
    return g * s * (Lane(1) + z * (Lane(1) - s));
  }
};

struct Gelu : Pointwise {  // z times the normal distribution function
  static constexpr const char* name = "gelu";
  static constexpr Saves saves = Saves::preactivation;
  template <class Lane>
  HD static Lane f(Lane z) {
    return z * normal_cdf(z);
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane z) {
    const Lane density = Lane(0.39894228040143267794) * exp(Lane(-0.5) * z * z);
    return g * (normal_cdf(z) + z * density);
  }
};

// 1 - t^2 of t = tanh(u).
template <class Lane>
HD Lane one_minus_square(Lane t, Lane) {
  return (Lane(1) - t) * (Lane(1) + t);
}

struct GeluTanh : Pointwise {  // Hendrycks and Gimpel, arXiv:1606.08415, the approximation in section 2
  static constexpr const char* name = "gelu_tanh";
  static constexpr Saves saves = Saves::preactivation;
  template <class Lane>
  HD static Lane inner(Lane z) {
    return Lane(0.79788456080286535588) * (z + Lane(0.044715) * z * z * z);
  }
  template <class Lane>
  HD static Lane f(Lane z) {
    return Lane(0.5) * z * (Lane(1) + tanh(inner(z)));
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane z) {
    const Lane u = inner(z), t = tanh(u);
    const Lane slope = Lane(0.79788456080286535588) * (Lane(1) + Lane(3 * 0.044715) * z * z);
    return g * (Lane(0.5) * (Lane(1) + t) + Lane(0.5) * z * one_minus_square(t, u) * slope);
  }
};

// The logistic function of z <= 20, from e = exp z: as small as numbers get where z is far below 0.
template <class Lane>
HD Lane logistic_from_exp(Lane e, Lane) {
  return e / (Lane(1) + e);
}

struct Softplus : Pointwise {  // the identity above 20, as torch has it
  static constexpr const char* name = "softplus";
  static constexpr Saves saves = Saves::preactivation;
  template <class Lane>
  HD static Lane f(Lane z) {
    return select(z > Lane(20), z, log1p(exp(select(z > Lane(20), Lane(0), z))));
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane z) {
    const Lane low = select(z > Lane(20), Lane(0), z);
    return select(z > Lane(20), g, g * logistic_from_exp(exp(low), low));
  }
};

// Steps: the derivative is 0 wherever there is one, and the gradient is exactly that.
struct Step : Pointwise {  // 0 below, 1/2 at, 1 above 0; a NaN gives 1/2, as (sign z + 1) / 2 does
  static constexpr const char* name = "step";
  static constexpr Saves saves = Saves::nothing;
  template <class Lane>
  HD static Lane f(Lane z) {
    return select(z > Lane(0), Lane(1), select(z < Lane(0), Lane(0), Lane(0.5)));
  }
  template <class Lane>
  HD static Lane gradient(Lane, Lane) {
    return Lane(0);
  }
};

struct Sign : Pointwise {
  static constexpr const char* name = "sign";
  static constexpr Saves saves = Saves::nothing;
  template <class Lane>
  HD static Lane f(Lane z) {
    return select(z > Lane(0), Lane(1), select(z < Lane(0), Lane(-1), Lane(0)));
  }
  template <class Lane>
  HD static Lane gradient(Lane, Lane) {
    return Lane(0);
  }
};

struct PiecewiseLinear : Pointwise {
  static constexpr const char* name = "piecewise_linear";
  static constexpr Saves saves = Saves::preactivation;
  template <class Lane>
  HD static Lane f(Lane z) {
    const Lane x = z + Lane(0.5);
    return select(x < Lane(0), Lane(0), select(x > Lane(1), Lane(1), x));
  }
  template <class Lane>
  HD static Lane gradient(Lane g, Lane z) {
    const Lane x = z + Lane(0.5);
    return select(x >= Lane(0), select(x <= Lane(1), g, Lane(0)), Lane(0));
  }
};

// THE list. Its order is the order of enum Activation.
#define NNPLAY_ACTIVATIONS(X) \
  X(Identity)                 \
  X(Relu)                     \
  X(Sigmoid)                  \
  X(Tanh)                     \
  X(Softmax)                  \
  X(LogSoftmax)               \
  X(LeakyRelu)                \
  X(Elu)                      \
  X(Silu)                     \
  X(Gelu)                     \
  X(GeluTanh)                 \
  X(Softplus)                 \
  X(Step)                     \
  X(Sign)                     \
  X(PiecewiseLinear)

}  // namespace NNPLAY_ISA

// Outside the inline namespace: these values cross from one instruction set's code to another's.
enum class Activation : int {
#define NNPLAY_ENTRY(Type) Type,
  NNPLAY_ACTIVATIONS(NNPLAY_ENTRY)
#undef NNPLAY_ENTRY
};

inline namespace NNPLAY_ISA {

// visitor(Sigmoid{}) for Activation::Sigmoid, and so on: from the value at run time to the type.
template <class Visitor>
HD auto visit(Activation activation, Visitor&& visitor) {
  switch (activation) {
#define NNPLAY_ENTRY(Type) \
  case Activation::Type:   \
    return visitor(Type{});
    NNPLAY_ACTIVATIONS(NNPLAY_ENTRY)
#undef NNPLAY_ENTRY
  }
  return visitor(Identity{});
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

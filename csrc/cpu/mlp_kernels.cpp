// The table of one instruction set's training kernels. Compiled once for each, with NNPLAY_ISA set to its name.
#include "mlp_kernels.h"

#include "lane_run.h"
#include "small_network.h"

#define NNPLAY_TEXT_(x) #x
#define NNPLAY_TEXT(x) NNPLAY_TEXT_(x)

namespace nnplay {
inline namespace NNPLAY_ISA {

template <class Real>
double loss_of_rows(Loss loss, const Real* y, const Real* target, Real* g, int64_t rows, int n, double& right) {
  const Real share = Real(1.0 / double(rows));
  double total = 0;
  right = 0;
  for (int64_t r = 0; r < rows; ++r, y += n, g += n) {
    if (loss == Loss::mse) {
      total += mse(y, n, target + r * n, share, g);
    } else {
      total += cross_entropy(y, n, target[r], share, g);
      right += is_right(y, n, target[r]);
    }
  }
  return total / double(rows);
}

template <class Real>
void update(const Rule& rule, const StepNumbers<Real>& numbers, const Real* g, Real* p, Real* m, Real* v,
            int64_t count) {
  using P = Pack<Real>;
  const auto wide = [](Real x) { return P(x); };
  const StepNumbers<P> n{wide(numbers.lr),   wide(numbers.decay), wide(numbers.momentum),
                         wide(numbers.size), wide(numbers.root),  wide(numbers.old_m), wide(numbers.new_m),
                         wide(numbers.old_v), wide(numbers.new_v), wide(numbers.eps)};
  visit(rule, rule.weight_decay != 0, [&](auto kind) {
    const auto step = [&](int64_t at, auto... rest) {
      P value = P::load(p + at, rest...), memory = P::load(m + at, rest...), square = P::load(v + at, rest...);
      kind.update(n, P::load(g + at, rest...), value, memory, square);
      value.store(p + at, rest...);
      memory.store(m + at, rest...);
      square.store(v + at, rest...);
    };
    int64_t at = 0;
    for (; at + P::width <= count; at += P::width) step(at);
    if (at < count) step(at, int(count - at));
  });
}

template <class Real>
constexpr cpu::MlpKernels<Real> mlp_kernels_of = {
    loss_of_rows<Real>,  draw_orders<Words>,   update<Real>,         small_memory<Real>, small_load<Real>,
    small_store<Real>,   small_train<Real>,    Pack<Real>::width,  lane_memory<Real>,
    train_lanes<Real>};

extern const cpu::MlpInstructionSet mlp_kernels;
const cpu::MlpInstructionSet mlp_kernels = {NNPLAY_TEXT(NNPLAY_ISA), mlp_kernels_of<float>, mlp_kernels_of<double>};

}  // namespace NNPLAY_ISA
}  // namespace nnplay

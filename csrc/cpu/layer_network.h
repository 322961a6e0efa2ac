// One network of any size, trained layer by layer on the matrix product and the row loops of kernels.h.
//
// Work is shared out over threads where it is worth one. No sum depends on how: the bits are the same whatever
// the number of threads.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "kernels.h"
#include "mlp_kernels.h"

namespace nnplay::cpu {

template <class Real>
class LayerNetwork {
 public:
  LayerNetwork(const Shape& shape, int64_t parameters);

  // Takes the memory for batches of up to `most_rows` rows. Raises bad_alloc.
  void make_room(int64_t most_rows);

  std::vector<Real> p, m, v;  // (parameters): values, the optimizer's two memories

  // Steps over the batches of `steps.order`; see mlp_kernels.h. Once `stop` is true, a step that takes long is given
  // up within milliseconds, as if it had not begun; only the updates, all at its end, are not.
  int64_t train(const Steps<Real>& steps, StepCounter& counter, const std::atomic<bool>& stop);

  // y (rows, out) of the present weights, valid until the next call. rows is at most what there is room for.
  const Real* forward(const Real* x, int64_t rows);

  // Mean loss of y against target (rows, targets), and the number of right answers.
  double loss(const Real* target, int64_t rows, double& right);

  // The gradient of the mean loss of these rows of the table, (parameters).
  const Real* gradient(const Table<Real>& table, const uint32_t* order, int64_t rows);

 private:
  Shape shape;
  std::vector<int64_t> weight;       // where each layer's parameters begin
  std::vector<std::vector<Real>> y;  // y[l] (rows, in of layer l); y[layers]: the network's output
  std::vector<std::vector<Real>> z;  // pre-activations, where the derivative needs them
  std::vector<Real> g, below, turned, target, grad;
  std::vector<Real> sums;  // (blocks of rows, 2, widest): see Kernels::gradient
  const std::atomic<bool>* stop = nullptr;  // of a step that may be given up

  bool stopped() const { return stop && stop->load(std::memory_order_relaxed); }
  void multiply(const Product<Real>& p) const;
  void gather(const Table<Real>& table, const uint32_t* order, int64_t rows);
  void forward_all(int64_t rows);
  template <class Finish>
  void backward(int64_t rows, Finish finish);
  bool step(const Steps<Real>& steps, int64_t begin, StepCounter& counter);
};

extern template class LayerNetwork<float>;
extern template class LayerNetwork<double>;

}  // namespace nnplay::cpu

// A network that trains in the form that suits its size, and is looked at in the plain one.
#pragma once

#include <cstring>
#include <memory>
#include <new>

#include "../device.h"
#include "layer_network.h"

namespace nnplay::cpu {

// Whether steps of that many rows are faster as a small network.
bool is_small(const Shape& shape, int64_t batch_size);

template <class Real>
class TrainedNetwork {
  struct Free {
    void operator()(char* memory) const { ::operator delete(memory, std::align_val_t(64)); }
  };

  Shape shape;
  Table<Real> train_rows, test_rows;
  LayerNetwork<Real> layers;
  std::unique_ptr<char, Free> small;  // see MlpKernels; null where the network is not small
  std::unique_ptr<DeviceNetwork<Real>> device;  // null where the network trains on the CPU
  bool ahead = false;  // the form that trains has taken steps that `layers` does not know of

 public:
  const bool on_device;

  // The tables must outlive it; test_rows may have no rows.
  TrainedNetwork(const Shape& shape, int64_t parameters, const Table<Real>& train_rows, const Table<Real>& test_rows,
                 bool on_device)
      : shape(shape), train_rows(train_rows), test_rows(test_rows), layers(shape, parameters), on_device(on_device) {}

  // The plain form: to be evaluated, or changed and then taken over.
  LayerNetwork<Real>& plain() {
    if (ahead && device)
      device->store(layers.p.data(), layers.m.data(), layers.v.data());
    else if (ahead)
      mlp_kernels<Real>().small_store(small.get(), layers.p.data(), layers.m.data(), layers.v.data());
    ahead = false;
    return layers;
  }

  void take_over() {
    if (device) device->load(layers.p.data(), layers.m.data(), layers.v.data());
    if (small)
      mlp_kernels<Real>().small_load(shape, small.get(), layers.p.data(), layers.m.data(), layers.v.data());
  }

  // For steps of up to batch_size rows, and forwards of up to `rows`. Raises bad_alloc.
  void make_room(int64_t batch_size, int64_t rows) {
    plain().make_room(rows);
    small.reset();
    if (on_device) {
      device = make_device_network<Real>(shape, batch_size, train_rows, test_rows);
      return take_over();
    }
    if (!is_small(shape, batch_size)) return;
    const int64_t bytes = (mlp_kernels<Real>().small_memory(shape) + 63) / 64 * 64;
    small.reset(static_cast<char*>(::operator new(bytes, std::align_val_t(64))));
    std::memset(small.get(), 0, bytes);
    take_over();
  }

  // Takes the steps and returns how many: fewer if the next one's loss is not finite, or, for one that takes long on
  // the CPU, once `stop` is true.
  int64_t train(const Steps<Real>& steps, StepCounter& counter, const std::atomic<bool>& stop) {
    if (!small && !device) return layers.train(steps, counter, stop);
    ahead = true;
    if (device) return device->train(steps, 1, nullptr, counter);
    return mlp_kernels<Real>().small_train(small.get(), steps, counter);
  }

  // What only a network on a device does, see device.h.
  int64_t train_epochs(const Steps<Real>& steps, int64_t epochs, Sums* tests, StepCounter& counter) {
    ahead = true;
    return device->train(steps, epochs, tests, counter);
  }
  Sums test() { return device->test(); }
};

}  // namespace nnplay::cpu

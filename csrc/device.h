// Training on a GPU, for builds that have it (cuda/network.cpp, cuda/population.cpp); without_cuda.cpp refuses it in the others.
//
// Errors are std::invalid_argument: no such build, no device, too little memory, each with what to do. What goes wrong
// on the device itself is a std::runtime_error with CUDA's words.
#pragma once

#include <memory>

#include "population.h"

namespace nnplay {

// One network that trains on the device that was the present one when it was made. p, m, v (parameters) are its values
// and the optimizer's memories.
template <class Real>
class DeviceNetwork {
 public:
  virtual ~DeviceNetwork() = default;
  virtual void load(const Real* p, const Real* m, const Real* v) = 0;
  virtual void store(Real* p, Real* m, Real* v) = 0;
  // Takes the steps of `epochs` epochs, each of steps.rows rows, in one launch: steps.order is (epochs, rows), and
  // steps.sums (epochs), of which the first goes on from what it holds. `tests` (epochs), or null: the sums over the
  // test's rows after each epoch. Returns the number of steps: fewer if the next one's loss is not finite.
  virtual int64_t train(const cpu::Steps<Real>& steps, int64_t epochs, cpu::Sums* tests, StepCounter& counter) = 0;
  // The sums over the test's rows.
  virtual cpu::Sums test() = 0;
};

// For batches of up to `batch_size` rows of `train`. The tables stay where they are while the network lives; `test` may
// have no rows.
template <class Real>
std::unique_ptr<DeviceNetwork<Real>> make_device_network(const Shape& shape, int64_t batch_size, const Table<Real>& train,
                                                         const Table<Real>& test);

// As train_population, which has checked everything.
bool train_population_on_device(const Population& population, const std::function<bool()>& go_on);

}  // namespace nnplay

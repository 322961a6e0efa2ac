// Many networks of one shape, trained at once, one to each element of a vector register.
#pragma once

#include <functional>

#include "mlp.h"

namespace nnplay {

struct Population {
  Shape shape;
  Rows train, test;  // test may have no rows
  Rule rule;         // its lr and weight_decay do not count
  Batches batches;
  int64_t epochs;
  int64_t count;  // networks
  const uint64_t* seeds;             // (count): of first weights and order of rows
  const double *lr, *weight_decay;   // (count)
  const double* weights;             // (count, parameters): first weights, or null to draw them
  int64_t skipped;                   // words that were taken from each generator before
  bool test_epochs;                  // test after every epoch, not only after the last
  int threads;
  bool twice, fused;
  bool on_device;  // train on the GPU

  // What comes out. A network whose loss is not finite has that loss from then on.
  double *loss, *accuracy;            // (count, epochs)
  double *test_loss, *test_accuracy;  // (count, tests)
  int64_t* good;                      // (count): steps before the first whose loss is no number
  double* last_weights;               // (count, parameters)
};

// Trains them all. Every network is bit for bit what it would be alone, on any number of threads. `go_on` is asked
// now and then, on the calling thread; if it says no, the rest is left out and the result is false.
bool train_population(const Population& population, const std::function<bool()>& go_on);

}  // namespace nnplay

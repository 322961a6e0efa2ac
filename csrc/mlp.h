// A whole training run of one multilayer perceptron: first weights, order of batches, steps, metrics.
//
// Under the same seed the first weights are those of nn.Linear and the order of the rows that of
// DataLoader(shuffle=True), bit for bit, when the loader is made before the network, as the lecture does.
// Numbers go in and out as doubles, whatever the type they are calculated in. All errors are
// std::invalid_argument, with what was expected and what came; lack of memory is std::bad_alloc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cpu/mlp_kernels.h"
#include "random.h"

namespace nnplay {

// A shape from what a caller knows of it: widths (inputs, hidden..., outputs) and an activation for each layer.
Shape make_shape(const std::vector<int64_t>& widths, const std::vector<Activation>& activations, bool bias, Loss loss);

int64_t count_parameters(const Shape& shape);

// The product of sizes. Raises if it does not fit.
int64_t checked_product(std::initializer_list<int64_t> sizes);

// Rows as a caller has them: features (rows, inputs), targets (rows) or (rows, outputs).
struct Rows {
  const double *features, *targets;
  int64_t rows, inputs, columns;  // columns: of the targets
};

// Raises unless the rows fit the shape: sizes, finite numbers, labels that are whole and in range.
void check_rows(const Shape& shape, const Rows& rows, const std::string& name);

// Raises unless rates are finite and in range.
void check_rule(const Rule& rule);

// How the rows of an epoch are taken.
struct Batches {
  int64_t size = 2;
  bool shuffle = true, drop_last = false;
  bool weighted = true;  // the mean loss of an epoch counts a batch as often as it has rows
};

// Raises unless a batch has 1 to `rows` rows.
void check_batches(const Batches& batches, int64_t rows);

// Where a run begins: its first weights, and the generator that draws the orders of its rows.
struct Beginning {
  uint64_t seed;
  int64_t skipped = 0;              // 32-bit words that were taken from the generator before
  const double* weights = nullptr;  // (parameters); null: drawn as nn.Linear draws them
};

// Raises unless the words to skip are a number that can be waited for.
void check_skipped(int64_t skipped);

struct Score {
  double loss, accuracy;  // accuracy is of no meaning for mse
};

// What became of an epoch: over its rows as they were trained and, if there are any, over the test's rows afterwards.
struct EpochScore {
  int64_t steps;
  Score train, test;
};

// What became of several epochs: those that ended, and how far the one came that did not.
struct Epochs {
  std::vector<EpochScore> ended;
  int64_t steps = 0;   // of the last epoch, where fewer ended than were asked for
  double bad = 0;      // the loss that was not finite, if that is why
  double seconds = 0;  // in training; on a GPU, with the tests
};

// All that fixes how a run goes on, but for its data, rule and batches. Numbers are exact in any of its types.
struct RunState {
  std::vector<double> weights, first, second;  // (parameters), in torch's order; the optimizer's two memories
  std::vector<int64_t> order;                  // (rows) of the epoch under way; none before the first
  TwisterState generator;                      // which draws the next epoch's order
  int64_t steps = 0;                           // updates so far
  int64_t place = 0, goal = 0, batch_size = 1;  // rows of `order`: taken, to be taken, and at a time
  cpu::Sums sums;                               // over the rows taken
};

// Raises unless a run of that many parameters and rows can go on from there.
void check_state(const RunState& state, int64_t parameters, int64_t rows);

class Run {
 public:
  virtual ~Run() = default;

  virtual int64_t parameters() const = 0;
  virtual int64_t steps_left() const = 0;  // until the end of the epoch under way

  // Draws the order of the next epoch's rows.
  virtual void begin_epoch() = 0;
  // Takes `steps` updates, at most steps_left, and returns how many were taken: fewer if the loss of the next was
  // not finite, which is then `bad`, or after `interrupt`.
  virtual int64_t advance(int64_t steps, double& bad) = 0;
  // Ends the epoch under way and `count` - 1 after it, each begun and tested: what begin_epoch, advance, score and test
  // give, call by call. Ends early as `advance` does, and after an epoch whose test's loss is not finite.
  virtual Epochs advance_epochs(int64_t count) = 0;
  // From any thread: the call of `advance` under way, or else the next, returns early. A step that takes longer than
  // some 5 ms is given up, as if it had not begun, unless it has come to its updates.
  virtual void interrupt() = 0;
  // Over the rows of the epoch so far.
  virtual Score score() const = 0;

  // The rows of the next step; none between epochs.
  virtual std::vector<int64_t> batch() const = 0;

  // A run that takes over another's state, under the same rule and batches, goes on as that one bit for bit.
  virtual void read_state(RunState& state) = 0;
  virtual void restore(const RunState& state) = 0;

  // Takes effect with the next step, and with the next epoch.
  virtual void set_rule(const Rule& rule) = 0;
  virtual void set_batches(const Batches& batches) = 0;

  // The present weights, over the test's rows; of no meaning if there are none.
  virtual Score test() = 0;
  // What the present weights make of these rows: outputs (rows, outputs), and how good they are.
  virtual Score evaluate(const Rows& rows, double* outputs) = 0;

  // In the order of torch's parameters(), (parameters).
  virtual void read_weights(double* weights) = 0;
  virtual void write_weights(const double* weights) = 0;
  // Gradient of the mean loss of the batch that comes next, at the present weights.
  virtual void read_gradient(double* gradient) = 0;
};

// `test` may have no rows. fused: see TorchGenerator. on_device: steps are taken on the GPU. Raises for what check_*
// raise, and for batches larger than the data.
std::unique_ptr<Run> make_run(const Shape& shape, const Rows& train, const Rows& test, const Rule& rule, const Batches& batches,
                              const Beginning& beginning, bool twice, bool fused, bool on_device);

}  // namespace nnplay

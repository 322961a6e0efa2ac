// Whole training runs on the CPU: what each instruction set's copy of mlp_kernels.cpp offers. Torch-free.
//
// Callers check all sizes beforehand and lend all memory; nothing here allocates, throws or starts a thread.
#pragma once

#include "../optimizer.h"
#include "../shape.h"

namespace nnplay::cpu {

// What an epoch adds up to.
struct Sums {
  double loss = 0, right = 0;
  int64_t rows = 0;
  double bad = 0;  // the loss that was no number, if a run stopped at one
};

// Consecutive batches of one network.
template <class Real>
struct Steps {
  Table<Real> table;
  const uint32_t* order;  // (rows): the batches' rows of the table
  int64_t rows, batch_size;  // the last batch is what is left
  Rule rule;
  bool weighted;  // a batch's loss counts as often as it has rows
  Sums* sums;
};

// Rows of numbers, each its inputs and then its targets, padded to whole fours: `pitch` numbers from row to row.
template <class Real>
struct JoinedTable {
  const Real* at;
  int64_t rows, pitch;
};

// A register full of networks of one shape, trained for many epochs.
template <class Real>
struct LaneRun {
  const Shape* shape;
  int64_t parameters;
  JoinedTable<Real> train, test;  // of one pitch; test may have no rows
  Rule rule;
  const double *lr, *weight_decay;  // (count)
  int64_t batch_size, epochs;
  bool shuffle, drop_last, weighted;
  bool test_epochs;  // test after every epoch, not only after the last
  const uint32_t* seeds;  // (epochs, order_lanes): of the order of each network's rows
  int64_t count;          // networks, at most `lanes`
  Real* values;           // (count, parameters): first weights, then the last
  double *loss, *accuracy;            // (count, epochs)
  double *test_loss, *test_accuracy;  // (count, tests)
  int64_t* good;                      // (count): steps before the first whose loss is no number
};

template <class Real>
struct MlpKernels {
  // The mean loss of y (rows, n) against target, its gradient g (rows, n), and the number of right answers.
  double (*loss)(Loss, const Real* y, const Real* target, Real* g, int64_t rows, int n, double& right);

  // orders (order_lanes, rows): see random.h.
  void (*draw_orders)(const uint32_t* seeds, int64_t rows, uint32_t* orders);

  // One update of `count` parameters by their gradients g.
  void (*update)(const Rule&, const StepNumbers<Real>&, const Real* g, Real* p, Real* m, Real* v, int64_t count);

  // One small network that lives in `memory`, 64-byte aligned and all 0 at first, of small_memory bytes. p, m, v
  // (parameters) are its values and the optimizer's two memories. No layer but the last may be row-wise.
  int64_t (*small_memory)(const Shape&);
  void (*small_load)(const Shape&, char* memory, const Real* p, const Real* m, const Real* v);
  void (*small_store)(const char* memory, Real* p, Real* m, Real* v);
  // Takes the steps and returns how many: fewer if the next one's loss is not finite.
  int64_t (*small_train)(char* memory, const Steps<Real>&, StepCounter&);

  int lanes;                                     // networks in a register
  int64_t (*lane_memory)(const LaneRun<Real>&);  // bytes that train_lanes works in
  void (*train_lanes)(const LaneRun<Real>&, char* memory);
};

struct MlpInstructionSet {
  const char* name;
  MlpKernels<float> single;
  MlpKernels<double> twice;
};

// Of the instruction set that kernels.h chose.
const MlpInstructionSet& mlp_instruction_set();

template <class Real>
const MlpKernels<Real>& mlp_kernels() {
  if constexpr (sizeof(Real) == sizeof(float))
    return mlp_instruction_set().single;
  else
    return mlp_instruction_set().twice;
}

}  // namespace nnplay::cpu

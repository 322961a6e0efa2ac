// nnplay's CUDA code behind functions that Python's ctypes can call.
#include <cstdio>
#include <cstring>
#include <string>

#include "../../csrc/cuda/layer_kernels.h"
#include "../../csrc/cuda/training_kernels.h"
#include "../../csrc/cuda/team_plan.h"
#include "../../csrc/device.h"

using namespace nnplay;

namespace {

std::string told;  // the message of what went wrong last

template <class Work>
int guarded(Work work) {
  try {
    work();
    return 0;
  } catch (const std::exception& error) {
    told = error.what();
    return 1;
  }
}

struct Net {
  const int64_t* widths;
  const int* activations;
  int layers, bias, loss;
  Shape shape() const {
    std::vector<Activation> functions;
    for (int l = 0; l < layers; ++l) functions.push_back(Activation(activations[l]));
    return make_shape({widths, widths + layers + 1}, functions, bias, Loss(loss));
  }
};
struct Updates {
  int optimizer, nesterov;
  double lr, momentum, weight_decay;
  Rule rule() const {
    return {Optimizer(optimizer), lr, momentum, weight_decay, nesterov != 0};
  }
};

template <class Real>
int64_t train_steps(const Net* net, const Table<Real>& table, const uint32_t* order, int64_t rows, int64_t batch_size,
                    const Updates* updates, int64_t before, Real* p, Real* m, Real* v, double* sums) {
  const auto network = make_device_network<Real>(net->shape(), batch_size, table, Table<Real>{});
  network->load(p, m, v);
  cpu::Sums found;
  StepCounter counter(updates->rule(), before);
  const int64_t taken = network->train({table, order, rows, batch_size, updates->rule(), true, &found}, 1, nullptr, counter);
  network->store(p, m, v);
  sums[0] = found.loss, sums[1] = found.right, sums[2] = double(found.rows), sums[3] = found.bad;
  return counter.steps() == before + taken ? taken : -1;
}

}  // namespace

extern "C" {

const char* message() { return told.c_str(); }

int activate_matrix(int type, int activation, const void* z, void* y, int64_t rows, int64_t cols) {
  return cuda::activate(cuda::Type(type), Activation(activation), z, y, rows, cols, nullptr);
}

int gradient_of_matrix(int type, int activation, const void* g, const void* saved, void* gz, void* sum, int64_t rows,
                       int64_t cols) {
  void* workspace = nullptr;
  cudaMalloc(&workspace, size_t(cuda::gradient_workspace(cuda::Type(type), Activation(activation), rows, cols)));
  const int status =
      cuda::gradient(cuda::Type(type), Activation(activation), g, saved, gz, sum, workspace, rows, cols, nullptr);
  cudaFree(workspace);
  return status;
}

int is_small_layer(int64_t rows, int64_t inputs, int64_t outputs) { return cuda::is_small(rows, inputs, outputs); }

int small_layer_forward(const cuda::SmallLayer* layer, void* y, void* z) { return cuda::small_forward(*layer, y, z, nullptr); }

int small_layer_backward(const cuda::SmallLayer* layer, const void* g, const void* saved, void* by_input, void* by_weight,
                         void* by_bias) {
  return cuda::small_backward(*layer, g, saved, by_input, by_weight, by_bias, nullptr);
}

int layout_of(const Net* net, int64_t batch_size, int64_t networks, int twice) {
  cuda::Capacity capacity;
  cuda::read_capacity(capacity);
  cuda::Layout layout{};
  const TeamPlan plan = cuda::make_plan(net->shape(), batch_size);
  twice ? cuda::choose_layout<double>(plan, networks, capacity, layout)
        : cuda::choose_layout<float>(plan, networks, capacity, layout);
  return int(layout.team);
}

int64_t train_single(const Net* net, const float* x, const float* y, int64_t rows, int64_t inputs, int64_t targets,
                     const uint32_t* order, int64_t count, int64_t batch_size, const Updates* updates, int64_t before,
                     float* p, float* m, float* v, double* sums) {
  return train_steps<float>(net, {x, y, rows, inputs, targets}, order, count, batch_size, updates, before, p, m, v, sums);
}
int64_t train_double(const Net* net, const double* x, const double* y, int64_t rows, int64_t inputs, int64_t targets,
                     const uint32_t* order, int64_t count, int64_t batch_size, const Updates* updates, int64_t before,
                     double* p, double* m, double* v, double* sums) {
  return train_steps<double>(net, {x, y, rows, inputs, targets}, order, count, batch_size, updates, before, p, m, v, sums);
}

struct Some {
  const double *features, *targets;
  int64_t rows, inputs, columns;
};

int train_many(const Net* net, const Some* train, const Some* test, const Updates* updates, int64_t batch_size, int shuffle,
               int drop_last, int weighted, int64_t epochs, int64_t count, const uint64_t* seeds, const double* lr,
               const double* weight_decay, int test_epochs, int twice, int fused, double* loss, double* accuracy,
               double* test_loss, double* test_accuracy, int64_t* good, double* last_weights) {
  return guarded([&] {
    const auto rows = [](const Some* some) {
      return Rows{some->features, some->targets, some->rows, some->inputs, some->columns};
    };
    const Population population{net->shape(), rows(train), rows(test), updates->rule(),
                                {batch_size, shuffle != 0, drop_last != 0, weighted != 0}, epochs, count, seeds, lr,
                                weight_decay, nullptr, 0, test_epochs != 0, 2, twice != 0, fused != 0, true, loss, accuracy,
                                test_loss, test_accuracy, good, last_weights};
    train_population_on_device(population, [] { return true; });
  });
}

}  // extern "C"

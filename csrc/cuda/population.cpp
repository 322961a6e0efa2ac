// Populations on the device from the host's side. Torch-free.
#include <algorithm>

#include "../device.h"
#include "../first_weights.h"
#include "../share_out.h"
#include "device_memory.h"
#include "team_plan.h"

namespace nnplay {
namespace cuda {
namespace {

// Many networks, some epochs to a launch: as many as there is memory for the orders of their rows, and few enough
// that Ctrl-C is heard in between.
template <class Real>
class Networks {
  const Population& all;
  Stream stream;
  const TeamPlan plan;
  const Layout layout;
  const int64_t rows, batches, chunk;  // of an epoch, and epochs of a launch
  std::vector<Real> weights;            // (count, parameters)
  std::vector<uint32_t> seeds;          // (count, epochs)
  Array<Real> p, m, v, lr, weight_decay, x, y, test_x, test_y, memory;
  Array<uint32_t> chunk_seeds, orders;
  Array<Correction> shared;
  Array<double> loss, right, test_loss, test_right, bad;
  Array<int64_t> good;

 public:
  explicit Networks(const Population& all)
      : all(all), plan(make_plan(all.shape, all.batches.size)), layout(layout_for<Real>(plan, all.count)),
        rows(all.batches.drop_last ? all.train.rows / all.batches.size * all.batches.size : all.train.rows),
        batches((rows + all.batches.size - 1) / all.batches.size), chunk(epochs_at_once()) {
    upload();
  }

  bool train(const std::function<bool()>& go_on) {
    StepCounter counter(all.rule);
    std::vector<bool> dead(all.count);
    std::fill_n(all.good, all.count, 0);
    for (int64_t first = 0; first < all.epochs; first += chunk) {
      const int64_t epochs = std::min(chunk, all.epochs - first);
      launch(first, epochs, counter);
      take(first, epochs, dead);
      if (!go_on()) return false;
    }
    p.take(weights.data(), all.count * plan.parameters, stream);
    stream.wait();
    std::copy(weights.begin(), weights.end(), all.last_weights);
    return true;
  }

 private:
  int64_t epochs_at_once() const {
    const int64_t order_bytes = capacity().free / 8;
    const int64_t by_memory = order_bytes / std::max<int64_t>(1, all.count * all.train.rows * int64_t(sizeof(uint32_t)));
    const int64_t in_a_second = int64_t(1 / epoch_seconds());
    return std::clamp<int64_t>(std::min(by_memory, in_a_second), 1, all.epochs);
  }

  // What an epoch of all networks may take, guessed on the long side: a step waits for memory and for its threads, and
  // each of its products costs a thread some nanoseconds. What is more than a device keeps busy waits for its turn.
  double epoch_seconds() const {
    constexpr double waiting = 1e-5, product = 2e-9, busy = 132 * 256;
    const double started = double(layout.blocks) * layout.threads;
    const double products = 3.0 * double(plan.parameters) * double(plan.rows);
    const double step = waiting + product * products * double(layout.networks) / started;
    const double turns = layout.team == Team::grid ? double(all.count) : 1 + started / busy;
    return step * turns * double(std::max<int64_t>(1, batches));
  }

  // First weights and the seeds of every order, drawn as the CPU draws them.
  void draw() {
    weights.resize(all.count * plan.parameters), seeds.resize(all.count * all.epochs);
    constexpr int64_t block = 64;
    share_out((all.count + block - 1) / block, all.threads, [] { return true; }, [&](int64_t b) {
      for (int64_t i = b * block; i < std::min(all.count, (b + 1) * block); ++i) {
        const Beginning beginning{all.seeds[i], all.skipped, all.weights ? all.weights + i * plan.parameters : nullptr};
        TorchGenerator generator = first_weights(all.shape, beginning, all.fused, weights.data() + i * plan.parameters);
        for (int64_t e = 0; e < all.epochs; ++e) seeds[i * all.epochs + e] = generator.next_epoch(all.batches.shuffle);
      }
    });
  }

  static void send(Array<Real>& to, const double* from, int64_t count, const char* what, cudaStream_t stream) {
    const std::vector<Real> numbers(from, from + count);
    to.grow(count, what);
    to.put(numbers.data(), count, stream);
    check(cudaStreamSynchronize(stream), "copying to the device");  // before the numbers go
  }

  void upload() {
    draw();
    const int64_t size = all.count * plan.parameters, tests = all.test_epochs ? chunk : 1;
    p.grow(size, "the weights"), m.grow(size, "the optimizer's memory"), v.grow(size, "the optimizer's memory");
    p.put(weights.data(), size, stream);
    m.clear(size, stream), v.clear(size, stream);
    send(lr, all.lr, all.count, "the rates", stream);
    send(weight_decay, all.weight_decay, all.count, "the rates", stream);
    send(x, all.train.features, all.train.rows * all.train.inputs, "the rows", stream);
    send(y, all.train.targets, all.train.rows * all.train.columns, "the rows", stream);
    send(test_x, all.test.features, all.test.rows * all.test.inputs, "the test's rows", stream);
    send(test_y, all.test.targets, all.test.rows * all.test.columns, "the test's rows", stream);
    if (layout.shared == 0) memory.grow(layout.stride, "what a step works in");
    const int64_t orders_drawn = all.batches.shuffle ? all.count * chunk : 1;
    chunk_seeds.grow(orders_drawn, "the seeds"), orders.grow(orders_drawn * all.train.rows, "the orders of the rows");
    shared.grow(batches * chunk, "the steps");
    for (Array<double>* array : {&loss, &right}) array->grow(all.count * chunk, "the metrics");
    for (Array<double>* array : {&test_loss, &test_right}) array->grow(all.count * tests, "the metrics");
    bad.grow(all.count, "the metrics"), good.grow(all.count, "the metrics");
    if (all.batches.shuffle) return;
    std::vector<uint32_t> as_they_are(all.train.rows);
    for (int64_t i = 0; i < all.train.rows; ++i) as_they_are[i] = uint32_t(i);
    orders.put(as_they_are.data(), all.train.rows, stream);
    stream.wait();
  }

  void launch(int64_t first, int64_t epochs, StepCounter& counter) {
    const std::vector<Correction> to_come = corrections(counter, batches * epochs);
    shared.put(to_come.data(), batches * epochs, stream);
    std::vector<uint32_t> some(all.batches.shuffle ? all.count * epochs : 0);
    if (all.batches.shuffle) {
      for (int64_t i = 0; i < all.count; ++i)
        std::copy_n(seeds.data() + i * all.epochs + first, epochs, some.data() + i * epochs);
      chunk_seeds.put(some.data(), all.count * epochs, stream);
      check(draw_orders(chunk_seeds.get(), all.count * epochs, all.train.rows, orders.get(), stream), "drawing the orders");
    }
    const bool last = first + epochs == all.epochs;
    TeamJob<Real> job{};
    job.plan = plan;
    job.train = {x.get(), y.get(), all.train.rows, all.train.inputs, all.train.columns};
    job.test = {test_x.get(), test_y.get(), all.test.rows, all.test.inputs, all.test.columns};
    job.rule = all.rule;
    job.decays = std::any_of(all.weight_decay, all.weight_decay + all.count, [](double d) { return d != 0; });
    job.weighted = all.batches.weighted;
    job.networks = all.count, job.epochs = epochs, job.batch_size = all.batches.size, job.rows = rows;
    job.orders = orders.get(), job.corrections = shared.get();
    if (all.batches.shuffle) job.epoch_stride = all.train.rows, job.network_stride = epochs * all.train.rows;
    job.lr = lr.get(), job.weight_decay = weight_decay.get();
    job.p = p.get(), job.m = m.get(), job.v = v.get();
    job.loss = loss.get(), job.right = right.get(), job.good = good.get(), job.bad = bad.get();
    job.test_epochs = all.test_epochs, job.test_last = last;
    job.test_loss = test_loss.get(), job.test_right = test_right.get();
    run(job, layout, memory.get(), stream);
    stream.wait();
  }

  // What a launch found goes where the caller wants it.
  void take(int64_t first, int64_t epochs, std::vector<bool>& dead) {
    const auto means = [&](const Array<double>& from, int64_t columns, int64_t of_rows, double* to, int64_t begin,
                           int64_t stride) {
      std::vector<double> sums(all.count * columns);
      from.take(sums.data(), all.count * columns, stream);
      stream.wait();
      for (int64_t i = 0; i < all.count; ++i)
        for (int64_t e = 0; e < columns; ++e) to[i * stride + begin + e] = sums[i * columns + e] / double(of_rows);
    };
    means(loss, epochs, rows, all.loss, first, all.epochs);
    means(right, epochs, rows, all.accuracy, first, all.epochs);
    if (all.test.rows > 0 && (all.test_epochs || first + epochs == all.epochs)) {
      const int64_t columns = all.test_epochs ? epochs : 1, stride = all.test_epochs ? all.epochs : 1;
      const int64_t begin = all.test_epochs ? first : 0;
      means(test_loss, columns, all.test.rows, all.test_loss, begin, stride);
      means(test_right, columns, all.test.rows, all.test_accuracy, begin, stride);
    }
    std::vector<int64_t> steps(all.count);
    good.take(steps.data(), all.count, stream);
    stream.wait();
    for (int64_t i = 0; i < all.count; ++i) {
      if (!dead[i]) all.good[i] += steps[i];
      dead[i] = dead[i] || steps[i] < batches * epochs;
    }
  }
};

}  // namespace
}  // namespace cuda

bool train_population_on_device(const Population& population, const std::function<bool()>& go_on) {
  return population.twice ? cuda::Networks<double>(population).train(go_on)
                          : cuda::Networks<float>(population).train(go_on);
}

}  // namespace nnplay

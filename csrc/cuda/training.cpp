// Training on the device from the host's side: memory, copies, launches, errors. Torch-free.
#include <algorithm>
#include <stdexcept>

#include "../device.h"
#include "../first_weights.h"
#include "../share_out.h"
#include "team_plan.h"
#include "training_kernels.h"

namespace nnplay {
namespace cuda {
namespace {

constexpr char lower[] = ": lower the number of networks, hidden, batch_size or epochs, or use device=cpu";

void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // or the next call would be told of it again
  const std::string text = cudaGetErrorString(status);
  if (status == cudaErrorMemoryAllocation) {
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    refuse("device=cuda: the GPU has too little free memory (", double(free) / 1e9, " of ", double(total) / 1e9,
           " GB) for ", doing, lower);
  }
  if (status == cudaErrorNoDevice || status == cudaErrorInsufficientDriver)
    refuse("device=cuda: expected a GPU and its driver, but CUDA says: ", text, "; use device=cpu");
  throw std::runtime_error("CUDA, " + std::string(doing) + ": " + text);
}

// An array on the device.
template <class Number>
class Array {
  Number* at = nullptr;
  int64_t size = 0;

 public:
  Array() = default;
  explicit Array(int64_t count, const char* what) { grow(count, what); }
  ~Array() { cudaFree(at); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  // At least that many numbers; what they were is lost if there were fewer.
  void grow(int64_t count, const char* what) {
    if (count <= size) return;
    cudaFree(at);
    at = nullptr, size = 0;
    check(cudaMalloc(reinterpret_cast<void**>(&at), size_t(count) * sizeof(Number)), what);
    size = count;
  }
  Number* get() const { return at; }

  void put(const Number* from, int64_t count, cudaStream_t stream) {
    check(cudaMemcpyAsync(at, from, size_t(count) * sizeof(Number), cudaMemcpyHostToDevice, stream), "copying to the device");
  }
  void take(Number* to, int64_t count, cudaStream_t stream) const {
    check(cudaMemcpyAsync(to, at, size_t(count) * sizeof(Number), cudaMemcpyDeviceToHost, stream), "copying from the device");
  }
};

class Stream {
  cudaStream_t stream = nullptr;

 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream"); }
  ~Stream() {
    cudaStreamSynchronize(stream);
    cudaStreamDestroy(stream);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream; }
  void wait() const { check(cudaStreamSynchronize(stream), "training"); }
};

Capacity capacity() {
  Capacity found;
  check(read_capacity(found), "asking what the device has");
  return found;
}

template <class Real>
Layout layout_for(const TeamPlan& plan, int64_t networks) {
  Layout layout;
  check(choose_layout<Real>(plan, networks, capacity(), layout), "laying out the networks");
  return layout;
}

template <class Real>
void run(const TeamJob<Real>& job, const Layout& layout, Real* memory, cudaStream_t stream) {
  for (int64_t first = 0; first < job.networks; first += layout.networks)
    check(train(job, layout, first, memory, stream), "starting to train");
}

// The numbers that Adam's steps to come share.
std::vector<Correction> corrections(StepCounter& counter, int64_t steps) {
  std::vector<Correction> found(steps);
  for (Correction& one : found) one = counter.next();
  return found;
}

template <class Real>
class Network : public DeviceNetwork<Real> {
  Stream stream;
  TeamPlan plan;
  Layout layout;
  Array<Real> p, m, v, lr, weight_decay, x, y, memory;
  Array<uint32_t> order;
  Array<Correction> shared;
  Array<double> sums;  // loss, right, bad
  Array<int64_t> good;
  bool has_table = false;

 public:
  Network(const Shape& shape, int64_t batch_size)
      : plan(make_plan(shape, batch_size)), layout(layout_for<Real>(plan, 1)), p(plan.parameters, "the weights"),
        m(plan.parameters, "the optimizer's memory"), v(plan.parameters, "the optimizer's memory"), lr(1, "the rates"),
        weight_decay(1, "the rates"), sums(3, "the metrics"), good(1, "the metrics") {
    if (layout.shared == 0) memory.grow(layout.stride, "what a step works in");
  }

  void load(const Real* from_p, const Real* from_m, const Real* from_v) override {
    p.put(from_p, plan.parameters, stream), m.put(from_m, plan.parameters, stream), v.put(from_v, plan.parameters, stream);
    stream.wait();
  }
  void store(Real* to_p, Real* to_m, Real* to_v) override {
    p.take(to_p, plan.parameters, stream), m.take(to_m, plan.parameters, stream), v.take(to_v, plan.parameters, stream);
    stream.wait();
  }

  int64_t train(const cpu::Steps<Real>& steps, StepCounter& counter) override {
    if (steps.rows == 0) return 0;
    if (!has_table) upload(steps.table);
    const int64_t count = steps.rows / steps.batch_size + (steps.rows % steps.batch_size != 0);
    StepCounter ahead = counter;
    const std::vector<Correction> to_come = corrections(ahead, count);
    const Real rates[] = {Real(steps.rule.lr), Real(steps.rule.weight_decay)};
    order.grow(steps.rows, "the order of the rows"), shared.grow(count, "the steps");
    order.put(steps.order, steps.rows, stream), shared.put(to_come.data(), count, stream);
    lr.put(rates, 1, stream), weight_decay.put(rates + 1, 1, stream);
    TeamJob<Real> job{};
    job.plan = plan;
    job.train = {x.get(), y.get(), steps.table.rows, steps.table.inputs, steps.table.targets};
    job.rule = steps.rule, job.decays = steps.rule.weight_decay != 0;
    job.stops = true, job.weighted = steps.weighted;
    job.networks = job.epochs = 1, job.batch_size = steps.batch_size, job.rows = steps.rows;
    job.orders = order.get(), job.corrections = shared.get();
    job.lr = lr.get(), job.weight_decay = weight_decay.get();
    job.p = p.get(), job.m = m.get(), job.v = v.get();
    job.loss = sums.get(), job.right = sums.get() + 1, job.bad = sums.get() + 2, job.good = good.get();
    run(job, layout, memory.get(), stream);
    double found[3];
    int64_t taken = 0;
    sums.take(found, 3, stream), good.take(&taken, 1, stream);
    stream.wait();
    steps.sums->loss += found[0], steps.sums->right += found[1];
    steps.sums->rows += std::min(taken * steps.batch_size, steps.rows);
    if (taken < count) steps.sums->bad = found[2];
    for (int64_t step = 0; step < taken; ++step) counter.next();
    return taken;
  }

 private:
  void upload(const Table<Real>& table) {
    x.grow(table.rows * table.inputs, "the rows"), y.grow(table.rows * table.targets, "the rows");
    x.put(table.x, table.rows * table.inputs, stream), y.put(table.y, table.rows * table.targets, stream);
    has_table = true;
  }
};

// Many networks, some epochs to a launch: as many as there is memory for the orders of their rows, and few enough
// that Ctrl-C is heard in between.
template <class Real>
class Networks {
  static constexpr int64_t order_bytes = 256 << 20;

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
    check(cudaMemsetAsync(m.get(), 0, size * sizeof(Real), stream), "the optimizer's memory");
    check(cudaMemsetAsync(v.get(), 0, size * sizeof(Real), stream), "the optimizer's memory");
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

template <class Real>
std::unique_ptr<DeviceNetwork<Real>> make_device_network(const Shape& shape, int64_t batch_size) {
  return std::make_unique<cuda::Network<Real>>(shape, batch_size);
}
template std::unique_ptr<DeviceNetwork<float>> make_device_network(const Shape&, int64_t);
template std::unique_ptr<DeviceNetwork<double>> make_device_network(const Shape&, int64_t);

bool train_population_on_device(const Population& population, const std::function<bool()>& go_on) {
  return population.twice ? cuda::Networks<double>(population).train(go_on)
                          : cuda::Networks<float>(population).train(go_on);
}

}  // namespace nnplay

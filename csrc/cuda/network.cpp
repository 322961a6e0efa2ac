// One network on the device from the host's side: it stays there from step to step. Torch-free.
#include <algorithm>

#include "../device.h"
#include "device_memory.h"
#include "team_plan.h"

namespace nnplay {
namespace cuda {
namespace {

// A table on the device.
template <class Real>
struct DeviceTable {
  Array<Real> x, y;
  Table<Real> at;

  DeviceTable(const Table<Real>& table, cudaStream_t stream) {
    const int64_t numbers = table.rows * table.inputs, targets = table.rows * table.targets;
    x.grow(numbers, "the rows"), y.grow(targets, "the rows");
    x.put(table.x, numbers, stream), y.put(table.y, targets, stream);
    at = {x.get(), y.get(), table.rows, table.inputs, table.targets};
  }
};

template <class Real>
class Network : public DeviceNetwork<Real> {
  const int device = present_device();
  Stream stream;
  const TeamPlan plan;
  const Layout layout;
  const int64_t batch_size;
  Array<Real> p, m, v, rates, memory;  // rates: lr, weight_decay
  DeviceTable<Real> train_rows, test_rows;
  Array<uint32_t> orders;
  Array<Correction> shared;
  Array<double> sums;  // loss, right, test_loss, test_right (epochs each), then the loss that was no number
  Array<int64_t> good;

 public:
  Network(const Shape& shape, int64_t batch_size, const Table<Real>& train, const Table<Real>& test)
      : plan(make_plan(shape, batch_size)), layout(layout_for<Real>(plan, 1)), batch_size(batch_size),
        p(plan.parameters, "the weights"), m(plan.parameters, "the optimizer's memory"),
        v(plan.parameters, "the optimizer's memory"), rates(2, "the rates"), train_rows(train, stream),
        test_rows(test, stream), good(1, "the metrics") {
    if (layout.shared == 0) memory.grow(layout.stride, "what a step works in");
    rates.clear(2, stream);
    stream.wait();
  }

  void load(const Real* from_p, const Real* from_m, const Real* from_v) override {
    const OnDevice on(device);
    p.put(from_p, plan.parameters, stream), m.put(from_m, plan.parameters, stream), v.put(from_v, plan.parameters, stream);
    stream.wait();
  }
  void store(Real* to_p, Real* to_m, Real* to_v) override {
    const OnDevice on(device);
    p.take(to_p, plan.parameters, stream), m.take(to_m, plan.parameters, stream), v.take(to_v, plan.parameters, stream);
    stream.wait();
  }

  int64_t train(const cpu::Steps<Real>& steps, int64_t epochs, cpu::Sums* tests, StepCounter& counter) override {
    if (steps.rows == 0) return 0;
    const OnDevice on(device);
    const int64_t batches = steps.rows / steps.batch_size + (steps.rows % steps.batch_size != 0);
    StepCounter ahead = counter;
    const std::vector<Correction> to_come = corrections(ahead, epochs * batches);
    const Real now[] = {Real(steps.rule.lr), Real(steps.rule.weight_decay)};
    orders.grow(epochs * steps.rows, "the orders of the rows"), shared.grow(epochs * batches, "the steps");
    orders.put(steps.order, epochs * steps.rows, stream), shared.put(to_come.data(), epochs * batches, stream);
    rates.put(now, 2, stream);
    TeamJob<Real> job = job_of(epochs);
    job.rule = steps.rule, job.decays = steps.rule.weight_decay != 0;
    job.stops = true, job.weighted = steps.weighted;
    job.batch_size = steps.batch_size, job.rows = steps.rows, job.epoch_stride = steps.rows;
    job.orders = orders.get(), job.corrections = shared.get();
    job.begun_loss = steps.sums->loss, job.begun_right = steps.sums->right;
    job.test_epochs = tests != nullptr;
    const auto [found, taken] = run_job(job);
    for (int64_t e = 0; e < epochs; ++e) {
      const int64_t of_epoch = std::clamp<int64_t>(taken - e * batches, 0, batches);
      cpu::Sums& epoch = steps.sums[e];
      if (of_epoch < batches) epoch.bad = found.back();
      epoch.loss = found[e], epoch.right = found[epochs + e];
      epoch.rows += std::min(of_epoch * steps.batch_size, steps.rows);
      if (of_epoch < batches) break;
      if (tests) tests[e] = test_sums(found, epochs, e);
    }
    for (int64_t step = 0; step < taken; ++step) counter.next();
    return taken;
  }

  cpu::Sums test() override {
    const OnDevice on(device);
    TeamJob<Real> job = job_of(1);
    job.only_test = true;
    job.batch_size = batch_size;
    return test_sums(run_job(job).first, 1, 0);
  }

 private:
  TeamJob<Real> job_of(int64_t epochs) {
    sums.grow(4 * epochs + 1, "the metrics");
    sums.clear(4 * epochs + 1, stream);
    TeamJob<Real> job{};
    job.plan = plan;
    job.train = train_rows.at, job.test = test_rows.at;
    job.networks = 1, job.epochs = epochs;
    job.lr = rates.get(), job.weight_decay = rates.get() + 1;
    job.p = p.get(), job.m = m.get(), job.v = v.get();
    job.loss = sums.get(), job.right = job.loss + epochs;
    job.test_loss = job.right + epochs, job.test_right = job.test_loss + epochs, job.bad = job.test_right + epochs;
    job.good = good.get();
    return job;
  }

  // The sums, as they lie on the device, and the steps taken.
  std::pair<std::vector<double>, int64_t> run_job(const TeamJob<Real>& job) {
    run(job, layout, memory.get(), stream);
    std::vector<double> found(4 * job.epochs + 1);
    int64_t taken = 0;
    sums.take(found.data(), int64_t(found.size()), stream), good.take(&taken, 1, stream);
    stream.wait();
    return {found, taken};
  }

  cpu::Sums test_sums(const std::vector<double>& found, int64_t epochs, int64_t e) const {
    return {.loss = found[2 * epochs + e], .right = found[3 * epochs + e], .rows = test_rows.at.rows};
  }
};

}  // namespace
}  // namespace cuda

template <class Real>
std::unique_ptr<DeviceNetwork<Real>> make_device_network(const Shape& shape, int64_t batch_size, const Table<Real>& train,
                                                         const Table<Real>& test) {
  return std::make_unique<cuda::Network<Real>>(shape, batch_size, train, test);
}
template std::unique_ptr<DeviceNetwork<float>> make_device_network(const Shape&, int64_t, const Table<float>&,
                                                                   const Table<float>&);
template std::unique_ptr<DeviceNetwork<double>> make_device_network(const Shape&, int64_t, const Table<double>&,
                                                                    const Table<double>&);

}  // namespace nnplay

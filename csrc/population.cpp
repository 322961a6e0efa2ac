#include "population.h"

#include <algorithm>
#include <new>
#include <vector>

#include "cpu/mlp_kernels.h"
#include "device.h"
#include "first_weights.h"
#include "random.h"
#include "refuse.h"
#include "share_out.h"

namespace nnplay {
namespace {

// Memory that a vector register can be loaded from.
struct Aligned {
  char* at;
  explicit Aligned(int64_t bytes) : at(static_cast<char*>(::operator new(bytes, std::align_val_t(64)))) {}
  ~Aligned() { ::operator delete(at, std::align_val_t(64)); }
  Aligned(const Aligned&) = delete;
};

template <class Real>
class Groups {
  const Population& all;
  const cpu::MlpKernels<Real>& kernels = cpu::mlp_kernels<Real>();
  const int64_t parameters;
  const int64_t pitch;
  const std::vector<Real> rows, test_rows;  // see JoinedTable

 public:
  explicit Groups(const Population& all)
      : all(all), parameters(count_parameters(all.shape)), pitch((all.train.inputs + all.train.columns + 3) / 4 * 4),
        rows(joined(all.train)), test_rows(joined(all.test)) {}

  int64_t count() const { return (all.count + kernels.lanes - 1) / kernels.lanes; }

  // Trains networks group * lanes ...
  void train(int64_t group) const {
    const int64_t first = group * kernels.lanes, count = std::min<int64_t>(kernels.lanes, all.count - first);
    std::vector<Real> values(count * parameters);
    std::vector<uint32_t> seeds(all.epochs * order_lanes);
    for (int64_t l = 0; l < count; ++l) {
      const Beginning beginning{all.seeds[first + l], all.skipped,
                                all.weights ? all.weights + (first + l) * parameters : nullptr};
      TorchGenerator generator = first_weights(all.shape, beginning, all.fused, values.data() + l * parameters);
      for (int64_t e = 0; e < all.epochs; ++e) seeds[e * order_lanes + l] = generator.next_epoch(all.batches.shuffle);
    }
    const cpu::LaneRun<Real> run{
        .shape = &all.shape,
        .parameters = parameters,
        .train = {rows.data(), all.train.rows, pitch},
        .test = {test_rows.data(), all.test.rows, pitch},
        .rule = all.rule,
        .lr = all.lr + first,
        .weight_decay = all.weight_decay + first,
        .batch_size = all.batches.size,
        .epochs = all.epochs,
        .shuffle = all.batches.shuffle,
        .drop_last = all.batches.drop_last,
        .weighted = all.batches.weighted,
        .test_epochs = all.test_epochs,
        .seeds = seeds.data(),
        .count = count,
        .values = values.data(),
        .loss = all.loss + first * all.epochs,
        .accuracy = all.accuracy + first * all.epochs,
        .test_loss = all.test_loss + first * (all.test_epochs ? all.epochs : 1),
        .test_accuracy = all.test_accuracy + first * (all.test_epochs ? all.epochs : 1),
        .good = all.good + first,
    };
    const Aligned memory((kernels.lane_memory(run) + 63) / 64 * 64);
    kernels.train_lanes(run, memory.at);
    std::copy_n(values.data(), count * parameters, all.last_weights + first * parameters);
  }

 private:
  std::vector<Real> joined(const Rows& table) const {
    std::vector<Real> all(table.rows * pitch);
    for (int64_t r = 0; r < table.rows; ++r) {
      Real* to = std::copy_n(table.features + r * table.inputs, table.inputs, all.data() + r * pitch);
      std::copy_n(table.targets + r * table.columns, table.columns, to);
    }
    return all;
  }
};

template <class Real>
bool train_as(const Population& population, const std::function<bool()>& go_on) {
  const Groups<Real> groups(population);
  return share_out(groups.count(), population.threads, go_on, [&](int64_t group) { groups.train(group); });
}

}  // namespace

bool train_population(const Population& population, const std::function<bool()>& go_on) {
  check_rule(population.rule);
  check_rows(population.shape, population.train, "train");
  if (population.test.rows > 0) check_rows(population.shape, population.test, "test");
  check_batches(population.batches, population.train.rows);
  check_skipped(population.skipped);
  if (population.epochs < 1) refuse("epochs: expected at least 1, got ", population.epochs);
  if (population.count < 1) refuse("seeds: expected at least one network, got ", population.count);
  if (population.threads < 1) refuse("threads: expected at least 1, got ", population.threads);
  for (int64_t i = 0; i < population.count; ++i) {
    Rule rule = population.rule;
    rule.lr = population.lr[i];
    rule.weight_decay = population.weight_decay[i];
    check_rule(rule);
  }
  int64_t widest = 0;
  for (int l = 0; l < population.shape.layers; ++l)
    widest = std::max({widest, population.shape.layer[l].in, population.shape.layer[l].out});
  checked_product({population.batches.size, widest, population.shape.layers, 256});
  checked_product({population.epochs, order_lanes, 8});
  if (population.on_device) return train_population_on_device(population, go_on);
  return population.twice ? train_as<double>(population, go_on) : train_as<float>(population, go_on);
}

}  // namespace nnplay

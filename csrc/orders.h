// The order of the rows in each epoch of a run, as DataLoader draws it.
#pragma once

#include <vector>

#include "cpu/mlp_kernels.h"
#include "random.h"

namespace nnplay {

// The orders of the epochs to come, many drawn at once. An epoch that is not shuffled draws less from the
// generator: if it comes, what was drawn in advance is taken back.
class Orders {
  TorchGenerator generator, before;  // now, and before the orders at hand were drawn
  int64_t rows, drawn = 0, used = 0;
  std::vector<uint32_t> orders;  // (drawn, rows); those drawn in advance are all shuffled

 public:
  Orders(const TorchGenerator& generator, int64_t rows) : generator(generator), before(generator), rows(rows) {}

  // The order of the next epoch, (rows), valid until the next call.
  const uint32_t* next(bool shuffle) {
    if (shuffle && used < drawn) return orders.data() + rows * used++;
    if (!shuffle && used < drawn) {
      generator = before;
      for (int64_t epoch = 0; epoch < used; ++epoch) generator.next_epoch(true);
    }
    constexpr int64_t many = 4096;  // rows from which making several orders at once is no gain
    before = generator;
    drawn = shuffle && rows < many ? order_lanes : 1;
    used = 1;
    uint32_t seeds[order_lanes];
    for (int64_t epoch = 0; epoch < drawn; ++epoch) seeds[epoch] = generator.next_epoch(shuffle);
    orders.resize(drawn * rows);
    if (drawn > 1)
      cpu::mlp_kernels<float>().draw_orders(seeds, rows, orders.data());
    else if (shuffle)
      draw_order(seeds[0], rows, orders.data());
    else
      for (int64_t i = 0; i < rows; ++i) orders[i] = uint32_t(i);
    return orders.data();
  }

  // The generator as it is once the epochs so far, and none to come, have been drawn.
  TorchGenerator present() const {
    if (used == drawn) return generator;
    TorchGenerator now = before;
    for (int64_t epoch = 0; epoch < used; ++epoch) now.next_epoch(true);
    return now;
  }

  // Goes on from a generator in that place, with the order of the epoch under way, (rows), which it returns.
  const uint32_t* restore(const TorchGenerator& present, const std::vector<uint32_t>& order) {
    generator = before = present;
    drawn = used = 1;
    orders = order;
    return orders.data();
  }
};

}  // namespace nnplay

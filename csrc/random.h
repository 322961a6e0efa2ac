// The random numbers of torch's CPU generator, bit for bit: first weights and orders of rows.
//
// The engine is the Mersenne twister of Matsumoto and Nishimura (ACM TOMACS 8, 1998), 32 bits. How torch draws
// from it: aten/src/ATen/CPUGeneratorImpl.cpp, core/TransformationHelper.h and native/TensorFactories.cpp
// (randperm). `Word` is uint32_t, or a vector of them: many generators side by side, one per element.
#pragma once

#include <cmath>

#include "lane.h"

namespace nnplay {

// All there is to know of a Mersenne twister between two draws.
struct TwisterState {
  static constexpr int size = 624;
  uint32_t words[size];
  int next;  // which word the next draw replaces
};

inline namespace NNPLAY_ISA {

template <class Word>
class MersenneTwister {
  static constexpr int size = TwisterState::size, shift = 397;
  Word state[size];
  int next = 0;

 public:
  // A generator from which at most `draws` words will be taken: the words of state that none of them
  // looks at are left out, since making the state is most of the cost of a short row of draws.
  HD explicit MersenneTwister(Word seed, int64_t draws = size) {
    const int used = draws < size - shift ? int(draws) + shift + 1 : size;
    state[0] = seed;
    for (int i = 1; i < used; ++i) state[i] = (state[i - 1] ^ (state[i - 1] >> 30)) * 1812433253u + uint32_t(i);
  }

  // One that goes on from there; next must be within the words.
  explicit MersenneTwister(const TwisterState& from) : next(from.next) {
    for (int i = 0; i < size; ++i) state[i] = from.words[i];
  }
  void read(TwisterState& to) const {
    to.next = next;
    for (int i = 0; i < size; ++i) to.words[i] = state[i];
  }

  HD Word operator()() {
    const int i = next, far = i + shift < size ? i + shift : i + shift - size;
    next = i + 1 < size ? i + 1 : 0;
    Word y = (state[i] & 0x80000000u) | (state[next] & 0x7fffffffu);
    state[i] = state[far] ^ (y >> 1) ^ ((y & 1u) * 0x9908b0dfu);
    y = state[i];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
};

// torch's default generator after manual_seed(seed), as far as a training run draws from it. `fused`: whether
// this torch multiplies and adds in one rounding, which it does unless its CPU capability is DEFAULT.
class TorchGenerator {
  MersenneTwister<uint32_t> word;
  bool fused;

  template <class Real>
  Real between(Real unit, Real low, Real width) const {
    return fused ? std::fma(unit, width, low) : unit * width + low;
  }

 public:
  TorchGenerator(uint64_t seed, bool fused) : word(uint32_t(seed)), fused(fused) {}
  TorchGenerator(const TwisterState& from, bool fused) : word(from), fused(fused) {}
  void read(TwisterState& to) const { word.read(to); }

  void skip(int64_t words) {
    while (words-- > 0) word();
  }

  uint64_t random64() {
    const uint64_t high = word();
    return high << 32 | word();
  }

  // One number of tensor.uniform_(-bound, bound).
  float uniform(float bound) {
    const float unit = float(word() & ((1u << 24) - 1)) * (1.0f / (1u << 24));
    return between(unit, -bound, bound + bound);
  }
  double uniform(double bound) {
    const double unit = double(random64() & ((uint64_t(1) << 53) - 1)) * (1.0 / double(uint64_t(1) << 53));
    return between(unit, -bound, bound + bound);
  }

  // What `iter(DataLoader(shuffle=...))` draws: a seed for workers, and one for the order of the rows. Returns
  // the part of the latter that a 32-bit engine is seeded with.
  uint32_t next_epoch(bool shuffle) {
    random64();
    return shuffle ? uint32_t(random64()) : 0;
  }
};

// Rows up to which torch.randperm draws as `draw_order` does.
constexpr int64_t most_rows = 0xffffffffu / 20 - 1;

// r mod d of 32-bit numbers without a division, for one d and many r (Lemire, Kaser and Kurz,
// "Faster remainder by direct computation", 2019).
struct Remainder {
  uint64_t divisor, inverse;
  explicit Remainder(uint32_t d) : divisor(d), inverse(~uint64_t(0) / d + 1) {}
  uint32_t operator()(uint32_t r) const { return uint32_t(((unsigned __int128)(inverse * r) * divisor) >> 64); }
};

// order[0..rows) := torch.randperm(rows) of a fresh generator with that seed.
HD void draw_order(uint32_t seed, int64_t rows, uint32_t* order) {
  MersenneTwister<uint32_t> word(seed, rows);
  for (int64_t i = 0; i < rows; ++i) order[i] = uint32_t(i);
  for (int64_t i = 0; i + 1 < rows; ++i) {
    const int64_t other = i + word() % uint32_t(rows - i);
    const uint32_t kept = order[i];
    order[i] = order[other];
    order[other] = kept;
  }
}

// The same for sixteen seeds at once: order l lies at orders + l * rows. `Words` is a register of uint32_t.
constexpr int order_lanes = 16;

template <class Words>
inline void draw_orders(const uint32_t* seeds, int64_t rows, uint32_t* orders) {
  constexpr int width = sizeof(Words) / sizeof(uint32_t);
  for (int64_t l = 0; l < order_lanes; ++l)
    for (int64_t i = 0; i < rows; ++i) orders[l * rows + i] = uint32_t(i);
  for (int begin = 0; begin < order_lanes; begin += width, orders += width * rows) {
    Words first;
    __builtin_memcpy(&first, seeds + begin, sizeof first);
    MersenneTwister<Words> words(first, rows);
    for (int64_t i = 0; i + 1 < rows; ++i) {
      const Remainder remainder{uint32_t(rows - i)};
      const Words drawn = words();
      uint32_t* order = orders;
      for (int l = 0; l < width; ++l, order += rows) {
        const int64_t other = i + remainder(drawn[l]);
        const uint32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
      }
    }
  }
}

}  // namespace NNPLAY_ISA
}  // namespace nnplay

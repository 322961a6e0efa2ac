// The hot loops of the CPU and the choice among their copies. Torch-free.
//
// setup.py compiles kernels.cpp once for each instruction set; instruction_set() picks the best copy that
// this processor can run, once.
// All loops run on the calling thread, and an element's result depends on its row alone: however a
// caller shares rows out over threads, the bits are the same.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../activation.h"

namespace nnplay::cpu {

// c := a b.
template <class Real>
struct Product {
  const Real* a;  // (m, k), any strides
  int64_t a_row, a_col;
  const Real* b;  // (k, n), one of its strides is 1
  int64_t b_row, b_col;
  Real* c;  // (m, n), rows c_row apart
  int64_t c_row;
  int64_t m, n, k;
  int64_t run = 128;  // so many products are summed one after the other, then these sums
};

template <class Real>
struct Kernels {
  // z (rows, cols) := z + bias (cols; may be null), y := activation(z). Where y is z itself only the
  // activation is kept.
  void (*activate)(Activation, Real* z, const Real* bias, Real* y, int64_t rows, int64_t cols);

  // gz (rows, cols) := g times the activation's derivative, from what the forward saved (null if that is
  // nothing). If column_sum (2, cols) is given, gz's columns are added to its first row, and what the
  // additions round away to its second. gz may be null or g itself.
  void (*gradient)(Activation, const Real* g, const Real* saved, Real* gz, Real* column_sum, int64_t rows,
                   int64_t cols);

  // An element of c does not depend on which part of the product it is computed with.
  void (*matmul)(const Product<Real>&);

  // to[j * to_row + i] := from[i * from_row + j] for i < rows, j < cols.
  void (*transpose)(const Real* from, int64_t from_row, Real* to, int64_t to_row, int64_t rows, int64_t cols);
};

// Sixteen-bit numbers, as their bits, to float and back (to nearest even).
struct Conversion {
  void (*to_float)(const uint16_t* from, float* to, int64_t count);
  void (*from_float)(const float* from, uint16_t* to, int64_t count);
};

struct InstructionSet {
  const char* name;  // "avx512", "avx2" or "baseline"
  Kernels<float> single;
  Kernels<double> twice;
  Conversion bfloat16, float16;
};

// The best one this processor has; the environment variable NNPLAY_ISA names a lesser one (for tests).
const InstructionSet& instruction_set();

template <class Real>
const Kernels<Real>& kernels() {
  if constexpr (std::is_same_v<Real, float>)
    return instruction_set().single;
  else
    return instruction_set().twice;
}

// Numbers that make a share of a pass over memory worth a thread.
constexpr int64_t pass_grain = 1 << 14;

}  // namespace nnplay::cpu

// The table of one instruction set's kernels. Included by one kernels_*.cpp each, which sets NNPLAY_ISA.
#pragma once

#include "convert.h"
#include "kernels.h"
#include "matmul.h"
#include "row_loops.h"

#define NNPLAY_TEXT_(x) #x
#define NNPLAY_TEXT(x) NNPLAY_TEXT_(x)

namespace nnplay {
inline namespace NNPLAY_ISA {  // so that each instruction set has its own table of its own functions

template <class Real>
constexpr cpu::Kernels<Real> kernels_of = {activate<Real>, gradient<Real>, matmul<Real>, transpose<Real>};

}  // namespace NNPLAY_ISA

#define NNPLAY_DEFINE_INSTRUCTION_SET(variable)                                       \
  extern const InstructionSet variable;                                               \
  const InstructionSet variable = {NNPLAY_TEXT(NNPLAY_ISA),                           \
                                   kernels_of<float>,                                 \
                                   kernels_of<double>,                                \
                                   {bfloat16_to_float, bfloat16_from_float},          \
                                   {float16_to_float, float16_from_float}};

}  // namespace nnplay

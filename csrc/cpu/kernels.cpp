// The table of one instruction set's kernels. Compiled once for each, with NNPLAY_ISA set to its name.
#include "kernels.h"

#include "convert.h"
#include "matmul.h"
#include "row_loops.h"

#define NNPLAY_TEXT_(x) #x
#define NNPLAY_TEXT(x) NNPLAY_TEXT_(x)

namespace nnplay {
inline namespace NNPLAY_ISA {

template <class Real>
constexpr cpu::Kernels<Real> kernels_of = {activate<Real>, gradient<Real>, matmul<Real>, transpose<Real>};

extern const cpu::InstructionSet kernels;
const cpu::InstructionSet kernels = {NNPLAY_TEXT(NNPLAY_ISA),
                                     kernels_of<float>,
                                     kernels_of<double>,
                                     {bfloat16_to_float, bfloat16_from_float},
                                     {float16_to_float, float16_from_float}};

}  // namespace NNPLAY_ISA
}  // namespace nnplay

// Memory cut into arrays: counted first, with no memory at all, then cut in the same order.
#pragma once

#include "../lane.h"

namespace nnplay {
inline namespace NNPLAY_ISA {

struct Arena {
  char* base;  // null while counting
  int64_t used = 0;

  template <class T>
  T* take(int64_t count) {
    constexpr int64_t line = 64;
    T* start = base ? reinterpret_cast<T*>(base + used) : nullptr;
    used += (count * int64_t(sizeof(T)) + line - 1) / line * line;
    return start;
  }
};

}  // namespace NNPLAY_ISA
}  // namespace nnplay

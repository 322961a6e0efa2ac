#include "parallel.h"

#include <ATen/Parallel.h>

namespace nnplay::cpu {

void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (count <= grain || at::get_num_threads() == 1) {
    if (count > 0) body(0, count);
    return;
  }
  at::parallel_for(0, count, grain, body);
}

}  // namespace nnplay::cpu

// Sharing work out over torch's threads, for files that include no torch.
#pragma once

#include <cstdint>
#include <functional>

namespace nnplay::cpu {

// body(begin, end) over [0, count), in shares of at least `grain`. Which thread takes what must not matter.
void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

}  // namespace nnplay::cpu

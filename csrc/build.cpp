#include "build.h"

namespace nnplay::build {

// The words before the version are how engine/ops.py finds it in a file that cannot be loaded.
static constexpr char built[] = "nnplay built with torch " NNPLAY_TORCH_VERSION;
const char* const torch_version = built + sizeof "nnplay built with torch";

const bool has_cuda = NNPLAY_HAS_CUDA;
const char* const cuda = NNPLAY_CUDA_WHY;

}  // namespace nnplay::build

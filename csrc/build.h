// How this was built, and why without CUDA. setup.py tells build.cpp alone: another decision compiles one small file.
#pragma once

namespace nnplay::build {

extern const char* const torch_version;
extern const bool has_cuda;
extern const char* const cuda;  // the toolkit's version, or why CUDA is not built

}  // namespace nnplay::build

// What a build without CUDA says to those who ask for it.
#include "build.h"
#include "device.h"
#include "refuse.h"

namespace nnplay {
namespace {

[[noreturn]] void refuse_cuda() {
  refuse("device=cuda: expected kernels that are built for CUDA, but they are built without: ", build::cuda,
         "; use device=cpu, or build nnplay again where torch has CUDA");
}

}  // namespace

template <class Real>
std::unique_ptr<DeviceNetwork<Real>> make_device_network(const Shape&, int64_t, const Table<Real>&, const Table<Real>&) {
  refuse_cuda();
}
template std::unique_ptr<DeviceNetwork<float>> make_device_network(const Shape&, int64_t, const Table<float>&, const Table<float>&);
template std::unique_ptr<DeviceNetwork<double>> make_device_network(const Shape&, int64_t, const Table<double>&, const Table<double>&);

bool train_population_on_device(const Population&, const std::function<bool()>&) { refuse_cuda(); }

}  // namespace nnplay

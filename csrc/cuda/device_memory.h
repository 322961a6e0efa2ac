// Memory, streams and errors of a device, and how a job is started there, for the host's side of training. Torch-free.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "../refuse.h"
#include "training_kernels.h"

namespace nnplay::cuda {

inline constexpr char lower[] = ": lower the number of networks, hidden, batch_size or epochs, or use device=cpu";

inline void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // or the next call would be told of it again
  const std::string text = cudaGetErrorString(status);
  if (status == cudaErrorMemoryAllocation) {
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    const auto gigabytes = [](size_t bytes) { return std::round(double(bytes) / 1e7) / 100; };
    refuse("device=cuda: the GPU has too little free memory (", gigabytes(free), " of ", gigabytes(total), " GB) for ",
           doing, lower);
  }
  if (status == cudaErrorNoDevice || status == cudaErrorInsufficientDriver)
    refuse("device=cuda: expected a GPU and its driver, but CUDA says: ", text, "; use device=cpu");
  throw std::runtime_error("CUDA, " + std::string(doing) + ": " + text);
}

// An array on the device.
template <class Number>
class Array {
  Number* at = nullptr;
  int64_t size = 0;

 public:
  Array() = default;
  explicit Array(int64_t count, const char* what) { grow(count, what); }
  ~Array() { cudaFree(at); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  // At least that many numbers; what they were is lost if there were fewer.
  void grow(int64_t count, const char* what) {
    if (count <= size) return;
    cudaFree(at);
    at = nullptr, size = 0;
    check(cudaMalloc(reinterpret_cast<void**>(&at), size_t(count) * sizeof(Number)), what);
    size = count;
  }
  Number* get() const { return at; }

  void clear(int64_t count, cudaStream_t stream) {
    check(cudaMemsetAsync(at, 0, size_t(count) * sizeof(Number), stream), "clearing memory");
  }
  void put(const Number* from, int64_t count, cudaStream_t stream) {
    if (count == 0) return;
    check(cudaMemcpyAsync(at, from, size_t(count) * sizeof(Number), cudaMemcpyHostToDevice, stream), "copying to the device");
  }
  void take(Number* to, int64_t count, cudaStream_t stream) const {
    if (count == 0) return;
    check(cudaMemcpyAsync(to, at, size_t(count) * sizeof(Number), cudaMemcpyDeviceToHost, stream), "copying from the device");
  }
};

class Stream {
  cudaStream_t stream = nullptr;

 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream"); }
  ~Stream() {
    cudaStreamSynchronize(stream);
    cudaStreamDestroy(stream);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream; }
  void wait() const { check(cudaStreamSynchronize(stream), "training"); }
};

// Makes a device the present one while it lives.
class OnDevice {
  int before = 0;

 public:
  explicit OnDevice(int device) {
    check(cudaGetDevice(&before), "asking for the device");
    check(cudaSetDevice(device), "choosing the device");
  }
  ~OnDevice() { cudaSetDevice(before); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
};

inline int present_device() {
  int device = 0;
  check(cudaGetDevice(&device), "asking for the device");
  return device;
}

inline Capacity capacity() {
  Capacity found;
  check(read_capacity(found), "asking what the device has");
  return found;
}

template <class Real>
Layout layout_for(const TeamPlan& plan, int64_t networks) {
  Layout layout;
  check(choose_layout<Real>(plan, networks, capacity(), layout), "laying out the networks");
  return layout;
}

template <class Real>
void run(const TeamJob<Real>& job, const Layout& layout, Real* memory, cudaStream_t stream) {
  for (int64_t first = 0; first < job.networks; first += layout.networks)
    check(train(job, layout, first, memory, stream), "starting to train");
}

// The numbers that Adam's steps to come share.
inline std::vector<Correction> corrections(StepCounter& counter, int64_t steps) {
  std::vector<Correction> found(steps);
  for (Correction& one : found) one = counter.next();
  return found;
}

}  // namespace nnplay::cuda

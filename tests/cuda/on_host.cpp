// The fibers of on_host.h, and the part of CUDA's runtime that nnplay calls, over the host's memory.
#include "on_host.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace nnplay::on_host {
namespace {

enum class Wait { none, warp, block, grid, done };
constexpr size_t stack_bytes = 128 << 10;
constexpr unsigned int warp = 32;
constexpr char mark = 0x5a;
constexpr size_t watched = 64;  // bytes behind every piece of memory

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  Place place;
  Wait wait = Wait::none;
  unsigned int mask = 0;
  uint64_t bits = 0;
  int index = 0;
};

std::vector<std::unique_ptr<Fiber>> fibers;
size_t count = 0;
Fiber* running = nullptr;
ucontext_t scheduler;
std::vector<char> shared;
const std::function<void()>* kernel_to_run = nullptr;
int order = 0;
int64_t memory_used = 0;
std::map<void*, size_t> pieces;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "on_host: %s\n", what);
  std::abort();
}

void check_behind(const char* memory, size_t bytes) {
  for (size_t i = 0; i < watched; ++i)
    if (memory[bytes + i] != mark) fail("a kernel wrote behind its memory");
}

void begin() {
  (*kernel_to_run)();
  running->wait = Wait::done;
  swapcontext(&running->context, &scheduler);
}

void wait(Wait kind, unsigned int mask = 0) {
  running->wait = kind;
  running->mask = mask;
  swapcontext(&running->context, &scheduler);
}


bool is_released(const Fiber& fiber) {
  const size_t threads = fiber.place.size.x;
  const size_t first = fiber.wait == Wait::grid ? 0 : size_t(fiber.index) / threads * threads;
  const size_t last = fiber.wait == Wait::grid ? count : first + threads;
  if (fiber.wait != Wait::warp)
    return std::all_of(fibers.begin() + first, fibers.begin() + last,
                       [&](const auto& other) { return other->wait == fiber.wait || other->wait == Wait::done; });
  const size_t begin_of_warp = first + (size_t(fiber.index) - first) / warp * warp;
  for (unsigned int lane = 0; lane < warp; ++lane) {
    if (!(fiber.mask >> lane & 1) || begin_of_warp + lane >= last) continue;
    const Fiber& other = *fibers[begin_of_warp + lane];
    const bool there = other.wait == Wait::warp && other.mask == fiber.mask;
    if (!there && other.wait != Wait::done) return false;
  }
  return true;
}

void run_fibers() {
  std::vector<size_t> turn(count);
  for (size_t i = 0; i < count; ++i) turn[i] = order == 1 ? count - 1 - i : i;
  std::mt19937 random(7);
  for (;;) {
    if (order == 2) std::shuffle(turn.begin(), turn.end(), random);
    bool ran = false, left = false;
    for (const size_t i : turn) {
      running = fibers[i].get();
      if (running->wait != Wait::none) continue;
      swapcontext(&scheduler, &running->context);
      ran = true;
    }
    std::vector<Fiber*> released;
    for (size_t i = 0; i < count; ++i) {
      left = left || fibers[i]->wait != Wait::done;
      if (fibers[i]->wait != Wait::done && is_released(*fibers[i])) released.push_back(fibers[i].get());
    }
    if (!left) return;
    if (!ran && released.empty()) fail("threads wait for others that never come");
    for (Fiber* fiber : released) fiber->wait = Wait::none;
  }
}

void make_fibers(dim3 grid, dim3 block, unsigned int first, unsigned int blocks) {
  count = size_t(blocks) * block.x;
  while (fibers.size() < count) {
    fibers.push_back(std::make_unique<Fiber>());
    fibers.back()->stack = std::make_unique<char[]>(stack_bytes);
  }
  for (size_t i = 0; i < count; ++i) {
    Fiber& fiber = *fibers[i];
    const unsigned int number = first + unsigned(i / block.x);
    fiber.place = {dim3(unsigned(i % block.x)), dim3(number % grid.x, number / grid.x), block, grid};
    fiber.index = int(i), fiber.wait = Wait::none;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = stack_bytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, begin, 0);
  }
}

}  // namespace

const Place& here() { return running->place; }
char* shared_memory() { return shared.data(); }
void wait_for_block() { wait(Wait::block); }
void wait_for_warp(unsigned int mask) { wait(Wait::warp, mask); }
void wait_for_grid() { wait(Wait::grid); }

uint64_t swap_bits(unsigned int mask, uint64_t mine, int with) {
  running->bits = mine;
  wait_for_warp(mask);
  const uint64_t theirs = fibers[size_t(running->index) ^ size_t(with)]->bits;
  wait_for_warp(mask);
  return theirs;
}

void run(dim3 grid, dim3 block, size_t bytes, bool together, const std::function<void()>& kernel) {
  kernel_to_run = &kernel;
  const unsigned int blocks = grid.x * grid.y, at_once = together ? blocks : 1;
  for (unsigned int first = 0; first < blocks; first += at_once) {
    shared.assign(bytes + watched, char(0xff));
    std::fill(shared.end() - watched, shared.end(), mark);
    make_fibers(grid, block, first, at_once);
    run_fibers();
    check_behind(shared.data(), bytes);
  }
  for (const auto& [piece, size] : pieces) check_behind(static_cast<char*>(piece), size);
}

extern "C" void set_order(int which) { order = which; }  // 0: forward, 1: backward, 2: shuffled anew at every wait

}  // namespace nnplay::on_host

using namespace nnplay::on_host;

extern "C" {

constexpr int64_t all_memory = int64_t(1) << 30;

cudaError_t cudaMalloc(void** to, size_t bytes) {
  if (memory_used + int64_t(bytes) > all_memory) return cudaErrorMemoryAllocation;
  auto* piece = static_cast<char*>(std::malloc(bytes + watched));
  std::memset(piece, 0xff, bytes);
  std::memset(piece + bytes, mark, watched);
  pieces[piece] = bytes;
  memory_used += int64_t(bytes);
  *to = piece;
  return cudaSuccess;
}
cudaError_t cudaFree(void* piece) {
  if (!piece) return cudaSuccess;
  memory_used -= int64_t(pieces.at(piece));
  pieces.erase(piece);
  std::free(piece);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t) {
  std::memset(to, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t*, unsigned int) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t status) { return status == cudaErrorMemoryAllocation ? "out of memory" : "an error"; }
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = size_t(all_memory - memory_used);
  *total = size_t(all_memory);
  return cudaSuccess;
}
// A small device: two multiprocessors of compute capability 9.0.
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr what, int) {
  *value = what == cudaDevAttrMultiProcessorCount ? 2 : what == cudaDevAttrMaxSharedMemoryPerBlockOptin ? 227 << 10 : 228 << 10;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int bytes) {
  return bytes <= 227 << 10 ? cudaSuccess : cudaErrorInvalidValue;
}

}  // extern "C"

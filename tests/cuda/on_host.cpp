// The fibers of on_host.h, and the part of CUDA's runtime that nnplay calls, over the host's memory.
#include "on_host.h"

#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "watch.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace nnplay::on_host {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool address_sanitizer = true;
#else
constexpr bool address_sanitizer = false;
#endif
constexpr size_t stack_bytes = 128 << 10;
constexpr unsigned int warp = 32;
constexpr char mark = 0x5a;
constexpr size_t watched = address_sanitizer ? 0 : 64;  // bytes behind every piece of memory

enum class Wait { none, shuffle, warp, block, grid, done };

struct Context {
  jmp_buf at;
  const void* stack = nullptr;
  size_t bytes = 0;
  void* fake_stack = nullptr;
};
struct Fiber {
  Context context;
  Place place;
  Wait wait = Wait::none;
  unsigned int mask = 0;
  uint64_t bits = 0;
  int index = 0;
  alignas(64) char stack[stack_bytes];
};

std::vector<std::unique_ptr<Fiber>> fibers;
size_t count = 0;
Fiber* running = nullptr;
Context scheduler;
std::unique_ptr<char[]> shared;
thread_local volatile char first_static;  // so that this thread has the memory of all
const std::function<void()>* kernel_to_run = nullptr;
int order = 0, left_out = -1;
std::vector<void*> waits;  // the places in the code, as they were first reached
int64_t memory_used = 0;
std::map<void*, size_t> pieces;

void check_behind(const char* memory, size_t bytes) {
  for (size_t i = 0; i < watched; ++i)
    if (memory[bytes + i] != mark) {
      std::fprintf(stderr, "on_host: a kernel wrote behind its memory\n");
      std::abort();
    }
}

// From one to the other, until somebody changes back; `first` is how to get there for the first time. (swapcontext
// alone would do, with two calls of the system for each change.)
void change(Context& from, Context& to, const ucontext_t* first = nullptr) {
#ifdef __SANITIZE_ADDRESS__
  // Its own longjmp forgets what it knew of the stack.
  static const auto longjmp = reinterpret_cast<decltype(&::longjmp)>(dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "longjmp"));
  __sanitizer_start_switch_fiber(&from.fake_stack, to.stack, to.bytes);
#endif
  if (_setjmp(from.at) == 0) first ? (void)setcontext(first) : longjmp(to.at, 1);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

// A fiber is a thread of one block after the other.
void begin() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &scheduler.stack, &scheduler.bytes);
#endif
  change(running->context, scheduler);
  for (;;) {
    (*kernel_to_run)();
    running->wait = Wait::done;
    change(running->context, scheduler);
  }
}

void add_fiber() {
  fibers.push_back(std::make_unique<Fiber>());
  running = fibers.back().get();
  ucontext_t first;
  getcontext(&first);
  running->context.stack = first.uc_stack.ss_sp = running->stack;
  running->context.bytes = first.uc_stack.ss_size = stack_bytes;
  makecontext(&first, begin, 0);
  change(scheduler, running->context, &first);
}

void wait(Wait kind, unsigned int mask = 0) {
  running->wait = kind;
  running->mask = mask;
  change(running->context, scheduler);
}

void wait_at(void* place, Wait kind, unsigned int mask = 0) {
  const size_t number = std::find(waits.begin(), waits.end(), place) - waits.begin();
  if (number == waits.size()) waits.push_back(place);
  if (int(number) != left_out) wait(kind, mask);
}

// Those that wait with this one, if all are there that should be.
std::vector<int> meeting(const Fiber& fiber) {
  const bool of_warp = fiber.wait == Wait::warp || fiber.wait == Wait::shuffle;
  const int threads = int(fiber.place.size.x), own = fiber.index / threads * threads;  // the block's first
  const int first = fiber.wait == Wait::grid ? 0 : of_warp ? own + (fiber.index - own) / int(warp) * int(warp) : own;
  const int last = fiber.wait == Wait::grid ? int(count) : of_warp ? std::min(first + int(warp), own + threads) : own + threads;
  std::vector<int> there;
  for (int i = first; i < last; ++i) {
    const Fiber& other = *fibers[i];
    if (other.wait == Wait::done || (of_warp && !(fiber.mask >> (i - first) & 1))) continue;
    if (other.wait != fiber.wait || other.mask != fiber.mask) return {};
    there.push_back(i);
  }
  return there;
}

void run_fibers() {
  std::vector<size_t> turn(count);
  for (size_t i = 0; i < count; ++i) turn[i] = order == 1 ? count - 1 - i : i;
  std::mt19937 random(7);
  for (;;) {
    if (order == 2) std::shuffle(turn.begin(), turn.end(), random);
    bool went_on = false, left = false;
    for (const size_t i : turn) {
      running = fibers[i].get();
      if (running->wait != Wait::none) continue;
      watch::run_thread(running->index, running, sizeof *running);
      change(scheduler, running->context);
      watch::run_host();
      went_on = true;
    }
    for (size_t i = 0; i < count; ++i) {
      const Wait kind = fibers[i]->wait;
      left = left || kind != Wait::done;
      if (kind == Wait::done || kind == Wait::none) continue;
      const std::vector<int> there = meeting(*fibers[i]);
      if (kind != Wait::shuffle && !there.empty()) watch::meet(there);
      for (const int one : there) fibers[one]->wait = Wait::none;
      went_on = went_on || !there.empty();
    }
    if (!left) return;
    if (went_on) continue;
    watch::find("threads wait for others that never come");
    return fibers.clear();  // they are in the midst of a kernel
  }
}

void make_fibers(dim3 grid, dim3 block, unsigned int first, unsigned int blocks) {
  count = size_t(blocks) * block.x;
  while (fibers.size() < count) add_fiber();
  for (size_t i = 0; i < count; ++i) {
    Fiber& fiber = *fibers[i];
    const unsigned int number = first + unsigned(i / block.x);
    fiber.place = {dim3(unsigned(i % block.x)), dim3(number % grid.x, number / grid.x), block, grid};
    fiber.index = int(i), fiber.wait = Wait::none;
  }
  watch::begin_threads(count);
}

// All arrays that kernels declare as __shared__, as the host's present thread has them: see on_host.h.
std::pair<char*, size_t> find_static_memory() {
  static std::pair<char*, size_t> found;
  first_static = 0;
  Dl_info here{};
  dladdr(reinterpret_cast<void*>(begin), &here);
  const auto look = [](dl_phdr_info* library, size_t, void* wanted) {
    for (int i = 0; i < library->dlpi_phnum; ++i)
      if (const auto& part = library->dlpi_phdr[i]; part.p_type == PT_TLS && library->dlpi_addr == ElfW(Addr)(wanted))
        found = {static_cast<char*>(library->dlpi_tls_data), part.p_memsz};
    return 0;
  };
  dl_iterate_phdr(look, here.dli_fbase);
  return found;
}

// What blocks share, as new as it is to each of them.
void make_shared(size_t bytes, std::pair<char*, size_t> arrays) {
  shared.reset(new char[bytes + watched]);
  std::memset(shared.get(), 0xff, bytes);
  std::memset(shared.get() + bytes, mark, watched);
  watch::add(shared.get(), bytes);
  if (address_sanitizer) return;
  std::memset(arrays.first, 0xff, arrays.second);
  watch::add(arrays.first, arrays.second);
}

}  // namespace

const Place& here() { return running->place; }
char* shared_memory() { return shared.get(); }
void wait_for_block() { wait_at(__builtin_return_address(0), Wait::block); }
void wait_for_grid() { wait_at(__builtin_return_address(0), Wait::grid); }
void wait_for_warp(unsigned int mask) {
  if (!(mask >> running->place.thread.x % warp & 1)) watch::find("a thread waits for others and not for itself");
  wait_at(__builtin_return_address(0), Wait::warp, mask);
}

// The lanes wait until all have come, but as on a device that orders nothing that they did to memory.
uint64_t swap_bits(unsigned int mask, uint64_t mine, int with) {
  const unsigned int other = running->place.thread.x % warp ^ unsigned(with);
  if (!(mask >> other & 1)) watch::find("a lane takes the number of one that gives none");
  running->bits = mine;
  wait(Wait::shuffle, mask);
  const uint64_t theirs = fibers[size_t(running->index) ^ size_t(with)]->bits;
  wait(Wait::shuffle, mask);
  return theirs;
}

void run(dim3 grid, dim3 block, size_t bytes, bool together, const std::function<void()>& kernel) {
  kernel_to_run = &kernel;
  const unsigned int blocks = grid.x * grid.y, at_once = together ? blocks : 1;
  const auto arrays = find_static_memory();
  watch::begin_launch();
  for (unsigned int first = 0; first < blocks; first += at_once) {
    make_shared(bytes, arrays);
    make_fibers(grid, block, first, at_once);
    run_fibers();
    check_behind(shared.get(), bytes);
    watch::remove(shared.get());
  }
  for (const auto& [piece, size] : pieces) check_behind(static_cast<char*>(piece), size);
}

extern "C" {

void set_order(int which) { order = which; }  // 0: forward, 1: backward, 2: shuffled anew at every wait

// Makes one of the waits do nothing, counted as they are first reached from the last leave_out(-1) on, which leaves
// out none.
void leave_out(int which) {
  if (which < 0) waits.clear();
  left_out = which;
}
int waits_reached() { return int(waits.size()); }
const char* place_of_wait(int which) {
  static std::string told;
  told = watch::place(waits[which]);
  return told.c_str();
}

}  // extern "C"
}  // namespace nnplay::on_host

using namespace nnplay::on_host;

extern "C" {

constexpr int64_t all_memory = 64 << 20;

cudaError_t cudaMalloc(void** to, size_t bytes) {
  if (memory_used + int64_t(bytes) > all_memory) return cudaErrorMemoryAllocation;
  auto* piece = static_cast<char*>(std::malloc(bytes + watched));
  std::memset(piece, 0xff, bytes);
  std::memset(piece + bytes, mark, watched);
  pieces[piece] = bytes;
  watch::add(piece, bytes);
  memory_used += int64_t(bytes);
  *to = piece;
  return cudaSuccess;
}
cudaError_t cudaFree(void* piece) {
  if (!piece) return cudaSuccess;
  memory_used -= int64_t(pieces.at(piece));
  pieces.erase(piece);
  watch::remove(piece);
  std::free(piece);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  watch::written_by_host(to, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t) {
  std::memset(to, value, bytes);
  watch::written_by_host(to, bytes);
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

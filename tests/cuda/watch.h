// Who reads and writes what, and in which order: races between threads of a launch, and reads of what nobody wrote.
//
// GCC puts a call before every access that it compiles with -fsanitize=thread. Here those calls are answered by
// watch.cpp instead of ThreadSanitizer, which could not be told that each block has shared memory of its own, and that
// blocks which run one after the other on the host are in no order on a device.
//
// Two accesses to the same memory, one of them a write, are a race unless waits lead from the one to the other
// (vector clocks, and every reader since the last write is known): that they ran in some order is no excuse.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace nnplay::on_host::watch {

// Memory of the device, or of a block: nobody has written it yet. Of other memory (tensors) that is not asked.
void add(const void* piece, size_t bytes);
void remove(const void* piece);
void written_by_host(const void* to, size_t bytes);

void begin_launch();               // after all that was before
void begin_threads(size_t count);  // of a block, or of blocks that run together; unordered with those of other blocks
void run_thread(int thread, const void* own, size_t bytes);  // its own memory, stack and all, is not looked at
void run_host();
void meet(std::span<const int> together);  // they have waited for each other

void find(const std::string& what);  // keeps the first
std::string place(const void* code); // "kernels.so+0x1234"

}  // namespace nnplay::on_host::watch

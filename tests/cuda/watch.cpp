// The accesses of threads, as watch.h says. Torch-free.
#include "watch.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace nnplay::on_host::watch {
namespace {

using Address = uintptr_t;
using Moment = uint64_t;  // the number of a thread, and how often it had waited; 0 is none

// What was done to a few bytes side by side: to 4 or, where a thread has asked for less, to 2.
struct Cell {
  Moment write = 0, read = 0;                  // the last
  std::unique_ptr<std::vector<Moment>> reads;  // more of them, if not one after the other
};
constexpr Address page_bytes = 256;
struct Page {
  uint64_t launch = 0;
  Address grain = 4;
  Cell cells[page_bytes / 2];
};
struct Piece {
  size_t bytes;
  std::vector<bool> written;
};

std::map<Address, Piece> pieces;
std::unordered_map<Address, std::unique_ptr<Page>> pages;
Page* recent[4096];  // pages by the low bits of their number
Address recent_number[std::size(recent)];
uint64_t launch = 1, first_number = 1;
size_t threads = 0;
std::vector<uint32_t> seen;  // (threads, threads): how far one knows what another did, counted in the other's waits
int thread = -1;
const uint32_t* known = nullptr;  // its row
Moment now = 0;
Address own_begin = 0, own_bytes = 0;
std::string finding;

// A process that never asks what was found fails at its end.
struct End {
  ~End() {
    if (finding.empty()) return;
    std::fprintf(stderr, "watch: %s\n", finding.c_str());
    std::_Exit(1);
  }
} end_of_process;

uint32_t* row(int of) { return seen.data() + size_t(of) * threads; }

bool is_before(Moment then) {
  const uint64_t index = (then >> 32) - first_number;  // very large for a thread of an earlier block
  return index < threads && known[index] >= uint32_t(then);
}

void clear(Page& page) {
  for (Cell& cell : page.cells) cell = {};
  page.launch = launch, page.grain = 4;
}

void refine(Page& page) {
  for (size_t i = std::size(page.cells); i-- > 0;) {
    const Cell& from = page.cells[i / 2];
    page.cells[i] = {from.write, from.read, from.reads ? std::make_unique<std::vector<Moment>>(*from.reads) : nullptr};
  }
  page.grain = 2;
}

Page& page_at(Address at) {
  const Address number = at / page_bytes, slot = number % std::size(recent);
  if (!recent[slot] || recent_number[slot] != number) {
    auto& page = pages[number];
    if (!page) page = std::make_unique<Page>();
    recent[slot] = page.get(), recent_number[slot] = number;
  }
  if (recent[slot]->launch != launch) clear(*recent[slot]);
  return *recent[slot];
}

auto piece_of(Address at) {
  auto found = pieces.upper_bound(at);
  if (found == pieces.begin()) return pieces.end();
  --found;
  return at < found->first + found->second.bytes ? found : pieces.end();
}

std::string name(Moment then) {
  const uint64_t index = (then >> 32) - first_number;
  return index < threads ? "thread " + std::to_string(index) : std::string("a thread of another block");
}

void report(Address at, bool writes, Moment then, const char* did, const void* code) {
  const auto piece = piece_of(at);
  find("a race: " + name(now) + (writes ? " writes" : " reads") + " what " + name(then) + " " + did + ", byte " +
       (piece == pieces.end() ? std::to_string(at) + " of the host's"
                              : std::to_string(at - piece->first) + " of " + std::to_string(piece->second.bytes)) +
       ", at " + place(code));
}

// The first access to a cell in this launch.
void first_access(Address at, Address grain, bool writes, const void* code) {
  const auto piece = piece_of(at);
  if (piece == pieces.end()) return;
  std::vector<bool>& written = piece->second.written;
  const Address begin = at - piece->first, end = std::min<Address>(begin + grain, written.size());
  if (writes)
    std::fill(written.begin() + begin, written.begin() + end, true);
  else if (!written[begin])
    find(name(now) + " reads what nobody has written, byte " + std::to_string(begin) + " of " +
         std::to_string(written.size()) + ", at " + place(code));
}

void read(Cell& cell) {
  if (!cell.read || is_before(cell.read)) {
    cell.read = now;
    if (cell.reads) std::erase_if(*cell.reads, is_before);
    return;
  }
  if (!cell.reads) cell.reads = std::make_unique<std::vector<Moment>>();
  if (!cell.reads->empty() && cell.reads->back() == now) return;
  if (cell.reads->size() == cell.reads->capacity()) std::erase_if(*cell.reads, is_before);
  cell.reads->push_back(now);
}

void write(Cell& cell, Address at, const void* code) {
  if (cell.read && !is_before(cell.read)) report(at, true, cell.read, "read", code);
  if (cell.reads) {
    for (const Moment read : *cell.reads)
      if (!is_before(read)) report(at, true, read, "read", code);
    cell.reads->clear();
  }
  cell.write = now, cell.read = 0;
}

void access(const void* from, size_t bytes, bool writes, const void* code) {
  const auto begin = reinterpret_cast<Address>(from), end = begin + bytes;
  if (thread < 0 || begin - own_begin < own_bytes || !finding.empty()) return;
  for (Address at = begin; at < end;) {
    Page& page = page_at(at);
    if (bytes < page.grain && page.grain > 2) refine(page);
    const Address grain = page.grain, last = std::min(end, (at / page_bytes + 1) * page_bytes);
    for (at = at / grain * grain; at < last; at += grain) {
      Cell& cell = page.cells[at % page_bytes / grain];
      if (cell.write == now || (!writes && cell.read == now)) continue;
      if (!cell.write && !cell.read) first_access(at, grain, writes, code);
      if (cell.write && !is_before(cell.write)) report(at, writes, cell.write, "wrote", code);
      writes ? write(cell, at, code) : read(cell);
    }
  }
}

}  // namespace

void add(const void* piece, size_t bytes) {
  const auto begin = reinterpret_cast<Address>(piece);
  pieces[begin] = {bytes, std::vector<bool>(bytes)};
  for (Address number = begin / page_bytes; number * page_bytes < begin + bytes; ++number)
    if (const auto page = pages.find(number); page != pages.end()) page->second->launch = 0;
}
void remove(const void* piece) { pieces.erase(reinterpret_cast<Address>(piece)); }

void written_by_host(const void* to, size_t bytes) {
  const auto at = reinterpret_cast<Address>(to);
  const auto piece = piece_of(at);
  if (piece == pieces.end()) return;
  const auto begin = piece->second.written.begin() + (at - piece->first);
  std::fill(begin, begin + bytes, true);
}

void begin_launch() {
  ++launch, first_number = 1, threads = 0;
  constexpr size_t many = 4096;
  if (pages.size() < many) return;
  pages.clear();
  std::fill(std::begin(recent), std::end(recent), nullptr);
}

void begin_threads(size_t count) {
  first_number += threads, threads = count;
  seen.assign(count * count, 0);
  for (size_t i = 0; i < count; ++i) row(int(i))[i] = 1;
}

void run_thread(int which, const void* own, size_t bytes) {
  thread = which, known = row(which), now = (first_number + Moment(which)) << 32 | known[which];
  own_begin = reinterpret_cast<Address>(own), own_bytes = bytes;
}
void run_host() { thread = -1; }

void meet(std::span<const int> together) {
  std::vector<uint32_t> all(threads);
  for (const int one : together)
    for (size_t i = 0; i < threads; ++i) all[i] = std::max(all[i], row(one)[i]);
  for (const int one : together) std::copy(all.begin(), all.end(), row(one)), ++row(one)[one];
}

void find(const std::string& what) {
  if (finding.empty()) finding = what;
}

std::string place(const void* code) {
  Dl_info info{};
  dladdr(code, &info);
  char text[32];
  std::snprintf(text, sizeof text, "+0x%zx", size_t(static_cast<const char*>(code) - static_cast<const char*>(info.dli_fbase)));
  return "kernels.so" + std::string(text);
}

// What was found since the last call, or "".
extern "C" const char* finding_so_far() {
  static std::string told;
  told.swap(finding);
  finding.clear();
  return told.c_str();
}

}  // namespace nnplay::on_host::watch

// What GCC calls before each access.
extern "C" {

#define CALLED(bytes)                                                                                               \
  void __tsan_read##bytes(void* at) { nnplay::on_host::watch::access(at, bytes, false, __builtin_return_address(0)); } \
  void __tsan_write##bytes(void* at) { nnplay::on_host::watch::access(at, bytes, true, __builtin_return_address(0)); }
CALLED(1) CALLED(2) CALLED(4) CALLED(8) CALLED(16)
void __tsan_read_range(void* at, size_t bytes) { nnplay::on_host::watch::access(at, bytes, false, __builtin_return_address(0)); }
void __tsan_write_range(void* at, size_t bytes) { nnplay::on_host::watch::access(at, bytes, true, __builtin_return_address(0)); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_init() {}

}  // extern "C"

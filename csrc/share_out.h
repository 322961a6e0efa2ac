// Work that threads share out among themselves.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace nnplay {

// work(i) for i < count on that many threads; the calling thread is one of them and asks go_on in between. False if
// that said no, and the rest is left out.
inline bool share_out(int64_t count, int threads, const std::function<bool()>& go_on,
                      const std::function<void(int64_t)>& work) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> stopped{false};
  std::exception_ptr error;
  std::mutex mutex;
  const auto take = [&](bool asks) {
    try {
      for (int64_t i = next++; i < count && !stopped; i = next++) {
        work(i);
        if (asks && !go_on()) stopped = true;
      }
    } catch (...) {
      std::lock_guard lock(mutex);
      error = std::current_exception();
      stopped = true;
    }
  };
  std::vector<std::thread> others;
  for (int64_t t = 1; t < std::min<int64_t>(threads, count); ++t) others.emplace_back(take, false);
  take(true);
  for (std::thread& other : others) other.join();
  if (error) std::rethrow_exception(error);
  return !stopped;
}

}  // namespace nnplay

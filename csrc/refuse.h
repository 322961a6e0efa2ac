// Errors that say what was expected and what came.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace nnplay {

// Throws std::invalid_argument with the parts, texts and numbers, as one message.
template <class... Parts>
[[noreturn]] inline void refuse(const Parts&... parts) {
  std::string message;
  const auto add = [&](const auto& part) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(part)>>) {
      char number[32];
      std::snprintf(number, sizeof number, "%.10g", double(part));
      message += number;
    } else {
      message += part;
    }
  };
  (add(parts), ...);
  throw std::invalid_argument(message);
}

}  // namespace nnplay

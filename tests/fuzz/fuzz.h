// What every fuzz target shares. A target is one function, LLVMFuzzerTestOneInput, which must return for any
// bytes and which states with require() what holds of what was read. `./dev fuzz` runs it under libFuzzer; in
// every other build replay.cc gives it its corpus and random mixtures of it, as a test.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace durward::fuzz {

// Ends the process when what must hold does not; libFuzzer keeps the input.
inline void require(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// No byte that could end a line or begin another field where a header or a log line is written.
inline bool one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace durward::fuzz

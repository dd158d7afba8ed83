// A clock that stands still until a test moves it. Any thread.
#pragma once

#include <atomic>
#include <chrono>

#include "sys/clock.h"

namespace durward::testing {

class FakeClock final : public sys::Clock {
 public:
  explicit FakeClock(std::chrono::sys_seconds start = std::chrono::sys_days{std::chrono::year{2030} / 1 / 1})
      : start_(start) {}

  std::chrono::system_clock::time_point now() const override {
    return start_ + std::chrono::milliseconds(elapsed_ms_.load());
  }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(elapsed_ms_.load()));
  }
  void advance(std::chrono::milliseconds by) { elapsed_ms_ += by.count(); }

 private:
  std::chrono::sys_seconds start_;
  std::atomic<std::int64_t> elapsed_ms_{0};
};

}  // namespace durward::testing

// Time, injected. Nothing else in the project asks the OS for it.
#pragma once

#include <chrono>

namespace durward::sys {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::system_clock::time_point now() const = 0;     // wall clock, may step
  virtual std::chrono::steady_clock::time_point steady() const = 0;  // never steps back
  std::chrono::sys_seconds now_seconds() const { return std::chrono::floor<std::chrono::seconds>(now()); }
};

class SystemClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::now(); }
  std::chrono::steady_clock::time_point steady() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace durward::sys

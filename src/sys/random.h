// Randomness fit for secrets, injected.
#pragma once

#include <string>

namespace durward::sys {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::string bytes(std::size_t count) = 0;  // any thread; aborts when the OS has none: never weak
};

class SystemRandom final : public Random {
 public:
  std::string bytes(std::size_t count) override;
};

}  // namespace durward::sys

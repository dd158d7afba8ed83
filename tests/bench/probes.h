// Requests as fast as answers come, but at most one a millisecond on each connection, all with one token:
// when does it stop working? HAProxy spreads connections over its threads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "exchange.h"

namespace durward::bench {

class Probes {
 public:
  using Time = std::chrono::steady_clock::time_point;
  Probes(std::uint16_t port, std::string host, unsigned connections);
  ~Probes();
  Probes(const Probes&) = delete;
  Probes& operator=(const Probes&) = delete;

  // From now on this token. Returns when every connection has been answered 200 with it so many times.
  Status watch(const std::string& token, unsigned times);
  // Call from any moment on: nothing that is asked after this may be allowed.
  void nothing_allowed_after(Time at);
  // When the last connection was refused for the first time. Errors: BEN060 one never was.
  Result<Time> refused_everywhere(std::chrono::milliseconds patience);

  std::uint64_t asked() const { return asked_; }
  std::uint64_t allowed_late() const { return allowed_late_; }
  std::uint64_t broken() const { return broken_; }

 private:
  struct Lane {
    std::unique_ptr<Connection> connection{};
    std::uint64_t watch = 0;  // which watch its open request belongs to
    Time asked{};
  };
  struct Watch {
    std::uint64_t number = 0;
    std::string token;
    std::vector<unsigned> allowed;
    std::vector<Time> refused;  // zero = not yet
    Time limit = Time::max();
  };
  void run();
  void step(std::size_t lane);
  void note(std::size_t lane, int status);

  std::uint16_t port_;
  std::string host_;
  std::vector<Lane> lanes_;
  Guarded<Watch> watch_;
  std::atomic<std::uint64_t> asked_ = 0, allowed_late_ = 0, broken_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace durward::bench

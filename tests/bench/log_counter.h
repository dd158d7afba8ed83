// The reader at the other end of HAProxy's ring: takes octet-counted lines off a unix socket and counts them.
// The same for every side of a comparison; it does not look into the lines.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "sys/unix_listener.h"

namespace durward::bench {

class LogCounter {
 public:
  static Result<std::unique_ptr<LogCounter>> start(const std::string& socket);
  ~LogCounter();
  LogCounter(const LogCounter&) = delete;
  LogCounter& operator=(const LogCounter&) = delete;

  std::uint64_t lines() const { return lines_; }
  // Until there are `lines` in all. Errors: BEN010 they did not come, or more came.
  Status expect(std::uint64_t lines, std::chrono::milliseconds patience = std::chrono::seconds(10)) const;

 private:
  explicit LogCounter(sys::UnixListener listener) : listener_(std::move(listener)) {}
  void serve();
  sys::UnixListener listener_;
  std::atomic<std::uint64_t> lines_ = 0;
  std::atomic<bool> damaged_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace durward::bench

// The upstream of every side: one thread, HTTP/1.1 with keep-alive, requests without body. It says who the
// gateway said was asking, so that the asker can tell whether an answer is the one meant for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "sys/fd.h"

namespace durward::bench {

// Always so many bytes: "USER" of x-durward-user, or "-" without; then '+' when there was an assertion too.
inline constexpr std::size_t answer_bytes = 64;
std::string answer_body(std::string_view user, bool asserted);

class Upstream {
 public:
  Upstream();
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint64_t answered() const { return answered_; }
  std::uint64_t connections() const { return connections_; }  // ever accepted

 private:
  struct Connection;
  void serve();
  bool on_readable(Connection& connection);
  std::uint16_t port_ = 0;
  sys::Fd listener_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> answered_ = 0, connections_ = 0;
  std::thread thread_;
};

}  // namespace durward::bench

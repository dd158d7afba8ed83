// The upstream of the live figures: answers at once, takes bodies, opens WebSockets, and sends events for as
// long as its path says. One thread.
//   GET /events/TICKS/MS   so many events, one every so many milliseconds, then the answer ends
//   GET /socket            101, then silence
//   anything else          200 with a short body, once the request's body is there whole
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "sys/fd.h"

namespace durward::bench {

class LiveUpstream {
 public:
  LiveUpstream();
  ~LiveUpstream();
  LiveUpstream(const LiveUpstream&) = delete;
  LiveUpstream& operator=(const LiveUpstream&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint64_t short_bodies() const { return short_bodies_; }  // connections that ended in the middle of one

 private:
  struct Peer;
  struct Loop;
  void serve();
  std::uint16_t port_ = 0;
  sys::Fd listener_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> short_bodies_ = 0;
  std::thread thread_;
};

}  // namespace durward::bench

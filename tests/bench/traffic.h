// A steady stream of requests by people who may ask: every answer must come, whole, and be 200. Keep-alive
// HTTP/1.1 and HTTP/2, GET, POST with a body, and answers that take a while. What the server closes between
// requests is opened again; whatever it closes in the middle of one is broken.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/guarded.h"
#include "exchange.h"

namespace durward::bench {

struct TrafficOptions {
  std::uint16_t port = 0;
  std::string host;
  unsigned http1 = 8, http2 = 0, streams = 8;  // connections; streams on each of HTTP/2
  double per_second = 0;                       // requests, over all connections
  unsigned post_percent = 0, events_percent = 0;
  std::size_t body_bytes = 12'000;
  std::string events_path = "/events/20/50";
  std::function<std::string(std::uint64_t)> token;  // by a number drawn at random; on the traffic's thread
  std::uint64_t seed = 1;
};

struct TrafficCounts {
  std::uint64_t asked = 0, answered = 0, posts = 0, events = 0, http2 = 0;
  std::uint64_t refused = 0;   // answered, but not with 200
  std::uint64_t broken = 0;    // no answer, or not the whole of it
  std::uint64_t unopened = 0;  // connections that could not be opened
  std::uint64_t opened = 0;
  std::map<std::string, std::uint64_t> troubles;  // what went wrong, and how often
};

std::string to_string(const std::map<std::string, std::uint64_t>& troubles);

class Traffic {
 public:
  explicit Traffic(TrafficOptions options);
  ~Traffic();
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  TrafficCounts counts();
  // Asks nothing new, waits for what is open (bounded), and counts what is still open as broken.
  TrafficCounts finish();

 private:
  struct Lane;
  struct Loop;
  void run();
  TrafficOptions options_;
  Guarded<TrafficCounts> counts_;
  std::atomic<bool> finishing_ = false;
  std::thread thread_;
};

}  // namespace durward::bench

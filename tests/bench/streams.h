// Thousands of answers that do not end, watched by one thread: which of them were cut, and when.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "exchange.h"

namespace durward::bench {

class Streams {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Plan {
    std::uint16_t port = 0;
    std::string host;
    unsigned sockets = 0;      // WebSockets, each on a connection of its own
    unsigned http1 = 0;        // events, each on a connection of its own
    unsigned http2 = 0;        // events, so many streams
    unsigned http2_each = 50;  // on connections that hold this many
    std::size_t people = 0;    // stream i is of person i % people
  };
  // Opens all of them. Errors: BEN070 one was not admitted.
  static Result<std::unique_ptr<Streams>> open(const Plan& plan);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  std::size_t count() const { return streams_.size(); }
  // From now on this person's streams may end; all others may not.
  void may_end(std::size_t person);
  // When the last of the person's streams was seen to be cut. Errors: BEN071 one is still open.
  Result<Time> all_cut(std::size_t person, std::chrono::milliseconds patience);
  std::uint64_t wrong_cuts();

 private:
  struct Stream {
    std::size_t connection = 0;
    std::uint32_t id = 0;
    std::size_t person = 0;
    bool admitted = false;
    Time cut{};  // zero = open
  };
  struct Watched {
    std::set<std::size_t> may_end;
    std::uint64_t wrong = 0;
  };
  Streams() = default;
  Status add(const Plan& plan, std::size_t index);
  Status await_admission();
  void run();
  void take(std::size_t connection);

  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::vector<std::size_t>> on_connection_;  // streams of each
  std::vector<Stream> streams_;
  Guarded<Watched> watched_;  // and what streams_ says of cuts
  sys::Fd poll_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace durward::bench

// What the reading thread hands to the recording one. Internal to accesslog/.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accesslog/event.h"
#include "base/guarded.h"

namespace durward::accesslog {

// Lines that one read gave, in order.
struct Batch {
  std::int64_t received_ms = 0;
  std::string bytes;
  std::vector<std::uint32_t> ends;           // of each line in `bytes`
  std::optional<std::uint32_t> garbled_pid;  // after them this peer's stream made no sense
  std::uint32_t replay = 0;  // they are this worker's, and some may have come already; 0 = not so
  bool replay_ends = false;  // and these are its last

  void add(std::string_view line) {
    bytes += line;
    ends.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  bool empty() const { return ends.empty() && !garbled_pid && !replay_ends; }
};

// Requests to the recording thread that travel beside the batches.
struct Requests {
  std::vector<std::uint32_t> replay;  // workers whose lines will be shown again
  // The workers that there are; all that others have sent is in the batches.
  std::optional<std::vector<std::uint32_t>> alive;
  std::vector<LineNumber> close;  // workers that have ended
  bool settle = false;            // somebody waits for the disk
};

struct Work {
  std::deque<Batch> batches;
  Requests requests;
  bool ended = false;  // and nothing more will come
  std::uint64_t closes_asked = 0;
};

// Any thread. Bounded: push() waits while `batches_max` are queued.
class BatchQueue {
 public:
  static constexpr std::size_t batches_max = 64;

  void push(Batch batch);
  std::uint64_t close_worker(LineNumber last);  // how many were asked for, this one included
  void replay(std::uint32_t pid);
  void keep_only(std::vector<std::uint32_t> alive);
  void want_settled();
  void end();  // no push() follows
  // All there is, waiting at most so long for the first.
  Work take(std::chrono::milliseconds timeout);

 private:
  Guarded<Work> work_;
  std::condition_variable filled_;
  std::condition_variable emptied_;
};

}  // namespace durward::accesslog

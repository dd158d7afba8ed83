// Is every line there? Each worker of HAProxy numbers its lines from 1 without gaps, so a gap is a loss.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

namespace durward::accesslog {

struct SequenceReport {
  enum class Kind : std::uint8_t {
    hole,       // first to last did not come
    late,       // first came after it had been reported as missing
    duplicate,  // first came twice
    restart,    // a new worker has this pid and counts from 1 again; last = the old one's highest
    gone,       // the worker ended unobserved: what it logged after `last`, if anything, is lost
  };
  Kind kind = Kind::hole;
  std::uint32_t pid = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(const SequenceReport&) const = default;
};

struct SequenceOptions {
  std::uint64_t window = 1024;                // lines of several threads overtake each other by this much
  std::chrono::milliseconds patience{2'000};  // and by this long
  std::size_t workers_max = 256;              // the worker heard of least recently is forgotten beyond
};

// One thread. Time is the steady clock's.
class SequenceTracker {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Reports = std::vector<SequenceReport>;

  explicit SequenceTracker(SequenceOptions options = {}) : options_(options) {}
  SequenceTracker(SequenceTracker&&) = default;
  SequenceTracker& operator=(SequenceTracker&&) = default;
  SequenceTracker(const SequenceTracker&) = delete;  // its index points into itself
  SequenceTracker& operator=(const SequenceTracker&) = delete;

  // Appends to `reports` what this line shows. A worker not heard of before starts at 1.
  void observe(std::uint32_t pid, std::uint64_t seq, Time now, Reports& reports);
  // Between the two, what the worker's lines show twice is no duplicate and no restart: seen() tells.
  void replay_begins(std::uint32_t pid) { worker(pid).replayed = true; }
  void replay_ends(std::uint32_t pid);
  bool replayed(std::uint32_t pid) const;
  // Whether the worker is replayed and this line has come before.
  bool seen(std::uint32_t pid, std::uint64_t seq) const;
  // Gaps that have outlasted the patience. Call it now and then.
  void tick(Time now, Reports& reports);
  // No more is to come of what is missing: every gap is a hole now.
  void give_up(Reports& reports);
  // The worker has ended and its last line was `final_seq`: what is missing up to there is a hole now.
  void close(std::uint32_t pid, std::uint64_t final_seq, Reports& reports);
  // The workers that there are, but for those that are replayed; any other has ended, nobody knows with which
  // line.
  void keep_only(const std::vector<std::uint32_t>& alive, Reports& reports);
  void abandon(std::uint32_t pid, Reports& reports);
  // What an earlier run of this program recorded: lines up to `last`, unless the worker is known already; and
  // a hole.
  void resume(std::uint32_t pid, std::uint64_t last);
  void accept_hole(std::uint32_t pid, std::uint64_t first, std::uint64_t last);

  // All up to here have come or were reported; 0 = not heard of.
  std::uint64_t settled(std::uint32_t pid) const;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> positions() const;  // (pid, settled), by pid

 private:
  struct Worker {
    std::uint64_t next = 1;                          // the lowest that has not come
    std::map<std::uint64_t, Time> ahead;             // came before `next` did
    std::map<std::uint64_t, std::uint64_t> missing;  // reported as holes, first -> last; bounded
    bool replayed = false;
    std::list<std::uint32_t>::iterator used;
  };

  Worker& worker(std::uint32_t pid);
  static void skip_to(Worker& state, std::uint64_t next);
  void observe_old(std::uint32_t pid, Worker& state, std::uint64_t seq, Time now, Reports& reports);
  static void remember_missing(Worker& state, std::uint64_t first, std::uint64_t last);
  static void give_up_first_gap(std::uint32_t pid, Worker& state, Reports& reports);
  static bool take_missing(Worker& state, std::uint64_t seq);
  static bool is_missing(const Worker& state, std::uint64_t seq);

  SequenceOptions options_;
  std::unordered_map<std::uint32_t, Worker> workers_;
  std::list<std::uint32_t> by_use_;  // most recent first
};

}  // namespace durward::accesslog

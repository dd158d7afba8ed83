// Receives HAProxy's log: its ring connects to a unix socket here, and each line becomes a record on disk and
// an event.
//
//   sockets -> frames -> [bounded queue] -> sequence check -> segments -> parse -> callback
//   (reading thread)                        (recording thread)
//
// A worker that is being replaced closes its ring's connection at once, whatever its last requests have still
// to log. follow() reads on in another way.
//
// When the recording thread is behind, the reading one stops reading: HAProxy never waits for a log, its ring
// then overwrites the oldest lines, and the sequence shows it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accesslog/event.h"
#include "accesslog/segment_writer.h"
#include "accesslog/sequence.h"
#include "base/result.h"
#include "sys/fd.h"

namespace durward::accesslog {

struct ReceiverOptions {
  std::string socket;               // its directory is made with 0700, or must be so
  std::vector<uid_t> allowed_uids;  // who may send; anyone else's connection is closed and counted
  SegmentOptions segments;
  SequenceOptions sequence = {};
  // Called on the recording thread for each line that parses, after it was handed to the disk. Must not block
  // or throw.
  std::function<void(const AccessEvent&)> on_event = {};
  // Likewise, for each irregularity of the sequence.
  std::function<void(const SequenceReport&)> on_report = {};
};

struct ReceiverStats {             // all since start()
  std::uint64_t lines = 0;         // that came whole; those that do not parse included
  std::uint64_t parse_errors = 0;  // recorded as they came, but no event
  std::uint64_t lost = 0;          // lines missing in holes
  std::uint64_t holes = 0;
  std::uint64_t late = 0;  // lines that came after their hole was recorded
  std::uint64_t duplicates = 0;
  std::uint64_t restarts = 0;  // pids taken over by a new worker
  std::uint64_t gone = 0;      // workers that ended unobserved
  std::uint64_t garbled = 0;   // connections closed because their stream was no frames
  std::uint64_t refused_peers = 0;
  std::uint64_t dropped = 0;    // lines that could not be written
  std::size_t connections = 0;  // of rings, open now
  std::string last_error;       // of the disk or a parse; empty = none yet
};

// Any thread may call any method.
class Receiver {
 public:
  // Errors: SYS001 to SYS003 (segments), SYS013, SYS014 (socket), ACL022 (segments of a newer format).
  static Result<std::unique_ptr<Receiver>> start(ReceiverOptions options);

  virtual ~Receiver() = default;  // stop()s
  // Takes what has come so far, records it, fsyncs, and ends. Idempotent.
  virtual void stop() = 0;
  virtual ReceiverStats stats() const = 0;

  // Reads what worker `pid` logs until it ends, as "show events -w" shows it on `conversation`: each line of
  // its ring, those that have come by its connection included. The worker cannot end before unfollow().
  virtual void follow(std::uint32_t pid, sys::Fd conversation) = 0;
  virtual void unfollow(std::uint32_t pid) = 0;  // it logs nothing more

  // The workers that there are. What is known of any other is closed with a `gone`, once all it sent is read:
  // it ended while nobody looked, or was killed.
  virtual void keep_only(std::vector<std::uint32_t> alive) = 0;

  // Until every line of worker `pid` up to `seq` is on the disk or recorded as missing. False after the
  // time-out.
  virtual bool wait_for(LineNumber line, std::chrono::milliseconds timeout) = 0;
  // The worker has ended with `last`: waits for that line, then records what is still missing and that it
  // ended. For an ordered reload, so that nothing of the old worker can be lost unseen. False when lines are
  // missing, or the disk did not take the record in time.
  virtual bool close_worker(LineNumber last, std::chrono::milliseconds timeout) = 0;
};

}  // namespace durward::accesslog

#include "accesslog/receiver.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <thread>
#include <utility>

#include "accesslog/batch_queue.h"
#include "accesslog/frame.h"
#include "base/guarded.h"
#include "base/mutant.h"
#include "sys/unix_listener.h"

namespace durward::accesslog {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t connections_max = 64;  // one for each worker, old ones of reloads included
constexpr milliseconds reading_pause_max{1'000};
constexpr milliseconds recording_pause_max{100};  // how late a sync or a hole may be noticed
constexpr std::size_t last_read_rounds_max =
    64;  // at stop(): a peer that never stops sending must not keep us

// What both threads count and waiters look at.
struct Shared {
  ReceiverStats stats;
  std::map<std::uint32_t, std::uint64_t>
      settled;                    // pid -> all up to here is on the disk or recorded as missing
  std::uint64_t closes_done = 0;  // of those that BatchQueue::close_worker() asked for
  bool ended = false;
};

class SharedState {
 public:
  Guarded<Shared> data;
  std::condition_variable changed;
};

// ------------------------------------------------------------------------------------------- the reading
// thread
class Reading {
 public:
  Reading(sys::UnixListener listener, const ReceiverOptions& options, BatchQueue& queue, SharedState& shared)
      : listener_(std::move(listener)), options_(options), queue_(queue), shared_(shared) {}

  void run() {
    while (!stopping_) {
      std::vector<int> fds{wake_.fd(), listener_.fd()};
      for (const Connection& connection : connections_) fds.push_back(connection.fd.get());
      const std::vector<int> ready = sys::wait_readable(fds, sys::deadline_in(reading_pause_max));
      wake_.clear();
      if (std::ranges::find(ready, listener_.fd()) != ready.end()) accept_all();
      take_conversations();
      for (const int fd : ready) read_from(fd);
      // What a worker sent before it ended is read by now.
      if (ready.empty() || (ready.size() == 1 && ready.front() == wake_.fd())) tell_workers();
    }
    accept_all();
    for (std::size_t round = 0; round < last_read_rounds_max && read_from_all(); ++round) continue;
    queue_.end();
  }

  void stop() {
    stopping_ = true;
    wake_.signal();
  }

  void follow(std::uint32_t pid, sys::Fd conversation) {
    asked_.lock()->follow.emplace_back(pid, std::move(conversation));
    wake_.signal();
  }
  void unfollow(std::uint32_t pid) {
    asked_.lock()->unfollow.push_back(pid);
    wake_.signal();
  }
  void keep_only(std::vector<std::uint32_t> alive) {
    *alive_.lock() = std::move(alive);
    wake_.signal();
  }

 private:
  struct Connection {
    sys::Fd fd;
    std::uint32_t pid = 0;
    FrameDecoder decoder;
    bool followed = false;
  };
  struct Asked {
    std::vector<std::pair<std::uint32_t, sys::Fd>> follow;
    std::vector<std::uint32_t> unfollow;
  };

  void take_conversations() {
    Asked asked = std::exchange(*asked_.lock(), {});
    for (auto& [pid, conversation] : asked.follow)
      connections_.push_back({std::move(conversation), pid, FrameDecoder(Framing::lines), true});
    // HAProxy shows what is there, ends the command, and hangs up.
    for (const Connection& connection : connections_)
      if (connection.followed && std::ranges::count(asked.unfollow, connection.pid) > 0)
        ::shutdown(connection.fd.get(), SHUT_WR);
  }

  void tell_workers() {
    if (auto alive = std::exchange(*alive_.lock(), {})) queue_.keep_only(std::move(*alive));
  }

  void accept_all() {
    while (auto accepted = listener_.accept()) {
      const bool allowed =
          std::ranges::find(options_.allowed_uids, accepted->peer.uid) != options_.allowed_uids.end() ||
          mutant("log-peer-unchecked");
      if (!allowed || connections_.size() >= connections_max) {
        ++shared_.data.lock()->stats.refused_peers;
        continue;
      }
      connections_.push_back({std::move(accepted->fd), static_cast<std::uint32_t>(accepted->peer.pid),
                              FrameDecoder(Framing::octet_counted)});
      count_rings();
    }
  }

  void read_from(int fd) {
    const auto found =
        std::ranges::find_if(connections_, [&](const Connection& one) { return one.fd.get() == fd; });
    if (found != connections_.end() && !read_once(*found).open) forget(found);
  }

  // Whether anything came.
  bool read_from_all() {
    bool came = false;
    for (auto it = connections_.begin(); it != connections_.end();) {
      const auto current = it++;
      const ReadOnce result = read_once(*current);
      came = came || result.came;
      if (!result.open) forget(current);
    }
    return came;
  }

  struct ReadOnce {
    bool open = true;
    bool came = false;
  };
  ReadOnce read_once(Connection& connection) {
    const auto got = sys::read_now(connection.fd.get(), connection.decoder.room());
    if (got && !*got) return {};
    Batch batch;
    if (connection.followed) batch.replay = connection.pid;
    if (!got || **got == 0) {  // a half message that is left is a line lost: the sequence shows it
      batch.replay_ends = connection.followed;
      if (!batch.empty()) queue_.push(std::move(batch));
      return {.open = false};
    }
    connection.decoder.filled(**got);
    batch.received_ms =
        std::chrono::floor<milliseconds>(options_.segments.clock.now()).time_since_epoch().count();
    batch.bytes.reserve(**got);
    while (true) {
      const auto line = connection.decoder.next();
      if (!line) {
        batch.garbled_pid = connection.pid;
        batch.replay_ends = connection.followed;
        break;
      }
      if (!*line) break;
      batch.add(**line);
    }
    const bool open = !batch.garbled_pid;
    if (!batch.empty()) queue_.push(std::move(batch));
    return {.open = open, .came = true};
  }

  void forget(std::list<Connection>::iterator connection) {
    connections_.erase(connection);
    count_rings();
  }

  void count_rings() {
    const auto rings = std::ranges::count(connections_, false, &Connection::followed);
    shared_.data.lock()->stats.connections = static_cast<std::size_t>(rings);
  }

  sys::UnixListener listener_;
  const ReceiverOptions& options_;
  BatchQueue& queue_;
  SharedState& shared_;
  sys::Wake wake_;
  std::atomic<bool> stopping_ = false;
  std::list<Connection> connections_;
  Guarded<Asked> asked_;
  Guarded<std::optional<std::vector<std::uint32_t>>> alive_;
};

// ----------------------------------------------------------------------------------------- the recording
// thread
class Recording {
 public:
  Recording(SegmentWriter writer, SequenceTracker tracker, const ReceiverOptions& options, BatchQueue& queue,
            SharedState& shared)
      : writer_(std::move(writer)),
        tracker_(std::move(tracker)),
        options_(options),
        queue_(queue),
        shared_(shared) {}

  void run() {
    writer_.event({Event::Kind::start, {static_cast<std::uint64_t>(::getpid())}});
    while (true) {
      Work work = queue_.take(recording_pause_max);
      for (const std::uint32_t pid : work.requests.replay) tracker_.replay_begins(pid);
      for (const Batch& batch : work.batches) record(batch);
      if (work.requests.alive) tracker_.keep_only(*work.requests.alive, reports_);
      tracker_.tick(options_.segments.clock.steady(), reports_);
      record_reports();
      closing_.insert(closing_.end(), work.requests.close.begin(), work.requests.close.end());
      // What a worker showed last may still be on its way.
      std::erase_if(closing_, [&](const LineNumber& last) {
        if (tracker_.replayed(last.pid) && !work.ended) return false;
        close_worker(last);
        return true;
      });
      if (work.ended) break;
      if (work.requests.settle || !work.requests.close.empty()) settle();
      writer_.maintain(tracker_);
      publish();
    }
    writer_.event({Event::Kind::stop, {}});
    settle();
    shared_.data.lock()->ended = true;
    publish();
  }

 private:
  void record(const Batch& batch) {
    std::uint32_t begin = 0;
    for (const std::uint32_t end : batch.ends) {
      const auto line = std::string_view(batch.bytes).substr(begin, end - begin);
      const auto number = line_number(line);
      begin = end;
      // The conversation shows HAProxy's own messages, too.
      if (batch.replay != 0 && (!number || number->pid != batch.replay)) continue;
      if (!number || !tracker_.seen(number->pid, number->seq)) record_line(line, number, batch.received_ms);
    }
    if (batch.replay_ends) tracker_.replay_ends(batch.replay);
    if (batch.garbled_pid) {
      ++counted_.garbled;
      writer_.event({Event::Kind::garbled, {*batch.garbled_pid}});
    }
  }

  void record_line(std::string_view line, const std::optional<LineNumber>& number, std::int64_t received_ms) {
    ++counted_.lines;
    writer_.line(line, received_ms);
    if (number) {
      tracker_.observe(number->pid, number->seq, options_.segments.clock.steady(), reports_);
      record_reports();
    }
    const auto event = parse(line);
    if (!event) {
      ++counted_.parse_errors;
      counted_.last_error = event.error().code + ": " + event.error().message;
    } else if (options_.on_event) {
      options_.on_event(*event);
    }
  }

  void record_reports() {
    for (const SequenceReport& report : reports_) {
      count(report);
      if (!mutant("log-hole-not-recorded")) writer_.event(to_event(report));
      if (options_.on_report) options_.on_report(report);
    }
    reports_.clear();
  }

  void count(const SequenceReport& report) {
    switch (report.kind) {
      case SequenceReport::Kind::hole:
        ++counted_.holes;
        counted_.lost += report.last - report.first + 1;
        break;
      case SequenceReport::Kind::late:
        ++counted_.late;
        break;
      case SequenceReport::Kind::duplicate:
        ++counted_.duplicates;
        break;
      case SequenceReport::Kind::restart:
        ++counted_.restarts;
        break;
      case SequenceReport::Kind::gone:
        ++counted_.gone;
        break;
    }
  }

  void close_worker(const LineNumber& last) {
    tracker_.close(last.pid, last.seq, reports_);
    record_reports();
    writer_.event({Event::Kind::end, {last.pid, last.seq}});
    ++closes_done_;
  }

  void settle() {
    if (const Status settled = writer_.settle(); !settled) counted_.last_error = settled.error().message;
  }

  void publish() {
    counted_.dropped = writer_.dropped();
    {
      auto shared = shared_.data.lock();
      // The reading thread counts these two.
      counted_.refused_peers = shared->stats.refused_peers;
      counted_.connections = shared->stats.connections;
      shared->stats = counted_;
      if (!writer_.unsettled()) {
        shared->settled.clear();
        for (const auto& [pid, last] : tracker_.positions()) shared->settled[pid] = last;
        shared->closes_done = closes_done_;
      }
    }
    shared_.changed.notify_all();
  }

  SegmentWriter writer_;
  SequenceTracker tracker_;
  const ReceiverOptions& options_;
  BatchQueue& queue_;
  SharedState& shared_;
  SequenceTracker::Reports reports_;
  ReceiverStats counted_;
  std::vector<LineNumber> closing_;
  std::uint64_t closes_done_ = 0;
};

// ------------------------------------------------------------------------------------------------ both
// together
class RunningReceiver final : public Receiver {
 public:
  RunningReceiver(ReceiverOptions options, sys::UnixListener listener, SegmentWriter writer,
                  SequenceTracker tracker)
      : options_(std::move(options)),
        reading_(std::move(listener), options_, queue_, shared_),
        recording_(std::move(writer), std::move(tracker), options_, queue_, shared_) {}
  ~RunningReceiver() override { stop(); }

  void run() {
    reading_thread_ = std::thread([this] { reading_.run(); });
    recording_thread_ = std::thread([this] { recording_.run(); });
  }

  void stop() override {
    auto stopped = stopped_.lock();
    if (*stopped) return;
    *stopped = true;
    reading_.stop();
    reading_thread_.join();
    recording_thread_.join();
  }

  ReceiverStats stats() const override { return shared_.data.lock()->stats; }

  void follow(std::uint32_t pid, sys::Fd conversation) override {
    queue_.replay(pid);
    reading_.follow(pid, std::move(conversation));
  }
  void unfollow(std::uint32_t pid) override { reading_.unfollow(pid); }
  void keep_only(std::vector<std::uint32_t> alive) override { reading_.keep_only(std::move(alive)); }

  bool wait_for(LineNumber line, milliseconds timeout) override {
    return wait_until(sys::deadline_in(timeout), [&](const Shared& shared) {
      const auto found = shared.settled.find(line.pid);
      return found != shared.settled.end() && found->second >= line.seq;
    });
  }

  bool close_worker(LineNumber last, milliseconds timeout) override {
    const bool complete = wait_for(last, timeout);
    const std::uint64_t ticket = queue_.close_worker(last);
    const bool recorded = wait_until(sys::deadline_in(timeout + recording_pause_max),
                                     [&](const Shared& shared) { return shared.closes_done >= ticket; });
    return complete && recorded;
  }

 private:
  // Has the disk brought up to date until `holds`. False at the deadline or when the recording has ended.
  bool wait_until(sys::Deadline deadline, const std::function<bool(const Shared&)>& holds) {
    while (true) {
      queue_.want_settled();
      auto shared = shared_.data.lock();
      if (holds(*shared)) return true;
      if (shared->ended || std::chrono::steady_clock::now() >= deadline) return false;
      shared_.changed.wait_until(shared.lock(), deadline);
    }
  }

  ReceiverOptions options_;
  BatchQueue queue_;
  mutable SharedState shared_;
  Reading reading_;
  Recording recording_;
  std::thread reading_thread_;
  std::thread recording_thread_;
  Guarded<bool> stopped_{false};
};

}  // namespace

Result<std::unique_ptr<Receiver>> Receiver::start(ReceiverOptions options) {
  auto listener = sys::UnixListener::listen(options.socket);
  if (!listener) return tl::unexpected(listener.error());
  SequenceTracker tracker(options.sequence);
  auto writer = SegmentWriter::open(options.segments, tracker);
  if (!writer) return tl::unexpected(writer.error());
  auto receiver = std::make_unique<RunningReceiver>(std::move(options), std::move(*listener),
                                                    std::move(*writer), std::move(tracker));
  receiver->run();
  return receiver;
}

}  // namespace durward::accesslog

// The one writer to a HAProxy. It watches the store for sessions, is handed generations, and makes HAProxy
// agree; it alone talks to HAProxy's sockets.
//
// Order, always: facts before the rows that lead to them, identity before session, store before HAProxy. A
// verdict is a fact about (class, policy), so rows that are not needed any more are harmless and leave
// lazily.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "dataplane/haproxy.h"
#include "dataplane/plan.h"
#include "generation/generation.h"
#include "session/record.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/fd.h"

namespace durward::dataplane {

// What the reconciler did, for metrics, log and audit. Called on its thread; must not block, but for
// reloading().
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void injected(std::size_t sessions, std::chrono::microseconds latency) = 0;
  virtual void revoked(std::size_t sessions, std::size_t streams_cut) = 0;
  virtual void applied(const generation::Generation& generation, const Plan& plan,
                       std::chrono::microseconds took) = 0;
  // Before an ordered reload: `last` is the newest line the worker has logged. May wait a moment for the
  // log's reader.
  virtual void reloading(int worker, std::uint64_t last) = 0;
  virtual void reloaded() = 0;
  virtual void resynced(const std::string& reason, std::chrono::microseconds took) = 0;
  virtual void failed(const Error& error) = 0;
  // HAProxy was found, or started: its workers, the draining ones included. Any other that was known has
  // ended.
  virtual void found(const std::vector<int>& workers) = 0;
  // A worker is being replaced. What it logs until it ends comes on `log`, as of "show events -w"; it does
  // not end before that is closed.
  virtual void draining(int worker, sys::Fd log) = 0;
  virtual void drained(int worker) = 0;  // it has nobody left to answer, so nothing to log
  // An old worker has gone; `last` is the last sequence number it logged, as far as could be read.
  virtual void worker_ended(int pid, std::uint64_t last) = 0;
};

struct DataplaneStatus {
  std::string generation;  // in force; empty = none yet
  int worker = 0;
  std::vector<int> old_workers;
  bool in_sync = false;
  std::string problem;  // why not
  std::size_t sessions = 0, classes = 0, verdicts = 0;
  store::Revision effective = 0;
  std::uint64_t resyncs = 0, reloads = 0;
  std::chrono::sys_seconds lease_end{};
};

class Reconciler {
 public:
  struct Options {
    store::Store& store;
    const sys::Clock& clock;
    Observer& observer;
    Haproxy haproxy;
    bool start_haproxy = true;  // false: another supervisor (systemd) starts it; we only find it
    // "user|email|roles|assertion" for upstreams: no white space. Called on the reconciler's thread.
    std::function<Result<std::string>(const session::HostSession&)> identity_row;
    std::chrono::seconds identity_lifetime{600};  // a row is written anew this often
    std::function<bool()> log_connected = {};  // whether HAProxy is connected to the log's reader; any thread
  };
  explicit Reconciler(Options options);
  ~Reconciler();  // stops; HAProxy goes on
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  void start();
  void stop();

  // Blocks until the generation is in force or could not be put there; then the old one still serves. Any
  // thread.
  Status apply(generation::GenerationPtr generation);
  // Blocks until everything up to `revision` is effective in every worker. Errors: DAT040 time-out. Any
  // thread.
  Status await(store::Revision revision, std::chrono::milliseconds timeout);
  // Replaces a certificate that HAProxy has loaded; the file is already in place. Any thread.
  Status replace_certificate(const std::string& name, const std::string& pem);
  DataplaneStatus status();

 private:
  class Worker;
  struct Shared;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<Worker> worker_;
  std::thread thread_;
};

}  // namespace durward::dataplane

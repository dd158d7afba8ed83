// A real HAProxy that runs one estate, with its sessions, at whatever time it is told. Nothing changes while
// it runs but the time.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/live.h"
#include "dataplane/mirror.h"
#include "testbed.h"
#include "testing/memory_store.h"
#include "testing/state_directory.h"

namespace durward::differential {

class Edge {
 public:
  struct Options {
    policy::PolicySetPtr policies;
    Ports ports;
    sys_seconds at;  // when it starts
    std::vector<session::HostSession> sessions;
    bool filled = false;  // true: sessions in the stick tables; false: as a new worker finds them, in files
  };
  // Null when it did not start; the failure is reported to GoogleTest.
  static std::unique_ptr<Edge> start(Options options);

  Client& client() { return client_; }
  Log& log() { return *log_; }
  const generation::GenerationPtr& generation() const { return generation_; }
  bool set_time(sys_seconds at);
  // What the clock makes due, as far as it is Durward's to do: the windows in force and the next ones.
  bool renew(sys_seconds at);

 private:
  explicit Edge(Options options);
  bool fill_store();
  bool run();

  Options options_;
  sys::SystemClock clock_;
  testing::StateDirectory state_;
  testing::MemoryStore store_{clock_};
  dataplane::Mirror mirror_;
  dataplane::Haproxy haproxy_;
  dataplane::Live live_;
  dataplane::WorkerApi api_;
  generation::GenerationPtr generation_;
  std::unique_ptr<Log> log_;
  Client client_;
  std::optional<sys_seconds> time_;
};

}  // namespace durward::differential

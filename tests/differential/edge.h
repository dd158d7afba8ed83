// A real HAProxy that runs a random estate, with its clock moved to where the estate gets interesting, and
// the log it writes.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "accesslog/receiver.h"
#include "base/guarded.h"
#include "dataplane/live.h"
#include "dataplane/mirror.h"
#include "session/record.h"
#include "testing/memory_store.h"
#include "testing/raw_http.h"
#include "testing/state_directory.h"

namespace durward::differential {

class Edge {
 public:
  struct Options {
    policy::PolicySetPtr policies;
    std::uint16_t port = 0;        // of the estate's one listener
    std::chrono::seconds shift{};  // HAProxy's time minus the machine's
    std::vector<session::HostSession> sessions;
    bool filled = false;  // true: sessions in the stick tables; false: as a new worker finds them, in files
  };
  // Null when it did not start; the failure is reported to GoogleTest.
  static std::unique_ptr<Edge> start(Options options);

  testing::RawClient& client() { return client_; }
  const generation::Generation& generation() const { return *generation_; }
  // Now, as HAProxy sees it.
  std::chrono::milliseconds time() const;
  // Everything logged so far, once there are as many lines as requests. Empty when lines are missing.
  std::vector<accesslog::AccessEvent> log(std::size_t requests);

 private:
  explicit Edge(Options options);
  bool compile();
  bool fill_store();
  bool run();

  Options options_;
  sys::SystemClock clock_;
  testing::StateDirectory state_;
  testing::MemoryStore store_{clock_};
  dataplane::Mirror mirror_;
  dataplane::Haproxy haproxy_;
  dataplane::Live live_;
  generation::GenerationPtr generation_;
  std::unique_ptr<accesslog::Receiver> receiver_;
  Guarded<std::vector<accesslog::AccessEvent>> events_;
  testing::RawClient client_;
  int worker_ = 0;
};

}  // namespace durward::differential

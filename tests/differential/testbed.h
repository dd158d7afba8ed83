// What a real HAProxy is surrounded by: a clock that stands where it is put, a log in which each request is
// found again, and the two ways to ask.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accesslog/receiver.h"
#include "base/guarded.h"
#include "dataplane/haproxy.h"
#include "generation/generation.h"
#include "probes.h"
#include "testing/raw_http.h"

namespace durward::differential {

using std::chrono::sys_seconds;

// The generation of these policies, but for two lines of its configuration: HAProxy reads the time from a map
// (started at `started`), and says in every answer under which id the request is logged. Null, with a failure
// reported to GoogleTest, when it could not be made. `sockets` as in generation::Platform.
generation::GenerationPtr observable(const policy::PolicySetPtr& policies, sys_seconds started,
                                     const std::string& sockets = generation::Platform{}.sockets);

// A self-signed certificate for the second listener; made once a process.
bool install_certificate(const dataplane::Paths& paths);

// Where HAProxy reads the time. Before it starts, and of each process that runs.
bool write_time(const dataplane::Paths& paths, sys_seconds at);
std::string time_command(sys_seconds at);

// The id under which this answer's request was logged; "" when HAProxy answered before it had one.
std::string logged_as(const std::optional<testing::RawResponse>& answer);
int worker_of(const std::string& id);  // its pid; 0 = unknown

class Log {
 public:
  static std::unique_ptr<Log> open(const std::string& socket, const std::string& directory,
                                   const sys::Clock& clock);
  // Everything, by id, once the lines of these are there. A failure is reported when one is missing, or any
  // is damaged.
  std::map<std::string, accesslog::AccessEvent> close(const std::vector<std::string>& ids);

 private:
  std::unique_ptr<accesslog::Receiver> receiver_;
  Guarded<std::map<std::string, accesslog::AccessEvent>> events_;
};

// Asks over connections that are kept, by the way the probe wants.
class Client {
 public:
  explicit Client(const Ports& ports) : ports_(ports), plain_(ports.plain) {}
  std::optional<testing::RawResponse> ask(const Probe& probe);

 private:
  Ports ports_;
  testing::RawClient plain_;
  std::map<std::string, H2Client> tls_;  // by name in the handshake
};

}  // namespace durward::differential

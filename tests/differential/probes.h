// Requests worth asking: what a random estate's own generator suggests, as sessions and as requests of
// HTTP/1.1 and HTTP/2, with spellings that only a gateway sees.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "h2_client.h"
#include "session/record.h"
#include "testing/random_estate.h"

namespace durward::differential {

struct Probe {
  policy::Request request;  // `at` is when it is asked
  std::string host;         // as it is sent
  model::Subject subject;   // whose session it is
  // When that session ends. Whoever asks with an ended, a foreign or an unknown one is nobody.
  std::optional<std::chrono::sys_seconds> ends;
  bool h2 = false;  // over TLS, with `sni` in the handshake; else HTTP/1.1 in clear text
  std::string sni;
  std::string query;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::optional<session::HostSession> session;              // that must be in the store
};

std::string h1_bytes(const Probe& probe);
H2Request h2_request(const Probe& probe);
std::string as_curl(const Probe& probe);

// Probes near one instant, all within a second of it.
struct Moment {
  std::chrono::sys_seconds at;
  std::vector<Probe> probes;
};

struct Scenario {
  model::ModelPtr model;
  std::vector<Moment> moments;  // by time
};

struct Ports {
  std::uint16_t plain = 0;
  std::uint16_t tls = 0;
  std::uint16_t upstream = 0;
};

// Gives the estate listeners, providers and servers.
void serve_at(model::Model& estate, const Ports& ports);

Scenario scenario(testing::RandomEstates& random, const Ports& ports, unsigned moments, unsigned probes);

// Makes one probe: who asks for what is `suggested`, at `at`; how it is sent is drawn.
class ProbeMaker {
 public:
  explicit ProbeMaker(testing::RandomEstates& random) : random_(random) {}
  // With a session of its own that most often is good at `at`.
  Probe make(const testing::RandomProbe& suggested, std::chrono::sys_seconds at);
  // The same with the token of an existing session; "" = none.
  Probe make(const testing::RandomProbe& suggested, std::chrono::sys_seconds at, const std::string& token,
             bool bearer);
  std::string token();

 private:
  void twist(policy::Request& request);
  void misspell(std::string& path);
  void send_as(Probe& probe);
  void open_session(Probe& probe);
  void carry(Probe& probe, const std::string& token, bool bearer);
  void come_from(Probe& probe);
  std::string forwarded(const policy::Request& request);

  testing::RandomEstates& random_;
  unsigned made_ = 0;
};

session::HostSession host_session(const model::Subject& subject, const std::string& host,
                                  const std::string& token, std::chrono::sys_seconds end, bool bearer);

// Lower case, without port and one trailing dot.
std::string plain_host(const std::string& host);

}  // namespace durward::differential

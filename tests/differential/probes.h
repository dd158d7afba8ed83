// Requests worth asking: what a random estate's own generator suggests, as sessions and bytes for a real
// gateway, with spellings that only a gateway sees.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "session/record.h"
#include "testing/random_estate.h"

namespace durward::differential {

struct Probe {
  policy::Request request;  // without `at`
  model::Subject subject;   // whose session it is
  // When that session ends. Whoever asks with an ended, a foreign or an unknown one is nobody.
  std::optional<std::chrono::sys_seconds> ends;
  std::string bytes;  // the request as sent
};

struct Scenario {
  model::ModelPtr model;
  std::chrono::sys_seconds at;  // an instant near which its windows change, its sessions age and end
  std::vector<Probe> probes;
  std::vector<session::HostSession> sessions;
};

struct Ports {
  std::uint16_t listener = 0;
  std::uint16_t upstream = 0;
};

Scenario scenario(testing::RandomEstates& random, const Ports& ports, unsigned probes);

}  // namespace durward::differential

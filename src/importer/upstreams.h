// A backend's servers -> an upstream of an app.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "importer/config.h"

namespace durward::importer {

struct ServerDraft {
  std::string address;  // HOST:PORT
  std::uint32_t line = 0;
};

struct UpstreamDraft {
  std::vector<ServerDraft> servers;
  bool made_up = false;  // no server could be taken: the one that is there does not exist
  bool tls = false;
  std::string ca;  // file with PEM
  std::string sni;
  bool h2 = false;
  std::string balance;            // "" = the default
  std::string health;             // path; "" = none
  std::string timeout;            // of the servers, in the bundle's spelling; "" = the gateway's
  std::set<std::uint32_t> lines;  // besides the servers'
};

// Notes in the ledger what it cannot take. `gateway_timeout` is what needs no saying.
UpstreamDraft read_upstream(Context& context, const Section& backend, const std::string& gateway_timeout);
std::string made_up_server(const Section& backend);
// "30s" of HAProxy's "30000", "30s", "500us"; "" when it is none that the bundle language takes.
std::string duration(std::string_view text);

}  // namespace durward::importer

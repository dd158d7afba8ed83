// Binds and timeouts -> the Gateway.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "importer/config.h"

namespace durward::importer {

struct BindDraft {
  std::string address;  // ADDRESS:PORT
  std::uint32_t line = 0;
};

struct GatewayDraft {
  std::vector<BindDraft> tls;
  std::vector<BindDraft> plain;                 // answer with a redirect to https
  bool made_up = false;                         // no frontend speaks TLS: the listener is Durward's default
  std::map<std::string, std::string> timeouts;  // "client" -> "30s"
  std::map<std::string, std::uint32_t> timeout_lines;
  std::vector<std::string> certificates;  // files and directories that binds name
};

bool speaks_tls(const Section& frontend);  // one of its binds does
// Of the frontends that are published. Notes in the ledger what it cannot take.
GatewayDraft read_gateway(Context& context, const std::vector<const Section*>& frontends);

}  // namespace durward::importer

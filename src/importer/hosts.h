// The hosts and paths that rules tell apart.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "importer/rules.h"

namespace durward::importer {

// "NAME.import.invalid": stands where the configuration names no host. Nobody can reach it (RFC 2606).
std::string made_up_host(std::string_view name);

struct HostKind {
  std::string host;
  bool made_up = false;
  std::string why;         // made_up
  std::uint32_t line = 0;  // that names it
};

// Every host that the rules name, in lower case; for a part of a name ("hdr_end(host) .example.com") one that
// has it; and last one that no rule names, when any request can get somewhere without naming one.
std::vector<HostKind> host_kinds(Context& context, const Section& frontend,
                                 const std::vector<const Rule*>& rules);

// Path templates that a rule's path criteria come to, for a host: "/x" and "/x/{**}" of path_beg /x.
void add_templates(const Rule& rule, const std::string& host, std::set<std::string>& out);
// Whether the bundle language takes it.
bool usable_template(const std::string& path);
// What of a criterion its templates do not say; "" when they say all.
std::string path_difference(const Criterion& criterion);

}  // namespace durward::importer

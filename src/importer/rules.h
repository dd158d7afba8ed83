// The directives that decide about a request, in the order in which HAProxy goes through them.
#pragma once

#include <string>
#include <vector>

#include "importer/acl.h"

namespace durward::importer {

struct Rule {
  enum class Act {
    refuse,   // deny, reject, tarpit, ...
    login,    // http-request auth
    pass,     // allow, accept: the rest of its set is left out
    answer,   // redirect, return: HAProxy answers itself
    upgrade,  // the redirect to https
    backend,  // use_backend
  };
  Act act = Act::refuse;
  const Directive* directive = nullptr;
  Condition condition;
  std::vector<std::vector<Literal>> terms;  // any of; one empty term: always
  std::string backend;
};

// Of one frontend, backend or listen.
struct Rules {
  Acls acls;
  std::vector<std::vector<Rule>> sets;  // what is refused, set by set
  std::vector<Rule> backends;           // use_backend, in order, maps expanded
  std::string fallback;                 // default_backend
  std::uint32_t fallback_line = 0;
};

// Says of each directive that it does not take, and can tell so at once, why. Ledger notes of the others
// follow from what they do.
Rules read_rules(Context& context, const Config& config, const Section& section);

}  // namespace durward::importer

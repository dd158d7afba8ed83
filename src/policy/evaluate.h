// The reference evaluator: what a policy means, written to be obviously right. It walks the model afresh for
// every request and shares nothing with policy/compile below the model. DESIGN §2 is its specification.
//
// A rule's value is three-valued: audience and `when` and not `unless`, each a conjunction in which an
// unknown attribute makes its literal unknown. An allow matches when that value is yes, a deny when it is not
// no; so an unknown never lets anyone in, and never exempts. Someone without a session has roles, acr and
// login age known to be none.
//
// HEAD is judged as GET on every route that does not itself list HEAD, also on a route that takes any method;
// where two equal templates of a host differ in methods, the one that lists HEAD has it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/model.h"
#include "model/subject.h"

namespace durward::policy {

struct Request {
  std::string host;                        // any case, port and one trailing dot are ignored
  std::string method;                      // case-sensitive
  std::string path;                        // raw, before '?'
  std::optional<model::IpAddress> source;  // none = unknown
  std::chrono::sys_seconds at{};
  std::chrono::milliseconds::rep at_fraction_ms = 0;  // ages are compared to the millisecond
};

// Closed list; the same words in the log, the API, the pages and the CLI.
enum class Reason {
  allowed,
  bad_request,     // the path, host or method is refused before policy
  no_host,         // no app serves this host
  no_route,        // no route of the host's apps takes this path and method, or the path is the gateway's own
  denied_by_rule,  // a deny rule matched
  no_rule,         // nothing allows it (default deny)
  login_required,  // anonymous, and some session might be allowed
  acr_required,    // would be allowed after a stronger login
  auth_age_required,  // would be allowed after a fresh login
};
const char* to_string(Reason reason);  // "allowed", "no_route", …
const char* describe(Reason reason);   // one sentence for people

// How a refusal is explained, in this order:
//   signed in  auth_age_required: allowed if this person, as strong as now, had authenticated this instant.
//              acr_required: allowed at some higher level, had they authenticated this instant; acr_needed is
//              the least. denied_by_rule: some deny matches this very request. no_rule: none does.
//   anonymous  login_required: some signed-in subject (any roles, all known; any level; authenticated this
//   instant)
//              would be allowed this request. Else denied_by_rule or no_rule as above.
// age_needed is the greatest login age that would be allowed at the level asked for; none = any, even
// unknown.
struct Verdict {
  bool allow = false;
  Reason reason = Reason::no_rule;
  const model::App* app = nullptr;  // of the route; null when there is none
  const model::Route* route = nullptr;
  std::vector<std::string>
      rules;  // sorted ids: matching allows when allowed, matching denies when denied by rule
  std::string rule() const { return rules.empty() ? std::string() : rules.front(); }
  std::optional<int> acr_needed;  // with acr_required: the least level that would do
  std::optional<std::chrono::seconds>
      age_needed;  // with auth_age_required; with acr_required when that level asks it
};

// Pure; any thread. Pointers in the Verdict are into `model`.
Verdict evaluate(const model::Model& model, const model::Subject& subject, const Request& request);

// The refusals of DESIGN §3 that make a path or a host ambiguous; the reason in words, or nothing when it is
// fine.
std::optional<std::string> ambiguous_path(std::string_view path);
std::optional<std::string> ambiguous_host(std::string_view host);
// Methods that the gateway passes on to nobody: CONNECT, TRACE, and what is not letters and '-'.
std::optional<std::string> refused_method(std::string_view method);

}  // namespace durward::policy

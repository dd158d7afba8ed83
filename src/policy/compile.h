// Partial evaluation (DESIGN §3): an estate becomes policies, and facts about (class, policy).
//
// A *policy* is the canonical access of one or more routes, named by its hash. A *class* is what some policy can
// tell about a subject: roles held, roles unknown, acr level. A *fact* is the verdict for (class, policy token):
// it can be missing or superfluous, never wrong, and is never modified.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "model/model.h"
#include "model/subject.h"

namespace durward::policy {

// Canonical rule: no ids, no spans; lists sorted and unique.
struct CanonicalRule {
  model::Effect effect{};
  model::Who who{};
  std::vector<std::string> any_of, all_of, none_of;
  struct When {
    std::optional<int> acr;
    std::optional<std::chrono::seconds> auth_age;
    std::vector<model::WeeklyWindow> weekly;  // empty = not set
    std::vector<model::Cidr> source;          // empty = not set
    auto operator<=>(const When&) const = default;
  };
  std::optional<When> when, unless;
  auto operator<=>(const CanonicalRule&) const = default;
};

struct Policy {
  std::string name;                   // 'p' + 12 hex digits of the SHA-256 of its canonical form
  std::vector<CanonicalRule> rules;   // sorted, unique; the ordinal of a rule is its index here
  bool open = false;                  // allows every request of anyone, signed in or not: no session is looked up
  std::vector<model::WeeklyWindow> windows;  // distinct; bit i of a slot = windows[i] holds
  std::vector<model::Cidr> sources;          // distinct; membership in each is what a cell tells
  // Cells: disjoint sets of addresses with equal membership. cell_of() gives the number; 0 = in none of `sources`.
  std::vector<std::pair<model::Cidr, unsigned>> cell_rows;  // longest prefix wins
  unsigned cells = 1;
};
using PolicyPtr = std::shared_ptr<const Policy>;

// One row of routing: this route, for these methods, is judged by this policy.
struct RoutePolicy {
  const model::App* app = nullptr;
  const model::Route* route = nullptr;
  std::vector<std::string> methods;  // sorted; empty = every method no other row of the same route names
  PolicyPtr policy;
  // rule_ids[i] = sorted ids, in this app, of the rules whose canonical form is policy->rules[i].
  std::vector<std::vector<std::string>> rule_ids;
};

struct PolicySet {
  model::ModelPtr model;
  std::vector<RoutePolicy> routes;         // in the order of model->all_apps() and their routes
  std::map<std::string, PolicyPtr> policies;  // by name
  std::set<std::string> vocabulary;        // roles that some policy tells apart
  std::vector<std::string> methods;        // every method some route or rule names, plus HEAD when GET is; sorted
};
using PolicySetPtr = std::shared_ptr<const PolicySet>;

// Compiles and reports the static findings (POL…): a rule that can never match, one that is shadowed, a route nobody
// can reach, a route anyone can reach, a wide {**} over a narrower route, an address-only allow. Findings that are
// errors make the result unusable; warnings do not. Pure.
PolicySetPtr compile(model::ModelPtr model, Diagnostics& diagnostics);

// ---- classes and facts -----------------------------------------------------------------------------

struct Class {
  bool signed_in = false;
  int acr = -1;
  std::vector<std::string> roles, unknown_roles;  // within the vocabulary, sorted
  auto operator<=>(const Class&) const = default;
  std::string canonical() const;  // one line, injective
  std::string hash() const;       // SHA-256 of canonical(), hex
};
Class classify(const PolicySet& set, const model::Subject& subject);
Class anonymous_class();

// The policy as seen in one slot of its windows and one cell of its sources.
struct Slice {
  std::uint64_t windows = 0;  // bit i: windows[i] holds
  unsigned cell = 0;
};

struct Fact {
  // login: for the anonymous class, where some session could be allowed what this request asks.
  enum class Kind { allow, deny, step_up, login } kind = Kind::allow;
  std::vector<unsigned> rules;  // ordinals: the allows that match (kind allow) or the denies (kind deny)
  std::optional<std::chrono::seconds> max_age;  // allow: only while authenticated at most this long ago
                                                // step_up: what a new login must satisfy
  int acr = -1;                                 // step_up: the least level that would do
};
// allow with max_age: when older, the answer is auth_age_required. Nothing = default deny.
// An allow whose max_age is finite while another allow has none has no max_age. Pure.
std::optional<Fact> fact(const Policy& policy, const Class& subject_class, const Slice& slice);

// Every slice of a policy that can occur: reachable window sets (over the coming weeks, DST included: take all
// combinations that occur at boundaries in the year after `at`) times cells.
std::vector<Slice> slices(const Policy& policy, std::chrono::sys_seconds at);

// What holds at `at`, and the least instant after it at which that may change.
struct Slot {
  std::uint64_t windows = 0;
  std::chrono::sys_seconds end;
};
Slot slot_at(const Policy& policy, std::chrono::sys_seconds at);

}  // namespace durward::policy

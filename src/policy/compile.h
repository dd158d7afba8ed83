// Partial evaluation (DESIGN §3): an estate becomes policies, and facts about (class, policy).
//
// A *policy* is the canonical access of one or more routes, named by its hash. A *class* is what some policy
// can tell about a subject: roles held, roles unknown, acr level. A *fact* is the verdict for (class, policy
// token): it can be missing or superfluous, never wrong, and is never modified.
//
// Everything here is pure (but for tzdata, where an instant is given), immutable once built, and may be used
// by any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/shared_list.h"
#include "model/model.h"
#include "model/subject.h"
#include "policy/evaluate.h"

namespace durward::policy {

inline constexpr std::size_t windows_per_policy_max = 64;
inline constexpr std::size_t source_lists_per_policy_max = 64;
inline constexpr std::size_t slices_per_policy_max = 1024;

// Canonical rule: no ids, no spans; lists sorted and unique. The role lists are empty unless `who` is roles.
struct CanonicalRule {
  model::Effect effect{};
  model::Who who{};
  std::vector<std::string> any_of{}, all_of{}, none_of{};
  struct When {
    std::optional<int> acr;
    std::optional<std::chrono::seconds> auth_age;
    std::vector<model::WeeklyWindow> weekly;  // empty = not set
    std::vector<model::Cidr> source;          // empty = not set
    auto operator<=>(const When&) const = default;
  };
  std::optional<When> when{}, unless{};
  auto operator<=>(const CanonicalRule&) const = default;
};

// A When, ready to be asked of a slice. What is not set holds.
struct Test {
  std::optional<int> acr;
  std::optional<std::chrono::seconds> auth_age;
  std::uint64_t windows = 0;       // of Policy::windows, any of; 0 = not set
  std::uint64_t source_lists = 0;  // the one bit of Policy::source_lists; 0 = not set
};

struct Policy {
  std::string name;                  // 'p' + 12 hex digits of the SHA-256 of its canonical form
  std::vector<CanonicalRule> rules;  // sorted, unique; the ordinal of a rule is its index here
  bool open = false;  // allows every request of anyone, signed in or not: no session is looked up
  std::vector<model::WeeklyWindow> windows;  // distinct; bit i of a slot = windows[i] holds
  std::vector<model::Cidr> sources;          // distinct; every network that some rule names
  // Cells: disjoint sets of addresses that no rule tells apart. cell_of() gives the number; 0 = in none of
  // `sources`.
  std::vector<std::pair<model::Cidr, unsigned>> cell_rows;  // longest prefix wins
  unsigned cells = 1;

  // Derived from `rules`, for deciding fast.
  struct Tests {
    std::optional<Test> when, unless;
  };
  std::vector<Tests> tests;                            // beside rules
  std::vector<std::vector<model::Cidr>> source_lists;  // distinct `source` conditions
  std::vector<std::uint64_t> cell_lists;               // [cell]: bit i = its addresses are in source_lists[i]
  std::vector<int> levels;                             // acr levels that some rule names, ascending
  std::vector<std::uint64_t>
      week;  // every window set of a week, when all windows are in one zone; else empty
};
using PolicyPtr = std::shared_ptr<const Policy>;

// One row of routing: this route, for these methods, is judged by this policy.
struct RoutePolicy {
  const model::App* app = nullptr;
  const model::Route* route = nullptr;
  // Sorted; empty = every method no other row of the same route names. HEAD stands beside GET in the row of a
  // route that does not list HEAD, unless an equal template of the same app lists it. Across apps that share
  // a host, a route that lists HEAD goes before an equal template whose row has HEAD only because it has GET.
  Frozen<std::vector<std::string>> methods;
  PolicyPtr policy;
  // rule_ids[i] = sorted ids, in this app, of the rules whose canonical form is policy->rules[i].
  Frozen<std::vector<std::vector<std::string>>> rule_ids;
};

struct PolicySet {
  model::ModelPtr model;
  std::vector<RoutePolicy> routes;            // in the order of model->all_apps() and their routes
  std::map<std::string, PolicyPtr> policies;  // by name
  std::set<std::string> vocabulary;           // roles that some policy tells apart
  std::vector<std::string> methods;  // every method some route or rule names, plus HEAD when GET is; sorted
  // Which policies a class can have facts about: those that name a role it holds or may hold, and those that
  // speak of people without naming one. Positions in `index`, which has every policy in the order of names.
  std::vector<const Policy*> index;
  std::map<std::string, std::vector<std::size_t>> index_by_role;
  std::vector<std::size_t> index_for_all;
};
using PolicySetPtr = std::shared_ptr<const PolicySet>;

// Compiles and reports the static findings (POL…, policy/codes.h): a rule that can never match, one that is
// shadowed, a route nobody can reach, a route anyone can reach, a wide {**} over a narrower route, an
// address-only allow. Findings that are errors make the result unusable; warnings do not. Never null.
PolicySetPtr compile(model::ModelPtr model, Diagnostics& diagnostics);

// The row that judges `method` on `route`; null when the route does not take it.
const RoutePolicy* row_of(const PolicySet& set, const model::Route& route, std::string_view method);

// The cell of an address: the row of the longest prefix that contains it, else 0.
unsigned cell_of(const Policy& policy, const model::IpAddress& source);

// ---- classes and facts -----------------------------------------------------------------------------

struct Class {
  bool signed_in = false;
  int acr = -1;
  std::vector<std::string> roles, unknown_roles;  // within the vocabulary, sorted, disjoint
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
  auto operator<=>(const Slice&) const = default;
};

struct Fact {
  // login: for the anonymous class, where some session could be allowed what this request asks.
  enum class Kind { allow, deny, step_up, login } kind = Kind::allow;
  std::vector<unsigned>
      rules;  // ordinals: the allows that match (kind allow) or the denies (kind deny), at any login age
  std::optional<std::chrono::seconds> max_age{};  // allow: only while authenticated at most this long ago
                                                  // step_up: what a new login must satisfy
  int acr = -1;                                   // step_up: the least level that would do
  // Rules that match at some login ages only; leaving them out changes which rules are named, never who gets
  // in. allow: these too while authenticated at most so long ago. deny: these too from then on; with `rules`
  // empty and a younger login the answer is default deny.
  std::vector<std::pair<unsigned, std::chrono::seconds>> aged{};
  auto operator<=>(const Fact&) const = default;
};
// allow with max_age: when older, or of unknown age, the answer is auth_age_required. Nothing = default deny.
// An allow whose max_age is finite while another allow has none has no max_age.
std::optional<Fact> fact(const Policy& policy, const Class& subject_class, const Slice& slice);

// What a fact says of one request; agrees with evaluate().
struct Answer {
  Reason reason = Reason::no_rule;
  std::vector<unsigned> rules{};  // ordinals, sorted
  std::optional<int> acr_needed{};
  std::optional<std::chrono::seconds> age_needed{};
  bool operator==(const Answer&) const = default;
};
// `age`: since the subject authenticated; none = unknown. Of no matter for the anonymous class.
Answer read_fact(const std::optional<Fact>& fact, std::optional<std::chrono::milliseconds> age);

// Every slice of a policy that can occur: the window sets of a week (of the year after `at`, where the
// windows are in several zones, whose clocks shift against each other) times cells. Sorted.
std::vector<Slice> slices(const Policy& policy, std::chrono::sys_seconds at);

// What holds at `at`, and the least instant after it at which that may change; time_point::max() without
// windows.
struct Slot {
  std::uint64_t windows = 0;
  std::chrono::sys_seconds end;
};
Slot slot_at(const Policy& policy, std::chrono::sys_seconds at);

// Calls `each` for every fact there is about one class: all policies, all of slices(policy, at). Visits only
// policies that can say something about the class.
void for_each_fact(const PolicySet& set, const Class& subject_class, std::chrono::sys_seconds at,
                   const std::function<void(const Policy&, const Slice&, const Fact&)>& each);

}  // namespace durward::policy

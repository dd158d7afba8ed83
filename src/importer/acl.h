// ACLs and conditions: what a rule of HAProxy asks of a request.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "importer/addresses.h"
#include "importer/config.h"

namespace durward::importer {

constexpr std::size_t values_max = 20'000;  // of one ACL, those of its files counted; ends in IMP006

// What is looked at. `other` is everything that a route of Durward cannot ask.
enum class Subject { host, path, base, method, source, tls, auth, always, never, other };
enum class Match { exact, prefix, suffix, directory, domain, part, length, expression, found };

// One fetch with its converters, as in "req.hdr(host),lower".
struct Sample {
  Subject subject = Subject::other;
  std::string text;      // as written
  std::string argument;  // of the fetch
  std::vector<std::string> converters;
  Match match = Match::exact;
};
Sample parse_sample(std::string_view text);
Sample parse_map_key(std::string_view text);  // "SAMPLE,map(...)": what the map is asked for

// One `acl` line, or one { } of a condition. Matches when any value does.
struct Criterion {
  Sample sample;
  Match match = Match::exact;
  bool ignore_case = false;
  std::vector<std::string> values;
  Addresses addresses;  // Subject::source: what the values cover
  bool whole = true;    // all of it was understood; else it counts as `other`
  std::uint32_t line = 0;
};

// Criteria of one name. Matches when any of them does.
struct Acl {
  std::string name;  // "" of a { }
  std::vector<Criterion> criteria;
  bool addresses_only() const;
  Addresses addresses() const;  // of an address-only one
  std::vector<std::uint32_t> lines() const;
};
using AclPtr = std::shared_ptr<const Acl>;
using Acls = std::map<std::string, AclPtr>;

struct Literal {
  AclPtr acl;
  bool negated = false;
};

// `if a !b || c`: any of the terms, in each all of the literals. Without one it always holds.
struct Condition {
  bool present = false;
  bool negated = false;  // unless
  bool understood = true;
  std::vector<std::vector<Literal>> terms;
  // Without `unless`: negations pushed down. Nothing when that would be too many terms.
  std::optional<std::vector<std::vector<Literal>>> flat() const;
  std::vector<std::uint32_t> lines() const;  // of the ACLs it names
};

// Those of a section: its own, after those of its defaults and HAProxy's predefined ones.
Acls parse_acls(Context& context, const Section& section);
// Words from `if` or `unless` on; a directive without either has no condition.
Condition parse_condition(Context& context, const Directive& directive, const Acls& acls);
std::size_t condition_at(const Directive& directive);  // index of if/unless, or the count of words

// "path_reg '^/x'" for messages: what of a condition no route of Durward can ask; "" when nothing.
std::string not_askable(const Condition& condition);

}  // namespace durward::importer

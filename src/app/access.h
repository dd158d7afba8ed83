// Who gains and who loses access when one estate takes the place of another: by role for everybody there
// could be, by name for who is logged in.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "model/subject.h"
#include "policy/compile.h"
#include "policy/difference.h"

namespace durward::app {

// A login, judged under either estate.
struct LoggedIn {
  std::string name;  // e-mail, or the provider's word for them; equal names are one person
  model::Subject before;
  std::optional<model::Subject> after;  // none: their login ends
};

// Names of people, sorted, each once.
struct Affected {
  std::vector<std::string> gaining, losing;
};

// Requests that are judged otherwise than before.
struct AccessChange {
  std::string app, route, path, at;  // of the narrower route that takes them; `at` is its place in the bundle
  std::vector<std::string> hosts;
  std::vector<std::string> methods;  // "*" = those that nothing names
  policy::Difference difference;     // by the rules; none where only who holds a role changes
  Affected people;
  bool opens = false;  // to anyone, logged in or not, always
};

struct AccessReport {
  std::vector<AccessChange> changes;     // those that open a route first, then in the order of the bundle
  std::vector<std::string> definitions;  // changes of who holds which role, in words
  bool complete = true;                  // false: a host has too many kinds of paths to look at all
  std::optional<std::size_t> logged_in;  // people, when they were given
  Affected people;
  std::vector<std::string> logged_out;

  // One line: "3 people gain POST /v1/refunds on payments; nobody loses".
  std::string summary() const;
};

// Whether both surely tell people apart alike: providers, roles and ladder stand in the very same files, read
// once.
bool same_people(const model::Model& one, const model::Model& other);

// Pure but for tzdata. `people` none: by role only.
AccessReport compare_access(const policy::PolicySet& before, const policy::PolicySet& after,
                            std::chrono::sys_seconds at, const std::optional<std::vector<LoggedIn>>& people);

// "GET, POST"; HEAD is left out where it only follows GET.
std::string method_words(const std::vector<std::string>& methods);

}  // namespace durward::app

// Subject: a proven identity, as policy sees it. Owned by model so that policy and identity share it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace durward::model {

// An attribute is known to hold, known not to, or unknown (the provider omitted it). On unknown a literal
// is false in an allow and true in a deny, under `unless` too: an unknown never exempts.
enum class Tri { no, yes, unknown };

struct Subject {
  bool signed_in = false;  // false: anonymous; holds no role, known; everything below is empty
  std::string issuer;
  std::string sub;
  std::optional<std::string> email;                   // verified only, lower case
  std::string name;                                   // for display only, never for decisions
  std::set<std::string> roles;                        // held
  std::set<std::string> unknown_roles;                // cannot be told
  int acr = -1;                                       // level on the gateway's ladder; -1 = below it
  std::optional<std::chrono::sys_seconds> auth_time;  // when the person last authenticated; none = unknown

  Tri holds(const std::string& role) const {
    if (roles.contains(role)) return Tri::yes;
    return unknown_roles.contains(role) ? Tri::unknown : Tri::no;
  }
};

}  // namespace durward::model

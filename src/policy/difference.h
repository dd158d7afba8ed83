// What one policy allows and another does not: exact, as boxes over roles, login level, hours, networks and
// the login's age, and in words. Pure but for tzdata; any thread.
//
// People are compared with their roles known. A role that is not known is settled per person (gains()).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policy/compile.h"

namespace durward::policy {

// Two policies that differ in more roles, or into more pieces, than these are not taken apart.
inline constexpr std::size_t differing_roles_max = 12;
inline constexpr std::size_t compared_points_max = 1U << 16;
inline constexpr std::size_t shares_max = 32;  // boxes listed of one difference

// A policy under the ladder its levels count on. No policy: nobody is let in.
struct Side {
  const Policy* policy = nullptr;
  const model::Gateway* gateway = nullptr;  // never null
};

// One box: whoever fits all of it.
struct Share {
  bool anonymous = false, signed_in = false;  // at least one
  std::string who;  // "shop-support or shop-refunds, without shop-approver", "anyone, logged in or not"
  std::vector<std::string>
      when;  // "with otp or above", "Mon-Fri 07:00-19:00 Europe/Berlin", "from 10.0.0.0/8"
  bool open() const { return anonymous && when.empty(); }
  std::string text() const;
};

struct Difference {
  // gained: boxes let in wholly afterwards, of which nobody was before but those who hold further roles.
  // lost: boxes let in wholly before and not at all afterwards.
  std::vector<Share> gained, lost;
  // False: the rules are too many to say who; what stands here then is only whether anyone may gain or lose.
  bool exact = true;
  bool may_gain = false, may_lose = false;
  bool none() const { return !may_gain && !may_lose; }
};

using RolePairs = std::set<std::pair<std::string, std::string>>;  // both orders

struct Axes;  // internal: axes.h

// Two policies, cut along the same lines of time and place.
class Comparison {
 public:
  // `exclusive`: roles that nobody holds together.
  Comparison(const Side& before, const Side& after, std::chrono::sys_seconds at, const RolePairs& exclusive);
  const Difference& difference() const { return difference_; }

  struct Change {
    bool gains = false, loses = false;
  };
  // What changes for one person, who may be of another class afterwards, at their level or any above. Nothing
  // when the two could not be cut alike. `after` none: they are logged out.
  std::optional<Change> change(const Class& before, const std::optional<Class>& after) const;

 private:
  Difference compare(const Axes& axes, const RolePairs& exclusive) const;

  Side before_, after_;
  std::vector<std::chrono::seconds> ages_;  // bounds of login age that some rule names, ascending
  std::optional<Policy> cut_before_, cut_after_, joint_;  // none when the cutting passed a bound
  std::vector<Slice> slices_;
  Difference difference_;
};

}  // namespace durward::policy

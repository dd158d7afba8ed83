#include "policy/difference.h"

#include <algorithm>

#include "base/text.h"
#include "model/phrases.h"
#include "model/words.h"
#include "policy/axes.h"
#include "policy/cells.h"
#include "policy/cover.h"

namespace durward::policy {
namespace {

using std::chrono::seconds;

const std::vector<CanonicalRule>& rules_of(const Side& side) {
  static const std::vector<CanonicalRule> none;
  return side.policy == nullptr ? none : side.policy->rules;
}

bool same_ladder(const Side& a, const Side& b) {
  return a.gateway->acr == b.gateway->acr;
}

// The windows and networks of both, so that one slice is a piece of both.
std::optional<Policy> joined(const Side& before, const Side& after) {
  Policy out;
  std::set_union(rules_of(before).begin(), rules_of(before).end(), rules_of(after).begin(),
                 rules_of(after).end(), std::back_inserter(out.rules));
  std::string problem;
  if (!derive(out, problem)) return std::nullopt;
  return out;
}

// `side`'s rules, to be asked about slices of `joint`.
Policy cut(const Policy& joint, const Side& side) {
  Policy out = joint;
  out.rules.clear();
  out.tests.clear();
  for (std::size_t i = 0; i < joint.rules.size(); ++i) {
    if (!std::binary_search(rules_of(side).begin(), rules_of(side).end(), joint.rules[i])) continue;
    out.rules.push_back(joint.rules[i]);
    out.tests.push_back(joint.tests[i]);
  }
  return out;
}

std::vector<seconds> age_bounds(const Policy& joint) {
  std::set<seconds> out;
  for (const auto& rule : joint.rules)
    for (const auto* asked : {&rule.when, &rule.unless})
      if (*asked && (*asked)->auth_age) out.insert(*(*asked)->auth_age);
  return {out.begin(), out.end()};
}

// How many of the intervals between `bounds`, from the youngest login on, are let in.
std::size_t ages_let_in(const Policy& policy, const Class& who, const Slice& slice,
                        const std::vector<seconds>& bounds) {
  const auto known = fact(policy, who, slice);
  if (!known || known->kind != Fact::Kind::allow) return 0;
  if (!known->max_age) return bounds.size() + 1;
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), *known->max_age);
  return static_cast<std::size_t>(bound - bounds.begin()) + 1;
}

bool exclude(const RolePairs& exclusive, const RoleGroup& a, const RoleGroup& b) {
  const auto clash = [&](const std::string& x, const std::string& y) { return exclusive.contains({x, y}); };
  // An "any" group can be met by any member, an "all" group only by all of them.
  const auto every = [](const RoleGroup& group, auto test) {
    return group.all ? std::any_of(group.roles.begin(), group.roles.end(), test)
                     : std::all_of(group.roles.begin(), group.roles.end(), test);
  };
  return every(a, [&](const auto& x) { return every(b, [&](const auto& y) { return clash(x, y); }); });
}

// The sets of roles that matter, each by a subject that holds it.
class RoleSets {
 public:
  RoleSets(const std::vector<RoleGroup>& groups, const RolePairs& exclusive)
      : groups_(groups), exclusive_(exclusive) {}
  std::size_t size() const { return std::size_t{1} << groups_.size(); }
  bool held(std::size_t set, std::size_t group) const { return set >> (groups_.size() - 1 - group) & 1; }

  std::vector<std::string> roles(std::size_t set) const {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (!held(set, i)) continue;
      const auto& roles = groups_[i].roles;
      out.insert(out.end(), roles.begin(), groups_[i].all ? roles.end() : roles.begin() + 1);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  bool possible(std::size_t set) const {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (!held(set, i)) continue;
      for (const auto& x : groups_[i].roles)
        for (const auto& y : groups_[i].roles)
          if (groups_[i].all && exclusive_.contains({x, y})) return false;
      for (std::size_t j = i + 1; j < groups_.size(); ++j)
        if (held(set, j) && exclude(exclusive_, groups_[i], groups_[j])) return false;
    }
    return true;
  }

 private:
  const std::vector<RoleGroup>& groups_;
  const RolePairs& exclusive_;
};

struct Region {
  std::vector<Point> gained, lost;
  std::vector<char> let_in;  // afterwards
  explicit Region(std::size_t points)
      : gained(points, Point::out), lost(points, Point::out), let_in(points, 0) {}

  // Intervals [0, before) were let in, [0, after) will be.
  void mark(std::size_t base, std::size_t before, std::size_t after) {
    for (std::size_t age = 0; age < after; ++age) let_in[base + age] = 1;
    for (std::size_t age = before; age < after; ++age) gained[base + age] = Point::in;
    for (std::size_t age = after; age < before; ++age) lost[base + age] = Point::in;
  }
  void leave_open(std::size_t base, std::size_t count) {
    for (auto* points : {&gained, &lost})
      std::fill_n(points->begin() + static_cast<std::ptrdiff_t>(base), count, Point::either);
    std::fill_n(let_in.begin() + static_cast<std::ptrdiff_t>(base), count, 1);
  }
};

Axes axes_of(const Side& before, const Side& after, const Policy& joint, const std::vector<Slice>& slices,
             const std::vector<seconds>& ages) {
  Axes out;
  out.roles = role_groups(joint.rules);
  out.levels = level_groups(before, after);
  out.ladder_changed = !same_ladder(before, after);
  for (std::size_t i = 0; i < slices.size(); i += joint.cells) out.windows.push_back(slices[i].windows);
  out.cells = joint.cell_lists;
  out.ages = ages;
  for (const auto& window : joint.windows) out.window_names.push_back(model::print_window(window));
  for (const auto& list : joint.source_lists) {
    std::vector<std::string> networks;
    for (const auto& cidr : list) networks.push_back(cidr.text());
    out.source_names.push_back(join(networks, ", "));
  }
  return out;
}

// Someone without a session and someone with any let in alike: one share.
void merge_open(std::vector<Share>& anonymous, std::vector<Share>& signed_in) {
  for (auto& nobody : anonymous)
    for (auto it = signed_in.begin(); it != signed_in.end(); ++it) {
      if (it->who != model::who_phrase(model::Who::signed_in) || it->when != nobody.when) continue;
      nobody.signed_in = true;
      nobody.who = "anyone, logged in or not";
      signed_in.erase(it);
      break;
    }
}

// Where those who hold a further role were let in already, "without" it need not be said.
void drop_needless_roles(const Axes& axes, const Region& people, std::vector<Box>& boxes) {
  for (auto& box : boxes)
    for (std::size_t i = 0; i < axes.roles.size(); ++i) {
      if (box[i] != std::vector<std::size_t>{0}) continue;
      Box with = box;
      with[i] = {1};
      if (every_point(axes.grid(), with, [&](std::size_t point) { return people.let_in[point] != 0; }))
        box[i] = {0, 1};
    }
  std::sort(boxes.begin(), boxes.end());
  boxes.erase(std::unique(boxes.begin(), boxes.end()), boxes.end());
}

std::vector<Share> shares(const Axes& axes, const std::vector<Box>& anonymous, const std::vector<Box>& people,
                          bool& exact) {
  std::vector<Share> out, others;
  for (const auto& box : anonymous) out.push_back(axes.anonymous_share(box));
  for (const auto& box : people) others.push_back(axes.share(box));
  merge_open(out, others);
  out.insert(out.end(), others.begin(), others.end());
  if (out.size() > shares_max) {
    out.resize(shares_max);
    exact = false;
  }
  return out;
}

// Where boxes cannot be made: certain only in that what is false here does not happen.
Difference coarse(const Side& before, const Side& after) {
  Difference out{.gained = {}, .lost = {}, .exact = false, .may_gain = true, .may_lose = true};
  if (!same_ladder(before, after) || before.policy == nullptr || after.policy == nullptr) return out;
  out.may_gain = !covers(*before.policy, *after.policy);
  out.may_lose = !covers(*after.policy, *before.policy);
  return out;
}

}  // namespace

Comparison::Comparison(const Side& before, const Side& after, std::chrono::sys_seconds at,
                       const RolePairs& exclusive)
    : before_(before), after_(after), joint_(joined(before, after)) {
  if (joint_) {
    cut_before_ = cut(*joint_, before);
    cut_after_ = cut(*joint_, after);
    slices_ = slices(*joint_, at);
    ages_ = age_bounds(*joint_);
  }
  const bool same_rules = rules_of(before) == rules_of(after);
  if (same_rules && (same_ladder(before, after) || (joint_ && joint_->levels.empty()))) return;
  if (!joint_) {
    difference_ = coarse(before, after);
    return;
  }
  const Axes axes = axes_of(before, after, *joint_, slices_, ages_);
  const std::size_t points =
      axes.roles.size() > differing_roles_max ? compared_points_max + 1 : axes.grid().points();
  difference_ = points > compared_points_max ? coarse(before, after) : compare(axes, exclusive);
}

Difference Comparison::compare(const Axes& axes, const RolePairs& exclusive) const {
  const std::size_t intervals = ages_.size() + 1;
  Region anonymous(slices_.size()), people(axes.grid().points());
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const auto let_in = [&](const Policy& policy) {
      return ages_let_in(policy, anonymous_class(), slices_[i], ages_) > 0 ? std::size_t{1} : 0;
    };
    anonymous.mark(i, let_in(*cut_before_), let_in(*cut_after_));
  }
  const RoleSets sets(axes.roles, exclusive);
  std::size_t base = 0;
  for (std::size_t set = 0; set < sets.size(); ++set) {
    const auto roles = sets.roles(set);
    const bool possible = sets.possible(set);
    for (const auto& level : axes.levels)
      for (const auto& slice : slices_) {
        const Class was{.signed_in = true, .acr = level.before, .roles = roles, .unknown_roles = {}};
        const Class is{.signed_in = true, .acr = level.after, .roles = roles, .unknown_roles = {}};
        if (possible)
          people.mark(base, ages_let_in(*cut_before_, was, slice, ages_),
                      ages_let_in(*cut_after_, is, slice, ages_));
        else
          people.leave_open(base, intervals);
        base += intervals;
      }
  }
  Difference out;
  const Grid nobodies = axes.anonymous_grid();
  auto gained = cover(axes.grid(), people.gained);
  drop_needless_roles(axes, people, gained);
  out.gained = shares(axes, cover(nobodies, anonymous.gained), gained, out.exact);
  out.lost = shares(axes, cover(nobodies, anonymous.lost), cover(axes.grid(), people.lost), out.exact);
  out.may_gain = !out.gained.empty();
  out.may_lose = !out.lost.empty();
  return out;
}

std::optional<Comparison::Change> Comparison::change(const Class& before,
                                                     const std::optional<Class>& after) const {
  if (!joint_) return std::nullopt;
  Change out;
  const auto compare_at = [&](const Class& was, const std::optional<Class>& is) {
    for (const auto& slice : slices_) {
      const std::size_t had = ages_let_in(*cut_before_, was, slice, ages_);
      const std::size_t has = is ? ages_let_in(*cut_after_, *is, slice, ages_) : 0;
      out.gains |= has > had;
      out.loses |= had > has;
    }
  };
  compare_at(before, after);
  // A stronger login of the same person.
  for (const auto& level : level_groups(before_, after_)) {
    const bool stronger = level.before > before.acr || (after && level.after > after->acr);
    if (!stronger) continue;
    Class was = before;
    was.acr = std::max(was.acr, level.before);
    std::optional<Class> is = after;
    if (is) is->acr = std::max(is->acr, level.after);
    compare_at(was, is);
  }
  return out;
}

}  // namespace durward::policy

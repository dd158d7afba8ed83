#include "policy/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "model/phrases.h"

namespace durward::policy {
namespace {

using Names = std::vector<std::string>;
using Values = std::vector<std::size_t>;

constexpr std::size_t names_said_max = 8;

std::string said(Names names, const char* last) {
  if (names.size() > names_said_max) {
    const std::size_t more = names.size() - names_said_max;
    names.resize(names_said_max);
    names.push_back(fmt::format("{} more", more));
  }
  return model::listed(names, last);
}

bool has(const Values& values, std::size_t value) {
  return std::binary_search(values.begin(), values.end(), value);
}

// ---- who

std::string who_of(const std::vector<RoleGroup>& groups, const Box& box) {
  Names held, lacking, lacking_one;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (box[i].size() == 2) continue;
    const auto& group = groups[i];
    const bool yes = box[i].front() == 1;
    if (yes)
      held.push_back(said(group.roles, group.all ? " and " : " or "));
    else if (group.all && group.roles.size() > 1)
      lacking_one.push_back("not all of " + said(group.roles, " and "));
    else
      lacking.insert(lacking.end(), group.roles.begin(), group.roles.end());
  }
  std::string out = held.empty() ? model::who_phrase(model::Who::signed_in) : join(held, ", and ");
  if (!lacking.empty()) out += ", without " + said(lacking, " or ");
  for (const auto& words : lacking_one) out += ", " + words;
  return out;
}

// ---- when

std::string level_words(const Axes& axes, const Values& chosen) {
  if (chosen.size() == axes.levels.size()) return "";
  const bool suffix =
      chosen.back() + 1 == axes.levels.size() && chosen.back() - chosen.front() + 1 == chosen.size();
  const bool prefix = chosen.front() == 0 && chosen.back() + 1 == chosen.size();
  if (!axes.ladder_changed && suffix)
    return "with " + axes.levels[chosen.front()].names.front() + " or above";
  if (!axes.ladder_changed && prefix) return "below " + axes.levels[chosen.size()].names.front();
  Names names;
  for (const std::size_t value : chosen)
    for (const auto& name : axes.levels[value].names)
      names.push_back(name.empty() ? "no level of the ladder" : name);
  return "with " + said(names, " or ");
}

std::string age_words(const std::vector<std::chrono::seconds>& bounds, const Values& chosen) {
  // What one side allows and the other does not is an interval.
  std::string out;
  if (chosen.front() > 0)
    out = "a login more than " + model::duration_text(bounds[chosen.front() - 1]) + " old";
  if (chosen.back() < bounds.size()) {
    const std::string most = model::duration_text(bounds[chosen.back()]);
    out += out.empty() ? "a login at most " + most + " old" : " and at most " + most;
  }
  return out;
}

struct Told {
  std::string in, out;
};

// Which values were chosen, by the named sets (bits) they are in. Tries the plain ways first.
std::string set_words(const std::vector<std::uint64_t>& values, const Values& chosen, const Names& names,
                      const Told& told) {
  if (chosen.size() == values.size()) return "";
  std::uint64_t inside_only = ~std::uint64_t{0}, outside_only = ~std::uint64_t{0};
  std::uint64_t all = ~std::uint64_t{0}, some = 0, elsewhere = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (has(chosen, i)) {
      outside_only &= ~values[i];
      all &= values[i];
      some |= values[i];
    } else {
      inside_only &= ~values[i];
      elsewhere |= values[i];
    }
  }
  const auto in_any = [](std::uint64_t bits) { return [bits](std::uint64_t v) { return (v & bits) != 0; }; };
  const auto every = [&](bool of_chosen, auto test) {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (has(chosen, i) == of_chosen && !test(values[i])) return false;
    return true;
  };
  const auto named = [&](std::uint64_t bits, const char* last) {
    Names out;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (bits >> i & 1) out.push_back(names[i]);
    return said(out, last);
  };
  // Sets that hold chosen values only, and together all of them; or the reverse.
  const std::uint64_t within = inside_only & some, without = outside_only & elsewhere;
  if (every(true, in_any(within))) return told.in + named(within, " or ");
  if (every(false, in_any(without))) return told.out + named(without, " or ");
  if (every(false, [&](std::uint64_t v) { return (v & all) != all || (v & without) != 0; }))
    return told.in + named(all, " and ") +
           (without == 0 ? "" : " but " + (told.out + named(without, " or ")));
  // One by one: in just these sets and no other.
  Names parts;
  for (const std::size_t i : chosen) {
    const std::uint64_t others = (some | elsewhere) & ~values[i];
    const std::string in = values[i] == 0 ? "" : told.in + named(values[i], " and ");
    const std::string out = others == 0 ? "" : told.out + named(others, " or ");
    parts.push_back(in + (in.empty() || out.empty() ? "" : " but ") + out);
  }
  return join(parts, "; or ");
}

std::vector<std::string> time_and_place(const Axes& axes, const Values& windows, const Values& cells) {
  std::vector<std::string> out;
  out.push_back(set_words(axes.windows, windows, axes.window_names, {"", "outside "}));
  out.push_back(set_words(axes.cells, cells, axes.source_names, {"from ", "from elsewhere than "}));
  return out;
}

void drop_empty(std::vector<std::string>& words) {
  words.erase(std::remove(words.begin(), words.end(), ""), words.end());
}

}  // namespace

std::string Share::text() const {
  return when.empty() ? who : who + "; " + join(when, "; ");
}

Grid Axes::grid() const {
  Grid out{.sizes = std::vector<std::size_t>(roles.size(), 2)};
  out.sizes.insert(out.sizes.end(), {levels.size(), windows.size(), cells.size(), ages.size() + 1});
  return out;
}

Grid Axes::anonymous_grid() const {
  return {.sizes = {windows.size(), cells.size()}};
}

Share Axes::share(const Box& box) const {
  Share out{.anonymous = false, .signed_in = true, .who = who_of(roles, box), .when = {}};
  const std::size_t rest = roles.size();
  out.when = {level_words(*this, box[rest]), age_words(ages, box[rest + 3])};
  for (auto& words : time_and_place(*this, box[rest + 1], box[rest + 2]))
    out.when.push_back(std::move(words));
  drop_empty(out.when);
  return out;
}

Share Axes::anonymous_share(const Box& box) const {
  Share out{.anonymous = true,
            .signed_in = false,
            .who = model::who_phrase(model::Who::anonymous),
            .when = time_and_place(*this, box[0], box[1])};
  drop_empty(out.when);
  return out;
}

std::vector<RoleGroup> role_groups(const std::vector<CanonicalRule>& rules) {
  struct Uses {
    std::string signature;  // in which lists of which rules
    bool any = false, all = false;
  };
  std::map<std::string, Uses> uses;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto& rule = rules[i];
    for (const auto& [list, letter] :
         {std::pair{&rule.any_of, 'a'}, {&rule.none_of, 'n'}, {&rule.all_of, 'l'}}) {
      for (const auto& role : *list) {
        auto& use = uses[role];
        use.signature += fmt::format("{}{} ", letter, i);
        (letter == 'l' ? use.all : use.any) = true;
      }
    }
  }
  std::map<std::string, RoleGroup> groups;
  for (const auto& [role, use] : uses) {
    // A role of lists of both kinds stands alone: "any of" and "all of" a group would be two questions.
    auto& group = groups[use.any && use.all ? use.signature + role : use.signature];
    group.all = use.all && !use.any;
    group.roles.push_back(role);
  }
  std::vector<RoleGroup> out;
  for (auto& [signature, group] : groups) out.push_back(std::move(group));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.roles < b.roles; });
  return out;
}

std::vector<LevelGroup> level_groups(const Side& before, const Side& after) {
  const auto find = [](const Side& side, const std::string& name) {
    const auto& ladder = side.gateway->acr;
    const auto it =
        std::find_if(ladder.begin(), ladder.end(), [&](const auto& level) { return level.value == name; });
    return it == ladder.end() ? -1 : static_cast<int>(it - ladder.begin());
  };
  Names names{""};
  for (const auto& level : after.gateway->acr) names.push_back(level.value);
  for (const auto& level : before.gateway->acr)
    if (find(after, level.value) < 0) names.push_back(level.value);
  // How many of the levels that a policy names a login has reached: all that it can see.
  const auto reached = [](const Side& side, int position) {
    if (side.policy == nullptr) return std::ptrdiff_t{0};
    const auto& levels = side.policy->levels;
    return std::upper_bound(levels.begin(), levels.end(), position) - levels.begin();
  };
  std::vector<LevelGroup> out;
  std::optional<std::pair<std::ptrdiff_t, std::ptrdiff_t>> last;
  for (const auto& name : names) {
    const LevelGroup level{.names = {name}, .before = find(before, name), .after = find(after, name)};
    const std::pair seen(reached(before, level.before), reached(after, level.after));
    if (last == seen)
      out.back().names.push_back(name);
    else
      out.push_back(level);
    last = seen;
  }
  return out;
}

}  // namespace durward::policy

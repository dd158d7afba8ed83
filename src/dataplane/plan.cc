#include "dataplane/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"

namespace durward::dataplane {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;  // section, line

Lines lines_of(const std::string& config) {
  Lines out;
  std::string section;
  for (auto& line : split(config, '\n')) {
    // The head names the generation; comments name bundle lines: neither changes what HAProxy does.
    if (const auto comment = line.find("  # "); comment != std::string::npos) line.resize(comment);
    if (line.empty() || line.front() == '#' || line.starts_with("    #")) continue;
    if (line.starts_with("    set-var proc.generation ")) continue;
    if (line.front() != ' ') section = line;
    out.emplace_back(section, line);
  }
  return out;
}

void compare_configs(const std::string& current, const std::string& wanted, Plan& plan) {
  const Lines before = lines_of(current);
  const Lines after = lines_of(wanted);
  if (before == after) return;
  std::map<std::pair<std::string, std::string>, int> balance;
  for (const auto& line : before) --balance[line];
  for (const auto& line : after) ++balance[line];
  for (const auto& line : before)
    if (balance[line] < 0) plan.config.push_back("-" + line.second), ++balance[line];
  std::string section = "the order of sections";
  for (const auto& line : after)
    if (balance[line] > 0) plan.config.push_back("+" + line.second), --balance[line];
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    if (i < before.size() && i < after.size() && before[i] == after[i]) continue;
    section = i < after.size() ? after[i].first : before[i].first;
    break;
  }
  plan.kind = Plan::Kind::reload;
  plan.reason = fmt::format("'{}' changes, which HAProxy reads only when it starts", section);
}

void compare_maps(const generation::Generation& current, const generation::Generation& wanted, Plan& plan) {
  for (const auto& [name, rows] : wanted.maps) {
    const auto found = current.maps.find(name);
    const std::map<std::string, std::string> before(
        found == current.maps.end() ? generation::Rows::const_iterator{} : found->second.begin(),
        found == current.maps.end() ? generation::Rows::const_iterator{} : found->second.end());
    MapChange change{name};
    std::set<std::string> seen;
    for (const auto& [key, value] : rows) {
      const auto old = before.find(key);
      if (old == before.end())
        ++change.added;
      else if (old->second != value)
        ++change.changed;
      if (old != before.end()) seen.insert(key);
    }
    change.removed = before.size() - seen.size();
    if (change.added + change.removed + change.changed > 0) plan.maps.push_back(change);
  }
  std::stable_partition(plan.maps.begin(), plan.maps.end(),
                        [](const auto& c) { return c.map != "routes.map"; });
}

}  // namespace

bool same_config(const std::string& a, const std::string& b) {
  return lines_of(a) == lines_of(b);
}

Plan diff(const generation::Generation* current, const generation::Generation& wanted) {
  Plan plan;
  if (!current) {
    plan.kind = Plan::Kind::reload;
    plan.reason = "nothing is applied yet";
    return plan;
  }
  compare_configs(current->config, wanted.config, plan);
  compare_maps(*current, wanted, plan);
  if (plan.kind == Plan::Kind::nothing && !plan.maps.empty()) plan.kind = Plan::Kind::maps;
  return plan;
}

}  // namespace durward::dataplane

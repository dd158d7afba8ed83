#include "dataplane/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

namespace durward::dataplane {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;  // section, line

// The lines of a configuration that make a difference, one after the other.
class Reader {
 public:
  explicit Reader(std::string_view config) : rest_(config) {}

  std::optional<std::string_view> next() {
    while (!rest_.empty()) {
      const auto end = rest_.find('\n');
      std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      // The head names the generation; comments name bundle lines: neither changes what HAProxy does.
      if (const auto comment = line.find("  # "); comment != std::string_view::npos)
        line = line.substr(0, comment);
      if (line.empty() || line.front() == '#' || line.starts_with("    #")) continue;
      if (line.starts_with("    set-var proc.generation ")) continue;
      return line;
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

Lines lines_of(const std::string& config) {
  Lines out;
  std::string section;
  Reader reader(config);
  while (const auto line = reader.next()) {
    if (line->front() != ' ') section = *line;
    out.emplace_back(section, *line);
  }
  return out;
}

bool same_lines(std::string_view a, std::string_view b) {
  Reader left(a), right(b);
  for (;;) {
    const auto x = left.next(), y = right.next();
    if (x != y) return false;
    if (!x) return true;
  }
}

// The backends of all apps are most of it, and seldom change.
bool same_configs(const generation::Generation& a, const generation::Generation& b) {
  const std::string_view x = a.config, y = b.config;
  if (x.substr(a.backends_at) != y.substr(b.backends_at)) return same_lines(x, y);
  return same_lines(x.substr(0, a.backends_at), y.substr(0, b.backends_at));
}

void compare_configs(const generation::Generation& current, const generation::Generation& wanted,
                     Plan& plan) {
  if (same_configs(current, wanted)) return;
  const Lines before = lines_of(current.config);
  const Lines after = lines_of(wanted.config);
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

// Both are sorted by key.
MapChange compare_rows(const std::string& name, const generation::SharedRows& before,
                       const generation::SharedRows& after) {
  MapChange out{.map = name};
  auto old = before.begin();
  for (auto at = after.begin(); at != after.end(); ++at) {
    if (old != before.end() && old.same_element(at)) {
      ++old;
      continue;
    }
    const auto& row = *at;
    for (; old != before.end() && old->first < row.first; ++old) out.gone.push_back(*old);
    if (old == before.end() || old->first != row.first)
      out.fresh.push_back(row);
    else if ((old++)->second != row.second)
      out.other.push_back(row);
  }
  for (; old != before.end(); ++old) out.gone.push_back(*old);
  out.added = out.fresh.size();
  out.changed = out.other.size();
  out.removed = out.gone.size();
  if (out.added + out.changed + out.removed > rows_listed_max) {
    out.fresh.clear();
    out.other.clear();
    out.gone.clear();
  }
  return out;
}

void compare_maps(const generation::Generation& current, const generation::Generation& wanted, Plan& plan) {
  const generation::SharedRows none;
  for (const auto& [name, rows] : wanted.maps) {
    const auto found = current.maps.find(name);
    MapChange change = compare_rows(name, found == current.maps.end() ? none : found->second, rows);
    if (change.added + change.removed + change.changed > 0) plan.maps.push_back(std::move(change));
  }
  std::stable_partition(plan.maps.begin(), plan.maps.end(),
                        [](const auto& c) { return c.map != "routes.map"; });
}

}  // namespace

bool same_config(const std::string& a, const std::string& b) {
  return same_lines(a, b);
}

Plan diff(const generation::Generation* current, const generation::Generation& wanted) {
  Plan plan;
  if (!current) {
    plan.kind = Plan::Kind::reload;
    plan.reason = "nothing is applied yet";
    return plan;
  }
  compare_configs(*current, wanted, plan);
  compare_maps(*current, wanted, plan);
  if (plan.kind == Plan::Kind::nothing && !plan.maps.empty()) plan.kind = Plan::Kind::maps;
  return plan;
}

}  // namespace durward::dataplane

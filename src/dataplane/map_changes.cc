#include "dataplane/map_changes.h"

#include <algorithm>

namespace durward::dataplane {
namespace {

constexpr const char* routes_map = "routes.map";
constexpr std::size_t routes_changed_max = 16;  // each costs HAProxy 2.6 a walk through the map
constexpr std::size_t former_max = 4'096;       // rows of one map

bool is_leaf(const std::string& value) {
  return !value.starts_with('>') && !value.starts_with('=');
}

// Which states of the automaton there are and how they lead to each other stays; some end in another row.
bool leaves_only(const MapChange& change, const generation::SharedRows& before) {
  if (change.other.size() > routes_changed_max || !change.fresh.empty() || !change.gone.empty()) return false;
  return std::ranges::all_of(change.other, [&](const auto& row) {
    const auto old = std::lower_bound(before.begin(), before.end(), row.first,
                                      [](const auto& r, const std::string& key) { return r.first < key; });
    return is_leaf(row.second) && old != before.end() && is_leaf(old->second);
  });
}

const generation::SharedRows& rows_of(const generation::Generation& generation, const std::string& map) {
  static const generation::SharedRows none;
  const auto found = generation.maps.find(map);
  return found == generation.maps.end() ? none : found->second;
}

}  // namespace

// Until the routes flip, requests are judged by the old policies, whose sources, for one, must still be
// there. routes.map itself is what flips.
Status MapChanges::whole(const MapChange& change, const generation::SharedRows& before,
                         const generation::SharedRows& wanted) {
  auto& former = former_[change.map];
  former.clear();
  if (change.map == routes_map)
    return live_.replace_map("maps/" + change.map, {wanted.begin(), wanted.end()});
  std::map<std::string, std::string> both(wanted.begin(), wanted.end());
  for (const auto& row : before)
    if (both.insert(row).second) former.insert(row);
  return live_.replace_map("maps/" + change.map, {both.begin(), both.end()});
}

Status MapChanges::apply(const MapChange& change, const generation::Generation& before,
                         const generation::Generation& wanted) {
  auto& former = former_[change.map];
  const auto& old = rows_of(before, change.map);
  const bool few =
      change.map == routes_map ? leaves_only(change, old) : former.size() + change.gone.size() <= former_max;
  if (!change.listed() || !few) return whole(change, old, rows_of(wanted, change.map));
  generation::Rows fresh, other = change.other;
  for (const auto& row : change.fresh) {
    const auto kept = former.find(row.first);
    if (kept == former.end()) {
      fresh.push_back(row);
      continue;
    }
    if (kept->second != row.second) other.push_back(row);
    former.erase(kept);
  }
  if (auto done = live_.change_rows("maps/" + change.map, fresh, other); !done) return done;
  former.insert(change.gone.begin(), change.gone.end());
  return {};
}

}  // namespace durward::dataplane

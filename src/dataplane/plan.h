// diff: what it takes to get from the generation HAProxy runs to the wanted one. Pure; nothing is sent here.
#pragma once

#include <string>
#include <vector>

#include "generation/generation.h"

namespace durward::dataplane {

// Up to so many rows a change names them; beyond, the map is sent whole.
inline constexpr std::size_t rows_listed_max = 256;

struct MapChange {
  std::string map;  // "routes.map"
  std::size_t added = 0, removed = 0, changed = 0;
  generation::Rows fresh{}, gone{}, other{};  // with the new values; empty when there are too many
  bool listed() const { return fresh.size() + gone.size() + other.size() == added + removed + changed; }
};

struct Plan {
  enum class Kind { nothing, maps, reload } kind = Kind::nothing;
  std::string reason;               // of a reload: the first section that differs, in words
  std::vector<MapChange> maps;      // in the order of sending; routes.map, which flips the policies, is last
  std::vector<std::string> config;  // lines of haproxy.cfg that go ("-…") and come ("+…")
};

// `current` may be null (nothing runs): a reload with that reason.
Plan diff(const generation::Generation* current, const generation::Generation& wanted);

// Whether a HAProxy that was started with one would do the same with the other.
bool same_config(const std::string& a, const std::string& b);

}  // namespace durward::dataplane

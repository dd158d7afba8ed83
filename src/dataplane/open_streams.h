// Finds and cuts open streams of the serving worker. The table of streams names each by the number that
// HAProxy gave it, but only its pointer can be cut, and one dump of all streams costs HAProxy a tenth of a
// second for 5 000 of them. So pointers are remembered, and only streams that came since are asked for.
// Reconciler's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "dataplane/runtime_api.h"

namespace durward::dataplane {

class OpenStreams {
 public:
  using Ids = std::set<std::uint64_t>;
  explicit OpenStreams(RuntimeApi& api) : api_(api) {}
  // Cuts `wanted`, some of `open`, which are all that the table names at present. How many were there to be
  // cut.
  Result<std::size_t> cut(const Ids& wanted, const Ids& open);
  void forget() { pointers_.clear(); }  // another worker serves

 private:
  Status learn(const Ids& open);
  RuntimeApi& api_;
  std::map<std::uint64_t, std::string> pointers_;  // of open streams, by number
};

}  // namespace durward::dataplane

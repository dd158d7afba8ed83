// From one generation's map to the next one's, in a running HAProxy: row by row where that is few commands
// and no request could meet half of the change; else by a staged whole and one commit.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "dataplane/live.h"
#include "dataplane/plan.h"
#include "generation/generation.h"

namespace durward::dataplane {

class MapChanges {
 public:
  explicit MapChanges(Live& live) : live_(live) {}

  Status apply(const MapChange& change, const generation::Generation& before,
               const generation::Generation& wanted);
  void forget() { former_.clear(); }  // after a resync, HAProxy holds what a generation says and no more

 private:
  Status whole(const MapChange& change, const generation::SharedRows& before,
               const generation::SharedRows& wanted);

  Live& live_;
  // Rows that HAProxy holds beyond those of its generation, by map: nothing leads to them any more, and to
  // remove one costs HAProxy 2.6 a walk through the map.
  std::map<std::string, std::map<std::string, std::string>> former_;
};

}  // namespace durward::dataplane

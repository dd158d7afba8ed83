// Maps with many rows that change all the time (identities, which are signed anew before they end, and
// verdicts, of which those of former policies are no longer asked for) are written anew in a version beside
// the one in force, a slice at a time, and then take its place. To change or remove a row costs HAProxy 2.6 a
// walk through the whole map.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/live.h"
#include "dataplane/mirror.h"

namespace durward::dataplane {

class Renewal {
 public:
  struct Options {
    std::chrono::seconds identity_lifetime;  // no row in force was signed longer ago than this
    std::size_t garbage_min = 10'000;        // verdict rows nobody asks for: below this they may stay
    std::chrono::seconds grace{60};          // longer than any request spends deciding
  };
  Renewal(Mirror& mirror, Live& live, Options options) : mirror_(mirror), live_(live), options_(options) {}

  bool busy() const { return map_ != Map::none; }
  // Begins what is due, or does a slice of what has begun: a few milliseconds at most.
  Status step(sys_seconds now);
  // After a resync, which has sent everything.
  void restart(sys_seconds now);
  // Before policies change: what is staged would lack their facts.
  void abandon();
  void policies_changed(sys_seconds now) { policies_changed_ = now; }
  std::size_t done() const { return done_; }

 private:
  enum class Map { none, identities, verdicts };
  std::chrono::seconds young() const;
  Status begin(Map map, sys_seconds now);
  Status slice(sys_seconds now);
  Status finish(sys_seconds now);

  Mirror& mirror_;
  Live& live_;
  Options options_;
  Map map_ = Map::none;
  std::string last_key_;                // identities: up to here they are staged
  std::vector<std::uint32_t> classes_;  // verdicts: still to be staged
  std::optional<std::pair<std::string, std::string>> sample_;
  sys_seconds began_{}, identities_due_{}, policies_changed_{};
  std::size_t done_ = 0;
};

}  // namespace durward::dataplane

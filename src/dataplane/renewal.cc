#include "dataplane/renewal.h"

#include <algorithm>

#include "generation/rows.h"

namespace durward::dataplane {
namespace {

constexpr std::size_t identities_a_slice = 32;  // most of its time is signing
constexpr std::size_t rows_a_slice = 500;
// A row that was signed a moment ago need not be signed again: less than this share of its life.
constexpr int young_share = 10;

}  // namespace

Status Renewal::step(sys_seconds now) {
  if (busy()) return slice(now);
  if (now >= identities_due_) return begin(Map::identities, now);
  const bool garbage = mirror_.garbage() > std::max(options_.garbage_min, mirror_.facts() / 2);
  if (garbage && now >= policies_changed_ + options_.grace) return begin(Map::verdicts, now);
  return {};
}

void Renewal::restart(sys_seconds now) {
  abandon();
  mirror_.forget_garbage();
  identities_due_ = now + options_.identity_lifetime / 2;
}

void Renewal::abandon() {
  map_ = Map::none;
  live_.stage_ends();
}

std::chrono::seconds Renewal::young() const {
  return options_.identity_lifetime / young_share;
}

Status Renewal::begin(Map map, sys_seconds now) {
  const bool identities = map == Map::identities;
  if (auto begun = live_.stage_begins(identities ? generation::identities_map : generation::verdicts_map);
      !begun)
    return begun;
  map_ = map;
  began_ = now;
  last_key_.clear();
  sample_.reset();
  classes_ = identities ? std::vector<std::uint32_t>() : mirror_.class_numbers();
  return {};
}

Status Renewal::slice(sys_seconds now) {
  generation::Rows rows;
  if (map_ == Map::identities) {
    auto next = mirror_.renew_identities(last_key_, identities_a_slice, young(), now);
    if (!next) return tl::unexpected(next.error());
    rows = std::move(*next);
  } else {
    while (!classes_.empty() && rows.size() < rows_a_slice) {
      mirror_.facts_of(classes_.back(), now, rows);
      classes_.pop_back();
    }
  }
  if (!rows.empty()) sample_ = rows.back();
  if (auto done = live_.stage(rows, last_key_); !done) return done;
  const bool all = map_ == Map::identities ? last_key_.empty() : classes_.empty();
  return all ? finish(now) : Status{};
}

Status Renewal::finish(sys_seconds now) {
  if (auto done = live_.stage_commits(sample_); !done) return done;
  ++done_;
  if (map_ == Map::verdicts) {
    mirror_.forget_garbage();
  } else {
    // The next round takes as long as this one did, and must be over in time.
    const auto took = now - began_;
    identities_due_ =
        began_ + std::max(options_.identity_lifetime / 2, options_.identity_lifetime - 2 * took - young());
  }
  map_ = Map::none;
  return {};
}

}  // namespace durward::dataplane

// The small estate of the live figures, and people who are signed in to it already: what matters there is
// what happens while something changes, so all of it is reached over TLS as people reach it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace durward::bench {

struct LiveEstate {
  std::uint16_t port = 0, upstream_port = 0;
  unsigned timeouts = 30;  // another value is another haproxy.cfg: a reload
  unsigned rules = 0;      // another value is another policy: maps only
};
inline constexpr const char* live_host = "app.bench.test";

// The whole bundle, certificates included, into a directory of ours.
Status write_live_bundle(const LiveEstate& estate, const std::string& directory);

// Who is signed in from the start. Everybody holds `staff`, and one of fifty other roles.
struct People {
  std::size_t count = 0;
  std::size_t crowds = 0;  // the first ones are so many people with `crowd_size` logins each

  static constexpr std::size_t crowd_size = 1'000;
  static std::string token(std::size_t index);  // of the session on live_host
  static std::string login(std::size_t index);
  std::string email(std::size_t index) const;
};

// Writes them to the store's file as the session module spells them, in bulk; nobody else may have it open.
Status sign_in(const People& people, const std::string& database);

}  // namespace durward::bench

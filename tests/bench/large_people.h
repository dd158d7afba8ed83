// People signed in to the large estate before it is served: each of a class of their own.
#pragma once

#include <set>
#include <string>

#include "large_estate.h"

namespace durward::bench {

struct LargePeople {
  std::size_t count = 10'000;
  // Every tenth holds `popular_role`, too.
  static bool popular(std::size_t index) { return index % 10 == 0; }
  static std::string token(std::size_t index);  // of the session on `host`
  static std::string host(std::size_t index);   // an app's, the first when popular
};

// Half of a team's ten roles, another half for another index: 25 200 in all.
std::set<std::string> half_of_team(const LargeEstate& estate, std::size_t index);
std::size_t team_of_person(const LargeEstate& estate, std::size_t index);

// Writes them to the store's file; nobody else may have it open. They authenticated half an hour ago.
Status sign_in_large(const LargeEstate& estate, const LargePeople& people, const std::string& database);

}  // namespace durward::bench

#include "large_people.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "policy/compile.h"
#include "signed_in.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;

constexpr unsigned team_roles = 10;

// The n-th way to choose five of ten.
std::vector<unsigned> fifth_of_ten(std::size_t n) {
  std::vector<bool> chosen(team_roles, false);
  std::fill(chosen.begin(), chosen.begin() + team_roles / 2, true);
  for (std::size_t i = 0; i < n % 252; ++i) std::prev_permutation(chosen.begin(), chosen.end());
  std::vector<unsigned> out;
  for (unsigned i = 0; i < team_roles; ++i)
    if (chosen[i]) out.push_back(i);
  return out;
}

void add(const LargeEstate& estate, std::size_t index, std::chrono::sys_seconds now,
         store::Transaction& out) {
  session::Login login;
  login.id = text_of('l', index, 22);
  login.provider = "bench";
  auto& who = login.subject;
  who.signed_in = true;
  who.issuer = estate.issuer;
  who.sub = fmt::format("person-{}", index);
  who.email = who.sub + "@bench.test";
  who.roles = half_of_team(estate, index);
  if (LargePeople::popular(index)) who.roles.insert(popular_role);
  who.auth_time = now - 30min;
  login.claims = fmt::format(
      R"({{"iss":"{}","sub":"{}","email":"{}","email_verified":true,"auth_time":{},"groups":["{}"]}})",
      who.issuer, who.sub, *who.email, who.auth_time->time_since_epoch().count(),
      fmt::join(who.roles, R"(",")"));
  // Not their last activity so long ago as their login: they would have idled out.
  login.created = now - 1min;
  login.absolute_end = now + 9h;
  login.idle = 30min;
  login.login_key = session::session_key("login.bench.test", "a" + text_of('c', index, 43));
  put_signed_in(login, LargePeople::host(index),
                session::session_key(LargePeople::host(index), LargePeople::token(index)), now, out);
  // Its class has a number already, as after earlier logins: each costs a transaction of its own.
  policy::Class one;
  one.signed_in = true;
  one.acr = who.acr;
  one.roles.assign(who.roles.begin(), who.roles.end());
  out.puts.push_back({"class/" + one.hash(), fmt::format("{} {}", index + 1, one.canonical())});
}

}  // namespace

std::string LargePeople::token(std::size_t index) {
  return "a" + text_of('t', index, 43);
}

std::string LargePeople::host(std::size_t index) {
  return large_host(popular(index) ? 0U : static_cast<unsigned>(index % 100));
}

std::size_t team_of_person(const LargeEstate& estate, std::size_t index) {
  return index % (estate.apps / estate.apps_per_team);
}

std::set<std::string> half_of_team(const LargeEstate& estate, std::size_t index) {
  const std::size_t teams = estate.apps / estate.apps_per_team;
  std::set<std::string> out;
  for (const unsigned role : fifth_of_ten(index / teams))
    out.insert(large_role(static_cast<unsigned>(team_of_person(estate, index)) * team_roles + role));
  return out;
}

Status sign_in_large(const LargeEstate& estate, const LargePeople& people, const std::string& database) {
  store::Transaction next;
  next.puts.push_back({"class-next", std::to_string(people.count + 1)});
  const auto each = [&](std::size_t index, auto now, auto& out) { add(estate, index, now, out); };
  return write_people(database, people.count, each, next);
}

}  // namespace durward::bench

#include "signed_in.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "store/sqlite_store.h"
#include "sys/clock.h"

namespace durward::bench {
namespace {

constexpr std::size_t people_per_transaction = 1'000;

}  // namespace

std::string text_of(char kind, std::size_t index, std::size_t characters) {
  std::string out = base64url(sha256(fmt::format("{}{}", kind, index)));
  out.resize(characters, 'A');
  return out;
}

void put_signed_in(session::Login login, const std::string& host, const std::string& key,
                   std::chrono::sys_seconds now, store::Transaction& out) {
  session::HostSession row;
  row.key = key;
  row.login = login.id;
  row.host = host;
  row.created = now;
  row.absolute_end = login.absolute_end;
  row.idle = login.idle;
  row.subject = login.subject;
  login.sessions[host] = key;
  out.puts.push_back(session::put_login(login));
  out.puts.push_back(session::put_login_key(login));
  out.puts.push_back(session::put_session(row));
}

Status write_people(const std::string& database, std::size_t count, const Add& add,
                    const store::Transaction& last) {
  const sys::SystemClock clock;
  auto store = store::open_sqlite({.path = database, .clock = clock});
  if (!store) return tl::unexpected(store.error());
  for (std::size_t from = 0; from < count; from += people_per_transaction) {
    store::Transaction some;
    for (std::size_t i = from; i < std::min(count, from + people_per_transaction); ++i)
      add(i, clock.now_seconds(), some);
    if (auto done = (*store)->transact(some); !done) return tl::unexpected(done.error());
  }
  if (last.puts.empty()) return {};
  auto done = (*store)->transact(last);
  return done ? Status{} : tl::unexpected(done.error());
}

}  // namespace durward::bench

#include "session/state.h"

#include <algorithm>
#include <set>

#include "base/mutant.h"
#include "base/text.h"
#include "session/versioned.h"

namespace durward::session {
namespace {

constexpr std::size_t id_bytes = 16;
constexpr std::size_t secret_bytes = 32;
constexpr int attempts_max = 16;
// A transaction takes no more logins once it holds so much; one login is at most some hundred more.
constexpr std::size_t ended_operations_max = 4'000;
constexpr std::chrono::hours tombstone_extra{1};  // beyond the login's own end

std::string tombstone(sys_seconds now, sys_seconds until) {
  return identity::dump({{"v", record_version},
                         {"at", now.time_since_epoch().count()},
                         {"until", until.time_since_epoch().count()}});
}

}  // namespace

std::uint64_t mark(MarkKind kind, const std::string& text) {
  return std::hash<std::string>()(static_cast<char>(kind) + text);
}

Marks marks_of(const Login& login) {
  return {mark(MarkKind::email, login.subject.email.value_or("")), mark(MarkKind::email, login.last_email),
          mark(MarkKind::sub, login.subject.sub), mark(MarkKind::sid, login.sid)};
}

store::Put put_login(const Login& login) {
  return {.key = keys::login(login.id), .value = write(login)};
}

store::Put put_session(const HostSession& session) {
  return {.key = keys::session(session.key), .value = write(session)};
}

store::Put put_login_key(const Login& login) {
  return {.key = keys::login_cookie(login.login_key),
          .value = identity::dump({{"v", record_version}, {"login", login.id}})};
}

std::string SessionsState::new_id() const {
  return base64url(options.random.bytes(id_bytes));
}

std::string SessionsState::new_token(char letter) const {
  return letter + base64url(options.random.bytes(secret_bytes));
}

Result<std::optional<StoredLogin>> SessionsState::load(const std::string& id) {
  const auto entry = options.store.get(keys::login(id));
  if (!entry) return tl::unexpected(entry.error());
  if (!*entry) return std::nullopt;
  auto login = read_login(id, (*entry)->value);
  if (!login) return tl::unexpected(login.error());
  return StoredLogin{std::move(*login), (*entry)->modified};
}

Result<std::optional<StoredLogin>> SessionsState::load_live(const std::string& id) {
  auto stored = load(id);
  if (stored && *stored && over((*stored)->login)) return std::nullopt;
  return stored;
}

Result<std::optional<HostSession>> SessionsState::load_session(const std::string& key) {
  const auto entry = options.store.get(keys::session(key));
  if (!entry) return tl::unexpected(entry.error());
  if (!*entry) return std::nullopt;
  auto session = read_host_session(key, (*entry)->value);
  if (!session) return tl::unexpected(session.error());
  return std::move(*session);
}

Result<std::vector<Login>> SessionsState::load_all() {
  const std::string prefix = keys::login("");
  const auto entries = options.store.list(prefix);
  if (!entries) return tl::unexpected(entries.error());
  std::vector<Login> out;
  for (const store::Entry& entry : *entries) {
    auto login = read_login(entry.key.substr(prefix.size()), entry.value);
    if (!login) return tl::unexpected(login.error());
    out.push_back(std::move(*login));
  }
  return out;
}

bool SessionsState::over(const Login& login) {
  const sys_seconds at = now();
  if (mutant("ended-login-lives-on")) return false;
  if (at >= login.absolute_end) return true;
  if (login.idle.count() == 0) return false;
  auto guard = index.lock();
  const auto found = guard->logins.find(login.id);
  const sys_seconds seen = found == guard->logins.end() ? login.created : found->second.seen;
  return at - seen >= login.idle;
}

Result<Login> SessionsState::change_live(const std::string& id, const Change& change) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto stored = load_live(id);
    if (!stored) return tl::unexpected(stored.error());
    if (!*stored) return fail("SES010", "there is no such login, or it has ended");
    Login login = std::move((*stored)->login);
    const auto former = login.sessions;
    store::Transaction transaction;
    if (auto changed = change(login, transaction); !changed) return tl::unexpected(changed.error());
    transaction.compares.push_back({keys::login(id), (*stored)->modified});
    if (!mutant("revoked-login-adopts-again")) transaction.compares.push_back({keys::revoked(id), 0});
    transaction.puts.push_back(put_login(login));
    const auto committed = options.store.transact(transaction);
    if (!committed) return tl::unexpected(committed.error());
    if (committed->applied) {
      remember(login, former);
      return login;
    }
  }
  return fail("SES001", "the login kept changing", "try again");
}

Status SessionsState::collect(const std::string& id, bool revoked, store::Transaction& transaction,
                              Ended& out) {
  if (std::ranges::find(out.logins, id, &Login::id) != out.logins.end())
    return {};  // a bearer beside its parent
  const auto stored = load(id);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) return {};
  const Login& login = (*stored)->login;
  transaction.compares.push_back({keys::login(id), (*stored)->modified});
  transaction.deletes.insert(transaction.deletes.end(), {keys::login(id), keys::seen(id)});
  if (!login.login_key.empty()) transaction.deletes.push_back(keys::login_cookie(login.login_key));
  for (const auto& [host, key] : login.sessions) {
    auto session = load_session(key);
    if (!session) return tl::unexpected(session.error());
    transaction.deletes.push_back(keys::session(key));
    if (*session) out.sessions.push_back(std::move(**session));
  }
  if (revoked) {
    transaction.puts.push_back(
        {.key = keys::revoked(id), .value = tombstone(now(), login.absolute_end + tombstone_extra)});
    for (const std::string& bearer : login.bearers) {
      if (mutant("bearers-outlive-their-login")) break;
      if (auto collected = collect(bearer, true, transaction, out); !collected) return collected;
    }
  }
  out.logins.push_back(login);
  return {};
}

Result<std::size_t> SessionsState::try_end(std::span<const std::string> ids, bool revoked, Ended& out) {
  store::Transaction transaction;
  Ended ended;
  std::size_t taken = 0;
  const auto operations = [&transaction] {
    return transaction.compares.size() + transaction.puts.size() + transaction.deletes.size();
  };
  for (; taken < ids.size() && operations() < ended_operations_max; ++taken) {
    if (auto collected = collect(ids[taken], revoked, transaction, ended); !collected) {
      return tl::unexpected(collected.error());
    }
  }
  if (ended.logins.empty()) {
    if (auto seen = see_present(out); !seen) return tl::unexpected(seen.error());
    return taken;
  }
  const auto committed = options.store.transact(transaction);
  if (!committed) return tl::unexpected(committed.error());
  if (!committed->applied) return 0;
  out.revision = committed->revision;
  for (const Login& login : ended.logins) forget(login);
  std::ranges::move(ended.logins, std::back_inserter(out.logins));
  std::ranges::move(ended.sessions, std::back_inserter(out.sessions));
  return taken;
}

// What was not found may have ended a moment ago: by the store's present state it has.
Status SessionsState::see_present(Ended& out) {
  const auto present = options.store.revision();
  if (!present) return tl::unexpected(present.error());
  out.revision = *present;
  return {};
}

Status SessionsState::end(std::span<const std::string> ids, bool revoked, Ended& out) {
  if (ids.empty()) return see_present(out);
  for (int attempt = 0; !ids.empty(); ++attempt) {
    if (attempt == attempts_max) return fail("SES001", "the logins kept changing", "try again");
    const auto ended = try_end(ids, revoked, out);
    if (!ended) return tl::unexpected(ended.error());
    if (*ended == 0) continue;
    ids = ids.subspan(*ended);
    attempt = -1;
  }
  return {};
}

void SessionsState::remember(const Login& login, const std::map<std::string, std::string>& former) {
  auto guard = index.lock();
  auto [entry, fresh] = guard->logins.try_emplace(login.id);
  if (fresh)
    entry->second = {.absolute_end = login.absolute_end,
                     .idle = login.idle,
                     .seen = login.created,
                     .written = login.created};
  for (const auto& [host, key] : former) guard->by_session.erase(key);
  for (const auto& [host, key] : login.sessions) guard->by_session[key] = login.id;
  Index::Entry& known = entry->second;
  known.idle = login.idle;
  known.provider = login.provider;
  known.refreshable = !login.refresh_token.empty();
  known.lapsed = login.lapsed;
  known.bearer = login.kind == Kind::bearer;
  known.marks = marks_of(login);
  known.claims_read = login.claims_read;
  if (known.attempted >= login.claims_read) return;
  known.attempted = login.claims_read;
  known.wait_permille = jitter(1'000);
}

void SessionsState::forget(const Login& login) {
  auto guard = index.lock();
  guard->logins.erase(login.id);
  guard->unsaved.erase(login.id);
  for (const auto& [host, key] : login.sessions) guard->by_session.erase(key);
}

int SessionsState::jitter(int permille) const {
  const int byte = static_cast<unsigned char>(options.random.bytes(1).front());
  return permille * (800 + byte * 200 / 255) / 1'000;
}

void SessionsState::saw(const std::string& id, sys_seconds at) {
  auto guard = index.lock();
  const auto found = guard->logins.find(id);
  if (found != guard->logins.end()) found->second.seen = std::max(found->second.seen, std::min(at, now()));
}

}  // namespace durward::session

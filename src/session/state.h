// What the operations of Sessions share: reading, changing and ending login records. Internal to session.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "session/sessions.h"

namespace durward::session {

struct StoredLogin {
  Login login;
  store::Revision modified = 0;
};

// What a revocation may name a login by, each as a hash: who shares none of them is not struck, the others
// are read to be sure. A bearer has none and is always read, since what it says changes with its login.
using Marks = std::array<std::uint64_t, 4>;
enum class MarkKind : char { email = 'e', sub = 's', sid = 'i' };
std::uint64_t mark(MarkKind kind, const std::string& text);
Marks marks_of(const Login& login);

// In memory, made from the store: who is due to end, and who was seen when. Decides nothing by itself.
struct Index {
  struct Entry {
    sys_seconds absolute_end{};
    seconds idle{};
    sys_seconds seen{};     // last activity
    sys_seconds written{};  // `seen` as the store has it
    std::string provider{};
    bool refreshable = false;  // there is a refresh token
    bool lapsed = false;
    bool refreshing = false;    // given out by take_due(), and not back yet
    sys_seconds claims_read{};  // as in the record
    sys_seconds attempted{};    // the last try to read them, good or not
    int wait_permille = 1'000;  // of the interval, until the next try: jitter
    bool bearer = false;
    Marks marks{};
  };
  std::map<std::string, Entry> logins;            // by id
  std::map<std::string, std::string> by_session;  // session key -> login id
  sys_seconds swept{};
  std::map<std::string, Secret> unsaved;  // by id: refresh tokens that the store would not take
  std::string seen_upto;                  // the last id whose time of last use was looked at; "" = begin anew
};

// Calls f(id, entry) for some logins after `last`, which is moved to the last of them: "" = there are no
// more. A walk over all of them is many calls, so that nobody waits for the whole of it.
template <class F>
void for_some_logins(Guarded<Index>& index, std::string& last, F f) {
  constexpr std::size_t at_once = 1'024;
  auto guard = index.lock();
  auto at = last.empty() ? guard->logins.begin() : guard->logins.upper_bound(last);
  last.clear();
  for (std::size_t i = 0; i < at_once && at != guard->logins.end(); ++i, ++at) {
    f(at->first, at->second);
    if (i + 1 == at_once) last = at->first;
  }
}

template <class F>
void for_each_login(Guarded<Index>& index, F f) {
  std::string last;
  do {
    for_some_logins(index, last, f);
    std::this_thread::yield();
  } while (!last.empty());
}

struct SessionsState {
  SessionsState(Sessions::Options given, Sealer its_sealer) : options(given), sealer(std::move(its_sealer)) {}

  Sessions::Options options;
  Sealer sealer;
  Guarded<Index> index;

  sys_seconds now() const { return options.clock.now_seconds(); }
  std::string new_id() const;
  std::string new_token(char letter) const;

  // Whatever its age. Nothing when there is none.
  Result<std::optional<StoredLogin>> load(const std::string& id);
  // As load, but nothing when it is over.
  Result<std::optional<StoredLogin>> load_live(const std::string& id);
  Result<std::optional<HostSession>> load_session(const std::string& key);
  Result<std::vector<Login>> load_all();
  Result<std::vector<Login>> load_struck(const RevokeWhom& whom);
  bool over(const Login& login);

  // Reads the live login, lets `change` alter it and add what belongs to it to the transaction, and commits
  // that against what was read; on a lost race, again from the start. Errors: those of `change`; SES010,
  // SES001.
  using Change = std::function<Status(Login&, store::Transaction&)>;
  Result<Login> change_live(const std::string& id, const Change& change);

  // Removes logins and all that hangs on them. `revoked`: bearers made from them go too, and a tombstone
  // stays.
  Status end(std::span<const std::string> ids, bool revoked, Ended& out);

  // `former`: the sessions it had before.
  void remember(const Login& login, const std::map<std::string, std::string>& former);
  void forget(const Login& login);
  void saw(const std::string& id, sys_seconds at);
  int jitter(int permille) const;  // something between 80 and 100 % of it

 private:
  // One transaction with as many of the first as it should hold. How many; none: lost a race.
  Result<std::size_t> try_end(std::span<const std::string> ids, bool revoked, Ended& out);
  Status see_present(Ended& out);
  Status collect(const std::string& id, bool revoked, store::Transaction& transaction, Ended& out);
};

// What a model makes of an identity.
struct Judged {
  const model::IdentityProvider& provider;
  std::string claims;  // restricted
  identity::Evaluated evaluated;
};
Result<Judged> judge(const identity::Identity& identity, const model::Model& model);

// The login's facts for its bearers: what the person lost, they lose too.
Status put_facts_in_bearers(SessionsState& state, const Login& login, store::Transaction& transaction);

// Takes all rows and the login host's cookie from the login.
Status drop_tokens(SessionsState& state, Login& login, store::Transaction& transaction,
                   std::vector<HostSession>& ended);

Result<bool> has_live_bearer(SessionsState& state, const Login& login);

// What a login's tokens are sealed for.
std::string id_token_purpose(const std::string& login_id);
std::string refresh_purpose(const std::string& login_id);

// Rewrites the login's rows with its subject.
Status put_subject_in_rows(SessionsState& state, const Login& login, store::Transaction& transaction);

store::Put put_login(const Login& login);
store::Put put_session(const HostSession& session);
store::Put put_login_key(const Login& login);  // the login host's cookie -> the login

namespace keys {
inline std::string login(const std::string& id) {
  return "login/" + id;
}
inline std::string session(const std::string& key) {
  return "session/" + key;
}
inline std::string login_cookie(const std::string& key) {
  return "sso/" + key;
}
inline std::string ticket(const std::string& hash) {
  return "ticket/" + hash;
}
inline std::string revoked(const std::string& id) {
  return "revoked/" + id;
}
inline std::string logout_token(const std::string& hash) {
  return "logout/" + hash;
}
inline std::string seen(const std::string& id) {
  return "seen/" + id;
}
}  // namespace keys

}  // namespace durward::session

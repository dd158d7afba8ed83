// The life of logins and of the sessions made from them: issue, adopt, step up, revoke, expire.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "identity/provider.h"
#include "identity/roles.h"
#include "model/model.h"
#include "session/record.h"
#include "session/sealed.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/random.h"

namespace durward::session {

constexpr seconds ticket_ttl{30};
constexpr seconds bearer_ttl_max{30 * 24 * 3600};
constexpr seconds seen_interval{60};  // last_seen reaches the store at most this often per login

struct IssuedLogin {
  Login login;
  std::string token;               // for the login host's cookie; only its hash is kept
  std::vector<std::string> notes;  // for the log
  std::vector<HostSession> ended;  // step_up: rows whose tokens died
};
struct IssuedSession {
  HostSession session;
  std::string token;  // for the app host's cookie or the bearer's Authorization header
};

struct TicketRequest {
  std::string login;  // Login::id
  std::string host;   // the app host, lower case
  std::string return_url;
  std::string nonce_hash;  // nonce_hash() of that browser's pre-login cookie
};
struct Redemption {
  std::string ticket;
  std::string host;                            // the host that was asked to adopt
  std::string return_url;                      // from the sealed start
  std::string nonce;                           // the pre-login cookie itself
  std::function<char(seconds)> table_of = {};  // first letter of the new token, by the login's idle life; 'a'
};
struct BearerRequest {
  std::string login;   // Login::id, or
  std::string person;  // verified e-mail: the live browser login that ends last
  std::string host;
  seconds ttl{};
  std::string name;  // 1 to 64 of [A-Za-z0-9._-]
  char table = 'a';
};

// Whom a revocation strikes.
struct ByLogin {
  std::string id;
};
struct ByPerson {
  std::string email;
};  // case does not matter
struct BySubject {
  std::string issuer, sub;
};
// What a provider's logout token names: one of its own sessions, or all of a person's there.
struct ByProvider {
  std::string provider;  // its name in the model
  std::string sid, sub;  // what is empty does not matter
};
struct Everyone {};
using RevokeWhom = std::variant<ByLogin, ByPerson, BySubject, ByProvider, Everyone>;

struct Ended {
  std::vector<Login> logins;
  std::vector<HostSession> sessions;  // their rows: clear them in HAProxy, cut their streams
  store::Revision revision = 0;       // what of them the store had is gone there
};
struct Reevaluated {
  std::vector<Login> changed;  // their rows were rewritten with them
  Ended ended;                 // the provider is gone or its issuer changed
  std::vector<std::string> notes;
};

// Reading claims again at the provider (refresh.cc).
constexpr int unread_intervals_max = 3;  // of the provider's `refresh`; then every attribute is unknown
struct DueRefresh {
  std::string login;  // Login::id
  std::string provider;
};
enum class RefreshOutcome {
  gone,       // the login has ended, or was authenticated anew meanwhile
  unchanged,  // the provider said the same again, or nothing that matters to the model
  changed,    // the login and its rows have a new subject
  refused,    // the provider knows of no such login any more, or of another person: it has ended
  failed      // nothing was learnt; tried again soon
};
struct RefreshReport {
  RefreshOutcome outcome = RefreshOutcome::gone;
  Error error{};                     // refused, failed
  Ended ended{};                     // refused
  std::vector<std::string> notes{};  // changed: for the log
};

// Who the login's person is under another model; nothing when their provider is gone or has another issuer.
// Pure.
Result<std::optional<identity::Evaluated>> judge_again(const Login& login, const model::Model& model);

struct SessionsState;  // internal: state.h

// Over one store; thread-safe. Every operation is one transaction per login, with compares, so a change that
// loses a race is tried again on what is there now. A login that was revoked or has expired never comes back:
// `revoked/<id>` outlives it, and every write compares with it. Rows change only under `session/`, which a
// reconciler watches.
//
// Errors, all: STO…, SES002, SES008, SES009; SES001 the same login kept changing under us (try again);
// further SES010 no such login, revoked, or expired; SES011 the ticket is refused (unknown, used, late,
// another host, browser or URL: not told apart to the outside, `hint` says which for the log); SES012 bad
// argument; SES013 another person; SES014 too many sessions; SES015 a logout token was used before, or is
// contradicted by the login it names.
class Sessions {
 public:
  struct Options {
    store::Store& store;
    const sys::Clock& clock;
    sys::Random& random;
  };
  // Reads what is there. Errors: STO…, SES002, SES008, SES009.
  static Result<std::unique_ptr<Sessions>> open(Options options);
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  const Sealer& sealer() const;

  // A new login, always with a new id and token, whatever the browser had before. The model is read for the
  // subject.
  Result<IssuedLogin> create_login(const identity::Identity& identity, const model::Model& model);
  // The live login of a login-host cookie; nothing when there is none.
  Result<std::optional<Login>> find_by_login_token(const std::string& login_host, const std::string& token);
  Result<std::optional<Login>> find(const std::string& id);
  // The same person authenticated again: same id and end, new facts, new tokens. All old tokens, the login
  // host's and every app host's, are dead when it returns; the hosts adopt anew.
  Result<IssuedLogin> step_up(const std::string& id, const identity::Identity& identity,
                              const model::Model& model);

  // Single use, 30 s.
  Result<std::string> issue_ticket(const TicketRequest& request);
  // A ticket presented wrongly is spent too. Replaces the login's former row for that host.
  Result<IssuedSession> redeem_ticket(const Redemption& redemption);
  // A login of its own, made from a live one: no idle bound, ends with `ttl` or the login it came from (a
  // longer `ttl` is SES012), and goes when that one is revoked.
  Result<IssuedSession> create_bearer(const BearerRequest& request);

  // Durable when it returns. Whom there is nothing to revoke for gives an empty result, not an error.
  Result<Ended> revoke(const RevokeWhom& whom);
  // Ends one host's session and keeps the login (sign-out of one app). Nothing when there is none.
  Result<std::optional<HostSession>> end_session(const std::string& key);
  // Live ones, by id.
  Result<std::vector<Login>> list();
  Result<std::optional<HostSession>> find_session(const std::string& key);

  // The person behind this session was active; the log's prefix of the key will do. Any rate: memory only.
  void touch(const std::string& key, sys_seconds at);
  sys_seconds last_seen(const Login& login);
  // From a timer, every few seconds: ends what is over, drops spent tickets and old tombstones, writes
  // last_seen back.
  Result<Ended> expire();

  // Whose claims are to be read again now, by the model's intervals; each is given out once until refresh()
  // or put_back() has had it. Nothing of it is in the store but the time of the last reading: a restart finds
  // everyone where they are.
  std::vector<DueRefresh> take_due(const model::Model& model);
  void put_back(const std::string& login);
  // Asks the provider for a login's claims again and writes what came of it: the login, its rows and those of
  // its bearers, in one transaction. A rotated refresh token is in the store before anything else is done.
  // Blocks for as long as the provider takes; several at once may run, for different logins.
  RefreshReport refresh(const std::string& login, identity::Provider& provider, const model::Model& model);
  // Takes the attributes from those whose provider has not been readable for `unread_intervals_max`
  // intervals: unknown from then on, which allows nothing. Gives those it changed.
  Result<std::vector<Login>> lapse(const model::Model& model);

  // What a logout token asks for, once: its logins end as by revoke(). Errors: further SES015.
  Result<Ended> back_channel_logout(const std::string& provider, const identity::LogoutToken& token);

  // Judges every login by a new model and rewrites the rows of those whose subject changed.
  Result<Reevaluated> reevaluate(const model::Model& model);

  // The ID token, for Provider::logout_url; empty when there is none.
  std::string id_token_of(const Login& login) const;

 private:
  explicit Sessions(std::unique_ptr<SessionsState> state);
  std::unique_ptr<SessionsState> state_;
};

}  // namespace durward::session

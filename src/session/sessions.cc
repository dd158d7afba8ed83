#include "session/sessions.h"

#include <algorithm>

#include "base/text.h"
#include "session/state.h"
#include "session/versioned.h"

namespace durward::session {
namespace {

constexpr char login_token_letter = 'a';

Status seal_into(const SessionsState& state, const std::string& purpose, std::string_view text,
                 const Login& login, std::string& out) {
  auto sealed = state.sealer.seal(purpose, text, login.absolute_end);
  if (!sealed) return tl::unexpected(sealed.error());
  out = std::move(*sealed);
  return {};
}

// Puts new facts into the login, and the token that its browser gets.
Status take_facts(const SessionsState& state, const identity::Identity& identity, const Judged& judged,
                  const std::string& login_key, Login& login) {
  login.provider = identity.provider;
  login.claims = judged.claims;
  login.subject = judged.evaluated.subject;
  login.login_key = login_key;
  login.sid = identity.sid;
  login.claims_read = state.now();
  login.lapsed = false;
  login.last_email.clear();
  login.id_token.clear();
  // A login without a new refresh token keeps the former one: it is of the same person.
  if (!identity.refresh_token.empty()) {
    if (auto sealed = seal_into(state, refresh_purpose(login.id), identity.refresh_token.reveal(), login,
                                login.refresh_token);
        !sealed)
      return sealed;
  }
  if (identity.id_token.empty()) return {};
  return seal_into(state, id_token_purpose(login.id), identity.id_token, login, login.id_token);
}

std::vector<std::string> notes_of(const identity::Identity& identity, const identity::Evaluated& evaluated) {
  std::vector<std::string> out = identity.notes;
  out.insert(out.end(), evaluated.notes.begin(), evaluated.notes.end());
  return out;
}

Status build_index(SessionsState& state) {
  const auto logins = state.load_all();
  if (!logins) return tl::unexpected(logins.error());
  for (const Login& login : *logins) state.remember(login, {});
  const std::string prefix = keys::seen("");
  const auto seen = state.options.store.list(prefix);
  if (!seen) return tl::unexpected(seen.error());
  store::Transaction orphans;
  for (const store::Entry& entry : *seen) {
    const auto object = read_versioned(entry.value, "time of last use");
    if (!object) return tl::unexpected(object.error());
    auto index = state.index.lock();
    const auto found = index->logins.find(entry.key.substr(prefix.size()));
    const auto at = identity::numeric_date(object->value("at", identity::Json()));
    if (found == index->logins.end() || !at) {
      orphans.deletes.push_back(entry.key);
    } else {
      found->second.seen = std::max(found->second.seen, *at);
      found->second.written = *at;
    }
  }
  if (orphans.deletes.empty()) return {};
  const auto swept = state.options.store.transact(orphans);
  return swept ? Status() : tl::unexpected(swept.error());
}

}  // namespace

Result<Judged> judge(const identity::Identity& identity, const model::Model& model) {
  const auto provider = model.providers.find(identity.provider);
  if (provider == model.providers.end() || provider->second.issuer.value != identity.issuer) {
    return fail("SES012", "the identity is of a provider that the model does not have");
  }
  auto evaluated = identity::evaluate(identity.claims, provider->second, model);
  if (!evaluated) return tl::unexpected(evaluated.error());
  auto claims = identity::restrict_claims(identity.claims, provider->second, model);
  if (!claims) return tl::unexpected(claims.error());
  return Judged{provider->second, std::move(*claims), std::move(*evaluated)};
}

Status put_facts_in_bearers(SessionsState& state, const Login& login, store::Transaction& transaction) {
  for (const std::string& id : login.bearers) {
    auto stored = state.load_live(id);
    if (!stored) return tl::unexpected(stored.error());
    if (!*stored) continue;
    Login& bearer = (*stored)->login;
    bearer.claims = login.claims;
    bearer.subject = login.subject;
    bearer.sid = login.sid;
    bearer.claims_read = login.claims_read;
    bearer.lapsed = login.lapsed;
    bearer.last_email = login.last_email;
    transaction.compares.push_back({keys::login(id), (*stored)->modified});
    transaction.puts.push_back(put_login(bearer));
    if (auto put = put_subject_in_rows(state, bearer, transaction); !put) return put;
  }
  return {};
}

Status drop_tokens(SessionsState& state, Login& login, store::Transaction& transaction,
                   std::vector<HostSession>& ended) {
  for (const auto& [host, key] : login.sessions) {
    auto row = state.load_session(key);
    if (!row) return tl::unexpected(row.error());
    if (*row) ended.push_back(std::move(**row));
    transaction.deletes.push_back(keys::session(key));
  }
  if (!login.login_key.empty()) transaction.deletes.push_back(keys::login_cookie(login.login_key));
  login.login_key.clear();
  login.sessions.clear();
  return {};
}

std::string id_token_purpose(const std::string& login_id) {
  return "id-token/" + login_id;
}

std::string refresh_purpose(const std::string& login_id) {
  return "refresh-token/" + login_id;
}

Sessions::Sessions(std::unique_ptr<SessionsState> state) : state_(std::move(state)) {}
Sessions::~Sessions() = default;

Result<std::unique_ptr<Sessions>> Sessions::open(Options options) {
  auto sealer = Sealer::open(options.store, options.random);
  if (!sealer) return tl::unexpected(sealer.error());
  auto state = std::make_unique<SessionsState>(options, std::move(*sealer));
  if (auto built = build_index(*state); !built) return tl::unexpected(built.error());
  return std::unique_ptr<Sessions>(new Sessions(std::move(state)));
}

const Sealer& Sessions::sealer() const {
  return state_->sealer;
}

Result<IssuedLogin> Sessions::create_login(const identity::Identity& identity, const model::Model& model) {
  const auto judged = judge(identity, model);
  if (!judged) return tl::unexpected(judged.error());
  IssuedLogin out;
  out.token = state_->new_token(login_token_letter);
  out.notes = notes_of(identity, judged->evaluated);
  Login& login = out.login;
  login.id = state_->new_id();
  login.created = state_->now();
  login.absolute_end = login.created + judged->provider.absolute;
  login.idle = judged->provider.idle;
  const std::string key = session_key(model.gateway.login_host.value, out.token);
  if (auto taken = take_facts(*state_, identity, *judged, key, login); !taken)
    return tl::unexpected(taken.error());
  const auto committed = state_->options.store.transact({.compares = {{keys::login(login.id), 0}},
                                                         .puts = {put_login(login), put_login_key(login)},
                                                         .deletes = {}});
  if (!committed) return tl::unexpected(committed.error());
  if (!committed->applied) return fail("SES001", "the login's id was taken", "try again");
  state_->remember(login, {});
  return out;
}

Result<std::optional<Login>> Sessions::find_by_login_token(const std::string& login_host,
                                                           const std::string& token) {
  if (!token_shape(token)) return std::nullopt;
  const std::string key = session_key(login_host, token);
  const auto entry = state_->options.store.get(keys::login_cookie(key));
  if (!entry) return tl::unexpected(entry.error());
  if (!*entry) return std::nullopt;
  const auto object = read_versioned((*entry)->value, "login cookie");
  if (!object) return tl::unexpected(object.error());
  auto login = find(identity::string_member(*object, "login").value_or(""));
  if (!login || !*login) return login;
  if ((*login)->login_key != key) return std::nullopt;
  state_->saw((*login)->id, state_->now());  // coming back to the login host is activity, too
  return login;
}

Result<std::optional<Login>> Sessions::find(const std::string& id) {
  auto stored = state_->load_live(id);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) return std::nullopt;
  return std::move((*stored)->login);
}

Result<IssuedLogin> Sessions::step_up(const std::string& id, const identity::Identity& identity,
                                      const model::Model& model) {
  const auto judged = judge(identity, model);
  if (!judged) return tl::unexpected(judged.error());
  IssuedLogin out;
  out.token = state_->new_token(login_token_letter);
  out.notes = notes_of(identity, judged->evaluated);
  const std::string key = session_key(model.gateway.login_host.value, out.token);
  auto changed = state_->change_live(id, [&](Login& login, store::Transaction& transaction) -> Status {
    const model::Subject& now = judged->evaluated.subject;
    if (login.kind != Kind::browser) return fail("SES012", "a bearer token cannot authenticate again");
    if (login.subject.issuer != now.issuer || login.subject.sub != now.sub) {
      return fail("SES013", "another person authenticated than the one who is signed in");
    }
    out.ended.clear();
    if (auto dropped = drop_tokens(*state_, login, transaction, out.ended); !dropped) return dropped;
    if (auto taken = take_facts(*state_, identity, *judged, key, login); !taken) return taken;
    transaction.puts.push_back(put_login_key(login));
    return put_facts_in_bearers(*state_, login, transaction);
  });
  if (!changed) return tl::unexpected(changed.error());
  out.login = std::move(*changed);
  return out;
}

Result<std::vector<Login>> Sessions::list() {
  auto logins = state_->load_all();
  if (logins) std::erase_if(*logins, [this](const Login& login) { return state_->over(login); });
  return logins;
}

Result<std::optional<HostSession>> Sessions::find_session(const std::string& key) {
  auto session = state_->load_session(key);
  if (!session || !*session) return session;
  const auto login = find((*session)->login);
  if (!login) return tl::unexpected(login.error());
  return *login ? std::move(session) : std::nullopt;
}

std::string Sessions::id_token_of(const Login& login) const {
  if (login.id_token.empty()) return {};
  return state_->sealer.unseal(id_token_purpose(login.id), login.id_token, state_->now()).value_or("");
}

}  // namespace durward::session

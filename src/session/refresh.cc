// Claims that follow the provider: read again while the login lives, unknown when they cannot be.
#include "base/mutant.h"
#include "session/sessions.h"
#include "session/state.h"

namespace durward::session {
namespace {

constexpr int whole = 1'000;              // permille of the interval
constexpr int after_failure = whole / 3;  // so that there is more than one try before the bound

seconds interval_of(const model::Model& model, const std::string& provider) {
  const auto found = model.providers.find(provider);
  return found == model.providers.end() ? seconds(0) : found->second.refresh;
}

auto superseded() {
  return fail("SES010", "the login was authenticated anew");
}

// `used`: the record's refresh token that was shown, sealed as it was; follows the record.
Status keep(SessionsState& state, const std::string& id, const Secret& next, std::string& used) {
  std::string now_sealed;
  const auto changed = state.change_live(id, [&](Login& login, store::Transaction&) -> Status {
    if (login.refresh_token != used) return superseded();
    auto sealed = state.sealer.seal(refresh_purpose(id), next.reveal(), login.absolute_end);
    if (!sealed) return tl::unexpected(sealed.error());
    login.refresh_token = now_sealed = std::move(*sealed);
    return {};
  });
  if (!changed && changed.error().code == "SES010") return tl::unexpected(changed.error());
  if (!changed) {
    // The former one may be worthless by now, so this one is not let go; the next refresh shows it.
    state.index.lock()->unsaved.insert_or_assign(id, next.clone());
    return tl::unexpected(changed.error());
  }
  state.index.lock()->unsaved.erase(id);
  used = std::move(now_sealed);
  return {};
}

// The token to show: the newest there is. One that the store would not take is offered to it again first.
Result<Secret> token_to_show(SessionsState& state, const Login& login, std::string& used) {
  std::optional<Secret> unsaved;
  {
    auto index = state.index.lock();
    const auto found = index->unsaved.find(login.id);
    if (found != index->unsaved.end()) unsaved = found->second.clone();
  }
  if (unsaved) {
    if (auto kept = keep(state, login.id, *unsaved, used); !kept) return tl::unexpected(kept.error());
    return std::move(*unsaved);
  }
  auto text = state.sealer.unseal(refresh_purpose(login.id), login.refresh_token, state.now());
  if (!text) return tl::unexpected(text.error());
  return Secret(std::move(*text));
}

// Writes fresh claims into a login and all that hangs on it. The report says whether anything changed.
Status take_claims(SessionsState& state, identity::Identity& identity, const model::Model& model,
                   const std::string& used, Login& login, store::Transaction& transaction,
                   RefreshReport& report) {
  if (login.refresh_token != used) return superseded();
  auto claims = identity::with_authentication_of(login.claims, identity.claims);
  if (!claims) return tl::unexpected(claims.error());
  identity.claims = std::move(*claims);
  const auto judged = judge(identity, model);
  if (!judged) return tl::unexpected(judged.error());
  const bool same = same_subject(login.subject, judged->evaluated.subject);
  const bool same_claims = login.claims == judged->claims && !login.lapsed;
  report.outcome = same ? RefreshOutcome::unchanged : RefreshOutcome::changed;
  report.notes = same ? std::vector<std::string>() : judged->evaluated.notes;
  login.claims = judged->claims;
  login.subject = judged->evaluated.subject;
  login.claims_read = state.now();
  login.lapsed = false;
  login.last_email.clear();
  if (same && same_claims) return {};
  if (auto put = put_subject_in_rows(state, login, transaction); !put) return put;
  return put_facts_in_bearers(state, login, transaction);
}

// The provider says that the login is no more, or that it is somebody else's.
bool ends_it(const Error& error) {
  return (error.code == "IDN022" && !mutant("refresh-refusal-ignored")) || error.code == "IDN023";
}

RefreshReport failed(const Error& error) {
  RefreshReport out;
  out.outcome = error.code == "SES010" ? RefreshOutcome::gone : RefreshOutcome::failed;
  out.error = error;
  return out;
}

RefreshReport refresh_now(SessionsState& state, const std::string& id, identity::Provider& provider,
                          const model::Model& model) {
  const auto stored = state.load_live(id);
  if (!stored) return failed(stored.error());
  if (!*stored || (*stored)->login.refresh_token.empty()) return {};
  const Login& before = (*stored)->login;
  if (before.login_key.empty()) {  // idled away: it is here for its bearers only
    const auto wanted = has_live_bearer(state, before);
    if (!wanted) return failed(wanted.error());
    Ended nothing;
    if (!*wanted) static_cast<void>(state.end(std::span(&id, 1), false, nothing));
    if (!*wanted) return {};
  }
  std::string used = before.refresh_token;
  auto token = token_to_show(state, before, used);
  if (!token) return failed(token.error());
  const std::string hint =
      state.sealer.unseal(id_token_purpose(id), before.id_token, state.now()).value_or("");
  auto identity =
      provider.refresh({.refresh_token = std::move(*token),
                        .sub = before.subject.sub,
                        .id_token = hint,
                        .keep = [&](const Secret& next) { static_cast<void>(keep(state, id, next, used)); }});
  RefreshReport out;
  if (!identity) {
    out = failed(identity.error());
    if (!ends_it(out.error)) return out;
    // Somebody may have logged in again while the provider thought about the old token.
    const auto again = state.load_live(id);
    if (!again) return failed(again.error());
    if (!*again || (*again)->login.refresh_token != used) return {};
    if (auto ended = state.end(std::span(&id, 1), true, out.ended); !ended) return failed(ended.error());
    out.outcome = RefreshOutcome::refused;
    return out;
  }
  const auto changed = state.change_live(id, [&](Login& login, store::Transaction& transaction) {
    return take_claims(state, *identity, model, used, login, transaction, out);
  });
  return changed ? out : failed(changed.error());
}

}  // namespace

std::vector<DueRefresh> Sessions::take_due(const model::Model& model) {
  std::vector<DueRefresh> out;
  const sys_seconds now = state_->now();
  for_each_login(state_->index, [&](const std::string& id, Index::Entry& entry) {
    if (!entry.refreshable || entry.refreshing) return;
    const seconds interval = interval_of(model, entry.provider);
    if (interval.count() == 0 || now < entry.attempted + interval * entry.wait_permille / whole) return;
    entry.refreshing = true;
    out.push_back({.login = id, .provider = entry.provider});
  });
  return out;
}

void Sessions::put_back(const std::string& login) {
  auto index = state_->index.lock();
  const auto found = index->logins.find(login);
  if (found != index->logins.end()) found->second.refreshing = false;
}

RefreshReport Sessions::refresh(const std::string& login, identity::Provider& provider,
                                const model::Model& model) {
  RefreshReport out = refresh_now(*state_, login, provider, model);
  const int wait = state_->jitter(out.outcome == RefreshOutcome::failed ? after_failure : whole);
  auto index = state_->index.lock();
  const auto found = index->logins.find(login);
  if (found == index->logins.end()) return out;
  found->second.refreshing = false;
  found->second.attempted = state_->now();
  found->second.wait_permille = wait;
  return out;
}

Result<std::vector<Login>> Sessions::lapse(const model::Model& model) {
  std::vector<std::string> ids;
  const sys_seconds now = state_->now();
  const auto too_old = [&](const std::string& provider, sys_seconds read) {
    const seconds interval = interval_of(model, provider);
    return interval.count() > 0 && now >= read + unread_intervals_max * interval;
  };
  for_each_login(state_->index, [&](const std::string& id, const Index::Entry& entry) {
    if (entry.refreshable && !entry.lapsed && too_old(entry.provider, entry.claims_read)) ids.push_back(id);
  });
  std::vector<Login> out;
  if (mutant("claims-never-lapse")) return out;
  for (const std::string& id : ids) {
    auto changed = state_->change_live(id, [&](Login& login, store::Transaction& transaction) -> Status {
      if (!too_old(login.provider, login.claims_read)) return superseded();  // read meanwhile
      auto claims = identity::without_attributes(login.claims);
      if (!claims) return tl::unexpected(claims.error());
      auto evaluated = identity::evaluate(*claims, model.providers.at(login.provider), model);
      if (!evaluated) return tl::unexpected(evaluated.error());
      login.last_email = login.subject.email.value_or("");
      login.claims = std::move(*claims);
      login.subject = std::move(evaluated->subject);
      login.lapsed = true;
      if (auto put = put_subject_in_rows(*state_, login, transaction); !put) return put;
      return put_facts_in_bearers(*state_, login, transaction);
    });
    if (changed) out.push_back(std::move(*changed));
    if (!changed && changed.error().code != "SES010") return tl::unexpected(changed.error());
  }
  return out;
}

}  // namespace durward::session

// Logout by the provider's word (OpenID Connect Back-Channel Logout 1.0).
#include "base/hash.h"
#include "base/mutant.h"
#include "identity/json.h"
#include "session/sessions.h"
#include "session/state.h"

namespace durward::session {
namespace {

auto refused(const char* why) {
  return fail("SES015", std::string("the logout token is refused: ") + why);
}

// A token names a session and, perhaps, whose it is. When both are there they must be of one person.
Status check_owner(SessionsState& state, const std::string& provider, const identity::LogoutToken& token) {
  if (token.sid.empty() || token.sub.empty()) return {};
  const auto named = state.load_struck(ByProvider{.provider = provider, .sid = token.sid, .sub = {}});
  if (!named) return tl::unexpected(named.error());
  for (const Login& login : *named)
    if (login.subject.sub != token.sub) return refused("its sid is another person's");
  return {};
}

}  // namespace

Result<Ended> Sessions::back_channel_logout(const std::string& provider, const identity::LogoutToken& token) {
  if (auto checked = check_owner(*state_, provider, token); !checked) return tl::unexpected(checked.error());
  // Durable before it is acted upon: who shows it again, after a restart too, was not the first.
  const std::string key = keys::logout_token(sha256_hex(provider + "/" + token.jti));
  const std::string mark =
      identity::dump({{"v", record_version}, {"until", token.useless_after.time_since_epoch().count()}});
  store::Transaction first{.compares = {{key, 0}}, .puts = {{.key = key, .value = mark}}, .deletes = {}};
  if (mutant("logout-token-replay")) first.compares.clear();
  const auto committed = state_->options.store.transact(first);
  if (!committed) return tl::unexpected(committed.error());
  if (!committed->applied) return refused("it was used before");
  auto ended = revoke(ByProvider{.provider = provider, .sid = token.sid, .sub = token.sub});
  if (ended) return ended;
  // Not done, so it may be said again.
  const auto undone = state_->options.store.transact({.compares = {}, .puts = {}, .deletes = {key}});
  return undone ? ended : tl::unexpected(undone.error());
}

}  // namespace durward::session

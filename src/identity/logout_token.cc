#include "identity/logout_token.h"

#include <algorithm>
#include <array>

#include "base/mutant.h"
#include "identity/id_token.h"
#include "identity/json.h"

namespace durward::identity {
namespace {

constexpr const char* event = "http://schemas.openid.net/event/backchannel-logout";

auto wrong(const char* claim, const char* what) {
  return fail("IDN035", std::string("the logout token's ") + claim + " " + what);
}

// Nothing when it is absent; an error when it is there and is no short text.
Result<std::string> id_member(const Json& claims, const char* name) {
  if (!claims.contains(name)) return std::string();
  auto text = string_member(claims, name);
  if (!text || !sane_session_id(*text)) return wrong(name, "is not 1 to 255 ASCII characters");
  return std::move(*text);
}

// That it is about a logout, and can be nothing else.
Status judge_purpose(const Json& claims) {
  const auto events = claims.find("events");
  if (events == claims.end() || !events->is_object() || !events->contains(event) ||
      !events->at(event).is_object()) {
    return wrong("events", "does not say back-channel logout");
  }
  // An ID token has one. With it, either could be taken for the other.
  if (claims.contains("nonce") && !mutant("logout-token-with-nonce"))
    return wrong("nonce", "must not be there");
  return {};
}

Result<std::chrono::sys_seconds> judge_dates(const Json& claims, std::chrono::sys_seconds now) {
  const auto iat = numeric_date(claims.value("iat", Json()));
  if (!iat) return wrong("iat", "is missing or not a sane number of seconds");
  if (*iat > now + clock_skew) return wrong("iat", "is in the future");
  const auto useless_after = *iat + logout_token_age_max + clock_skew;
  if (now >= useless_after && !mutant("logout-token-of-any-age")) return wrong("iat", "is too long ago");
  if (!claims.contains("exp")) return useless_after;
  const auto exp = numeric_date(claims.at("exp"));
  if (!exp) return wrong("exp", "is not a sane number of seconds");
  if (*exp + clock_skew <= now) return wrong("exp", "is in the past");
  return std::min(useless_after, *exp + clock_skew);
}

}  // namespace

bool sane_session_id(std::string_view id) {
  return sane_sub(id);
}

Result<LogoutToken> judge_logout_claims(std::string_view payload, const LogoutExpected& expected) {
  const auto claims = parse_object(payload, "IDN035", "the logout token's payload");
  if (!claims) return tl::unexpected(claims.error());
  if (string_member(*claims, "iss") != expected.issuer) return wrong("iss", "is not the provider's issuer");
  if (auto judged = judge_audience(*claims, expected.client_id); !judged)
    return wrong("aud", "is not this client");
  if (auto judged = judge_purpose(*claims); !judged) return tl::unexpected(judged.error());
  const auto useless_after = judge_dates(*claims, expected.now);
  if (!useless_after) return tl::unexpected(useless_after.error());
  LogoutToken out;
  out.useless_after = *useless_after;
  for (const auto& [name, member] :
       {std::pair{"sub", &out.sub}, std::pair{"sid", &out.sid}, std::pair{"jti", &out.jti}}) {
    auto text = id_member(*claims, name);
    if (!text) return tl::unexpected(text.error());
    *member = std::move(*text);
  }
  if (out.jti.empty()) return wrong("jti", "is missing");
  if (out.sub.empty() && out.sid.empty()) return wrong("sub", "is missing, and so is sid");
  return out;
}

}  // namespace durward::identity

#include "identity/id_token.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/mutant.h"
#include "base/text.h"

namespace durward::identity {
namespace {

constexpr std::size_t sub_bytes_max = 255;
constexpr std::size_t audiences_max = 16;
constexpr std::size_t acr_bytes_max = 256;

auto wrong(const char* claim, const char* what) {
  return fail("IDN033", std::string("the ID token's ") + claim + " " + what);
}

// A date that must be sane when it is there. `out` is untouched when it is not.
Status read_date(const Json& claims, const char* name, std::optional<std::chrono::sys_seconds>& out) {
  const auto found = claims.find(name);
  if (found == claims.end()) return {};
  out = numeric_date(*found);
  return out ? Status() : wrong(name, "is not a sane number of seconds");
}

Status judge_dates(const Json& claims, const Expected& expected) {
  std::optional<std::chrono::sys_seconds> exp, iat, nbf, auth_time;
  for (const auto& [name, date] : {std::pair{"exp", &exp}, std::pair{"iat", &iat}, std::pair{"nbf", &nbf},
                                   std::pair{"auth_time", &auth_time}}) {
    if (auto read = read_date(claims, name, *date); !read) return read;
  }
  if (!exp) return wrong("exp", "is missing");
  if (!iat) return wrong("iat", "is missing");
  if (*exp + clock_skew <= expected.now && !mutant("accept-expired-id-token"))
    return wrong("exp", "is in the past");
  if (*iat > expected.now + clock_skew) return wrong("iat", "is in the future");
  if (nbf && *nbf > expected.now + clock_skew) return wrong("nbf", "is in the future");
  if (auth_time && *auth_time > expected.now + clock_skew) return wrong("auth_time", "is in the future");
  if (!expected.max_age) return {};
  if (!auth_time) return wrong("auth_time", "is missing although max_age was asked");
  if (*auth_time + *expected.max_age + clock_skew < expected.now)
    return wrong("auth_time", "is older than asked");
  return {};
}

// Base64url of the left half of the hash that the token's own algorithm uses.
std::string left_half_hash(const std::string& text, const std::string& algorithm) {
  const EVP_MD* md = algorithm.ends_with("256")   ? EVP_sha256()
                     : algorithm.ends_with("384") ? EVP_sha384()
                                                  : EVP_sha512();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, md, nullptr) != 1) return {};
  return base64url({reinterpret_cast<const char*>(digest.data()), length / 2});
}

Status judge_nonce(const Json& claims, const Expected& expected) {
  const auto nonce = string_member(claims, "nonce");
  if ((expected.refreshed && !claims.contains("nonce")) || mutant("skip-nonce")) return {};
  if (expected.nonce.empty() || !nonce || !equal_constant_time(*nonce, expected.nonce)) {
    return wrong("nonce", "is not the one that was sent");
  }
  return {};
}

Status judge_access_token(const Json& claims, const Expected& expected) {
  if (!claims.contains("at_hash") || !expected.access_token) return {};
  const std::string hash = left_half_hash(*expected.access_token, expected.algorithm);
  const auto given = string_member(claims, "at_hash");
  if (hash.empty() || !given || !equal_constant_time(*given, hash)) {
    return wrong("at_hash", "does not fit the access token");
  }
  return {};
}

Status judge_acr(const Json& claims) {
  const auto acr = claims.find("acr");
  if (acr == claims.end() || acr->is_null()) return {};
  if (!acr->is_string() || acr->get_ref<const std::string&>().size() > acr_bytes_max) {
    return wrong("acr", "is not a short string");
  }
  return {};
}

}  // namespace

Status judge_audience(const Json& claims, const std::string& client_id) {
  const auto aud = claims.find("aud");
  if (aud == claims.end()) return wrong("aud", "is missing");
  std::size_t count = 1;
  bool ours = false;
  if (aud->is_string()) {
    ours = aud->get_ref<const std::string&>() == client_id;
  } else if (aud->is_array() && aud->size() <= audiences_max) {
    count = aud->size();
    if (!std::ranges::all_of(*aud, [](const Json& one) { return one.is_string(); })) {
      return wrong("aud", "is not a list of strings");
    }
    ours = std::ranges::find(*aud, Json(client_id)) != aud->end();
  }
  if (!ours && !mutant("accept-any-aud")) return wrong("aud", "does not name this client");
  const bool has_azp = claims.contains("azp");
  if (count > 1 && !has_azp) return wrong("azp", "is missing beside several audiences");
  if (has_azp && string_member(claims, "azp") != client_id) return wrong("azp", "is another client");
  return {};
}

bool sane_sub(std::string_view sub) {
  return !sub.empty() && sub.size() <= sub_bytes_max && printable_ascii(sub);
}

Result<Json> judge_claims(std::string_view payload, const Expected& expected) {
  auto claims = parse_object(payload, "IDN033", "the ID token's payload");
  if (!claims) return claims;
  if (string_member(*claims, "iss") != expected.issuer) return wrong("iss", "is not the provider's issuer");
  if (!sane_sub(string_member(*claims, "sub").value_or("")))
    return wrong("sub", "is not 1 to 255 ASCII characters");
  if (auto judged = judge_audience(*claims, expected.client_id); !judged)
    return tl::unexpected(judged.error());
  if (auto judged = judge_dates(*claims, expected); !judged) return tl::unexpected(judged.error());
  if (auto judged = judge_nonce(*claims, expected); !judged) return tl::unexpected(judged.error());
  if (auto judged = judge_access_token(*claims, expected); !judged) return tl::unexpected(judged.error());
  if (auto judged = judge_acr(*claims); !judged) return tl::unexpected(judged.error());
  return claims;
}

}  // namespace durward::identity

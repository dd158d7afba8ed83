// All that a login reads from outside: tokens, key sets, metadata, claims, what was sealed into a browser,
// return addresses. Whatever is accepted is judged once more here, in the plainest words.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "fuzz.h"
#include "identity/discovery.h"
#include "identity/id_token.h"
#include "identity/jose.h"
#include "identity/roles.h"
#include "session/flow.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace durward {
namespace {

using fuzz::require;
using std::chrono::seconds;
using std::chrono::sys_seconds;

const sys_seconds now{seconds{1'800'000'000}};

void check_jose(std::string_view text) {
  const auto keys = identity::read_key_set(text);
  if (keys)
    for (const auto& key : keys->keys) require(key.type == "RSA" || key.type == "EC");
  const auto header = identity::read_header(text);
  if (!header) return;
  const auto& algorithm = header->algorithm;
  require(algorithm.size() == 5 && (algorithm[0] == 'R' || algorithm[0] == 'P' || algorithm[0] == 'E'));
  require(header->key_id.size() <= identity::key_id_bytes_max);
  static const auto known = identity::read_key_set(
      R"({"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
      R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]})");
  require(known.has_value());
  const auto& key = known->keys.front();
  // Its private half is nowhere, so nothing can be signed with it.
  if (identity::fits(key, *header, {"ES256"})) require(!identity::verify(text, *header, key));
}

void check_claims(std::string_view text) {
  const identity::Expected expected{.issuer = "https://id.example",
                                    .client_id = "durward",
                                    .nonce = "n",
                                    .algorithm = "RS256",
                                    .access_token = std::nullopt,
                                    .max_age = std::nullopt,
                                    .now = now};
  const auto claims = identity::judge_claims(text, expected);
  if (claims) {
    const auto& json = *claims;
    require(json.at("iss") == expected.issuer && json.at("nonce") == expected.nonce);
    const auto& audience = json.at("aud");
    require(audience.is_array() ? std::find(audience.begin(), audience.end(), "durward") != audience.end()
                                : audience == "durward");
    require(json.at("exp").get<double>() > 1'800'000'000.0 - 61 &&
            identity::sane_sub(json.at("sub").get<std::string>()));
  }
  static const model::IdentityProvider provider = [] {
    model::IdentityProvider out;
    out.name.value = "corp";
    out.issuer.value = "https://id.example";
    out.acr = {{"pwd", 0}};
    return out;
  }();
  static const model::Model model = [] {
    model::Model out;
    out.roles["staff"].name.value = "staff";
    out.roles["staff"].members = {
        {.kind = model::MemberLiteral::Kind::group, .claim = "", .value = {.value = "staff", .span = {}}}};
    return out;
  }();
  const auto kept = identity::restrict_claims(text, provider, model);
  const auto full = identity::evaluate(text, provider, model);
  require(kept || !full);
  if (!full) return;
  const auto again = identity::evaluate(*kept, provider, model);
  require(again && again->subject.roles == full->subject.roles);
}

void check_discovery(std::string_view text) {
  const auto document = identity::read_discovery(text, "https://id.example");
  if (!document) return;
  for (const auto& url : {document->authorization_endpoint, document->token_endpoint, document->jwks_uri})
    require(url.starts_with("https://") && fuzz::one_line(url));
  require(!document->signing_algorithms.empty());
}

void check_browser(std::string_view text) {
  static testing::FakeClock clock;
  static testing::MemoryStore store(clock);
  static sys::SystemRandom random;
  static const auto sealer = session::Sealer::open(store, random);
  require(sealer.has_value());
  require(!sealer->unseal("start", text, now) && !session::open_state(*sealer, text, now));
  const auto url = session::make_return_url("app.example", 8443, text);
  if (url) {
    require(url->starts_with("https://app.example:8443/") && !url->starts_with("https://app.example:8443//"));
    require(session::check_return_url(*url, "app.example", 8443).has_value());
  }
  if (session::check_return_url(text, "app.example", 443)) {
    require(text.starts_with("https://app.example/") && fuzz::one_line(text));
    require(text.find('\\') == std::string_view::npos);
  }
}

}  // namespace
}  // namespace durward

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = durward::fuzz::text_of(data, size);
  durward::check_jose(text);
  durward::check_claims(text);
  durward::check_discovery(text);
  durward::check_browser(text);
  return 0;
}

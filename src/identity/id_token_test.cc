// Proves: every claim that must hold is judged, and a value of another type or out of range never passes for
// one.
#include "identity/id_token.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/text.h"

namespace durward::identity {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t now = 1'900'000'000;

Expected expected() {
  return {.issuer = "https://id.example",
          .client_id = "durward",
          .nonce = "n-1",
          .algorithm = "RS256",
          .access_token = "access",
          .max_age = {},
          .now = std::chrono::sys_seconds(std::chrono::seconds(now))};
}
Json good() {
  return {{"iss", "https://id.example"},
          {"sub", "u"},
          {"aud", "durward"},
          {"exp", now + 60},
          {"iat", now},
          {"nonce", "n-1"}};
}
// "ok", or the claim that was refused. `more` is merged into a good token; null removes.
std::string judge(const Json& more, const Expected& wanted = expected()) {
  Json claims = good();
  claims.merge_patch(more);
  const auto judged = judge_claims(claims.dump(), wanted);
  if (judged) return "ok";
  EXPECT_EQ(judged.error().code, "IDN033");
  const auto words = split(judged.error().message, ' ');
  return words.size() > 3 ? words[3] : judged.error().message;
}
// As judge, with the value's text put in as it stands.
std::string judge_text(const std::string& name, const std::string& value) {
  Json claims = good();
  claims.erase(name);
  std::string text = claims.dump();
  text.back() = ',';
  const auto judged = judge_claims(text + "\"" + name + "\":" + value + "}", expected());
  return judged ? "ok" : "refused";
}

TEST(IdToken, AGoodOne) {
  EXPECT_EQ(judge(Json::object()), "ok");
}

TEST(IdToken, Issuer) {
  for (const Json& iss :
       {Json(nullptr), Json("https://id.example/"), Json("https://evil.example"), Json(7), Json("")}) {
    EXPECT_EQ(judge({{"iss", iss}}), "iss") << iss;
  }
}

TEST(IdToken, Audience) {
  EXPECT_EQ(judge({{"aud", {"durward"}}}), "ok");
  EXPECT_EQ(judge({{"aud", {"durward", "other"}}, {"azp", "durward"}}), "ok");
  EXPECT_EQ(judge({{"aud", {"durward", "other"}}}), "azp");
  EXPECT_EQ(judge({{"aud", {"durward", "other"}}, {"azp", "other"}}), "azp");
  EXPECT_EQ(judge({{"azp", "other"}}), "azp");
  EXPECT_EQ(judge({{"azp", 7}}), "azp");
  for (const Json& aud :
       {Json(nullptr), Json("other"), Json("durward2"), Json(""), Json(7), Json::array(), Json{"other"},
        Json{"durward", 7}, Json{{"durward", true}}, Json(std::vector<std::string>(17, "durward"))}) {
    EXPECT_EQ(judge({{"aud", aud}}), "aud") << aud;
  }
}

TEST(IdToken, Dates) {
  const std::string soon = std::to_string(now + 60);
  EXPECT_EQ(judge_text("exp", soon), "ok");
  EXPECT_EQ(judge_text("exp", soon + ".5"), "ok");
  for (const char* exp :
       {"1e300", "-1", "\"9\"", "\"1900000060\"", "0", "null", "true", "[]", "1900000060000", "1e999",
        "9223372036854775808", "18446744073709551615", "-9223372036854775808", "8589934592", "0.5"}) {
    EXPECT_EQ(judge_text("exp", exp), "refused") << exp;
    EXPECT_EQ(judge_text("iat", exp), "refused") << exp;
    EXPECT_EQ(judge_text("nbf", exp), "refused") << exp;
  }
  EXPECT_EQ(judge({{"exp", nullptr}}), "exp");
  EXPECT_EQ(judge({{"iat", nullptr}}), "iat");
  EXPECT_EQ(judge({{"exp", now - 59}}), "ok");  // skew
  EXPECT_EQ(judge({{"exp", now - 60}}), "exp");
  EXPECT_EQ(judge({{"iat", now + 60}}), "ok");
  EXPECT_EQ(judge({{"iat", now + 61}}), "iat");
  EXPECT_EQ(judge({{"nbf", now + 61}}), "nbf");
}

TEST(IdToken, Nonce) {
  for (const Json& nonce : {Json(nullptr), Json("old"), Json(""), Json(7), Json{"n-1"}}) {
    EXPECT_EQ(judge({{"nonce", nonce}}), "nonce") << nonce;
  }
  Expected none = expected();
  none.nonce = "";
  EXPECT_EQ(judge({{"nonce", ""}}, none), "nonce");
}

TEST(IdToken, AccessTokenHash) {
  const std::string half = base64url(sha256("access").substr(0, 16));
  EXPECT_EQ(judge({{"at_hash", half}}), "ok");
  EXPECT_EQ(judge({{"at_hash", half + "A"}}), "at_hash");
  EXPECT_EQ(judge({{"at_hash", ""}}), "at_hash");
  EXPECT_EQ(judge({{"at_hash", 7}}), "at_hash");
  Expected longer = expected();
  longer.algorithm = "ES384";
  EXPECT_EQ(judge({{"at_hash", half}}, longer), "at_hash");
}

TEST(IdToken, AuthTimeIsRequiredWhenAsked) {
  Expected fresh = expected();
  fresh.max_age = 300s;
  EXPECT_EQ(judge(Json::object(), fresh), "auth_time");
  EXPECT_EQ(judge({{"auth_time", now - 300}}, fresh), "ok");
  EXPECT_EQ(judge({{"auth_time", now - 361}}, fresh), "auth_time");
  EXPECT_EQ(judge({{"auth_time", now + 61}}), "auth_time");
  EXPECT_EQ(judge({{"auth_time", "now"}}), "auth_time");
}

TEST(IdToken, SubAndAcr) {
  EXPECT_EQ(judge({{"sub", std::string(255, 's')}}), "ok");
  for (const Json& sub :
       {Json(nullptr), Json(""), Json(7), Json(std::string(256, 's')), Json("ä"), Json("a\n")}) {
    EXPECT_EQ(judge({{"sub", sub}}), "sub") << sub;
  }
  EXPECT_EQ(judge_text("sub", R"("a\u0000b")"), "refused");
  EXPECT_EQ(judge({{"acr", "x"}}), "ok");
  EXPECT_EQ(judge({{"acr", 2}}), "acr");
  EXPECT_EQ(judge({{"acr", std::string(257, 'a')}}), "acr");
}

TEST(IdToken, DuplicateMembersAreRefused) {
  std::string text = good().dump();
  text.back() = ',';
  EXPECT_FALSE(judge_claims(text + R"("aud":"durward"})", expected()));
}

}  // namespace
}  // namespace durward::identity

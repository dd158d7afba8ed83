// Proves: a logout token counts only when every part of it holds, and nothing else passes for one.
#include "identity/logout_token.h"

#include <gtest/gtest.h>

#include "identity/json.h"

namespace durward::identity {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t now = 1'900'000'000;
constexpr const char* event = "http://schemas.openid.net/event/backchannel-logout";

Json good() {
  return {{"iss", "https://id.example"},
          {"aud", "durward"},
          {"iat", now},
          {"exp", now + 120},
          {"jti", "j-1"},
          {"events", {{event, Json::object()}}},
          {"sub", "u-1"},
          {"sid", "s-1"}};
}
Result<LogoutToken> read(const Json& claims) {
  return judge_logout_claims(claims.dump(), {.issuer = "https://id.example",
                                             .client_id = "durward",
                                             .now = std::chrono::sys_seconds(std::chrono::seconds(now))});
}
// "ok", or the claim that was refused. null removes.
std::string judge(const std::string& name, const Json& value) {
  Json claims = good();
  if (value.is_null()) {
    claims.erase(name);
  } else {
    claims[name] = value;
  }
  const auto judged = read(claims);
  if (judged) return "ok";
  EXPECT_EQ(judged.error().code, "IDN035");
  const std::string& message = judged.error().message;
  const std::size_t begin = message.find("token's ") + 8;
  return message.substr(begin, message.find(' ', begin) - begin);
}

TEST(LogoutToken, AGoodOne) {
  const auto token = read(good());
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(token->sub, "u-1");
  EXPECT_EQ(token->sid, "s-1");
  EXPECT_EQ(token->jti, "j-1");
  EXPECT_EQ(token->useless_after.time_since_epoch().count(), now + 180);  // its own end, and the skew
  EXPECT_EQ(judge("sub", nullptr), "ok");
  EXPECT_EQ(judge("sid", nullptr), "ok");
  EXPECT_EQ(judge("exp", nullptr), "ok");
}

TEST(LogoutToken, WhoAndForWhom) {
  for (const Json& iss : {Json(nullptr), Json("https://id.example/"), Json("https://evil.example"), Json(7)})
    EXPECT_EQ(judge("iss", iss), "iss") << iss;
  for (const Json& aud : {Json(nullptr), Json("other"), Json(""), Json(7), Json::array(), Json{"other"},
                          Json{"durward", "other"}})
    EXPECT_EQ(judge("aud", aud), "aud") << aud;
  EXPECT_EQ(judge("aud", Json{"durward"}), "ok");
}

TEST(LogoutToken, Times) {
  EXPECT_EQ(judge("iat", now + 60), "ok");
  EXPECT_EQ(judge("iat", now - 359), "ok");
  for (const Json& iat : {Json(nullptr), Json(now + 61), Json(now - 360), Json("1900000000"), Json(-1),
                          Json(1e300), Json(now * 1000), Json(true)})
    EXPECT_EQ(judge("iat", iat), "iat") << iat;
  EXPECT_EQ(judge("exp", now - 59), "ok");
  for (const Json& exp : {Json(now - 60), Json("9"), Json(-1), Json(1e300), Json::array()})
    EXPECT_EQ(judge("exp", exp), "exp") << exp;
}

TEST(LogoutToken, ItIsOneAndNothingElse) {
  for (const Json& events :
       {Json(nullptr), Json(event), Json{event}, Json::object(), Json{{event, true}}, Json{{event, nullptr}},
        Json{{event, Json::array()}}, Json{{"http://schemas.openid.net/event/other", Json::object()}}})
    EXPECT_EQ(judge("events", events), "events") << events;
  EXPECT_EQ(judge("nonce", "n"), "nonce");
  EXPECT_EQ(judge("nonce", ""), "nonce");
}

TEST(LogoutToken, Ids) {
  for (const char* name : {"sub", "sid", "jti"}) {
    EXPECT_EQ(judge(name, std::string(255, 'x')), "ok");
    for (const Json& id : {Json(""), Json(std::string(256, 'x')), Json(7), Json("a\nb"), Json("\xc3\xa4")})
      EXPECT_EQ(judge(name, id), name) << id;
  }
  EXPECT_EQ(judge("jti", nullptr), "jti");
  Json nobody = good();
  nobody.erase("sub");
  nobody.erase("sid");
  EXPECT_FALSE(read(nobody));
  EXPECT_FALSE(judge_logout_claims("no object", {}));
}

}  // namespace
}  // namespace durward::identity

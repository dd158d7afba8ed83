// Proves: what travels through the browser comes back as it went, for its purpose, in time, or not at all.
#include "session/sealed.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "session/flow.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace durward::session {
namespace {

using namespace std::chrono_literals;

class SealedTest : public ::testing::Test {
 protected:
  Sealer open() { return Sealer::open(store_, random_).value(); }
  std::string code(const Result<std::string>& result) { return result ? *result : result.error().code; }

  testing::FakeClock clock_;
  testing::MemoryStore store_{clock_};
  sys::SystemRandom random_;
  Sealer sealer_ = open();
  std::chrono::sys_seconds now_ = clock_.now_seconds();
};

TEST_F(SealedTest, ComesBackUnderTheStoredKey) {
  const auto sealed = sealer_.seal("start", "{\"a\":1}", now_ + 60s);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(code(open().unseal("start", *sealed, now_ + 59s)), "{\"a\":1}");
  EXPECT_EQ(sealed->find("a\":1"), std::string::npos);
  EXPECT_NE(*sealed, *sealer_.seal("start", "{\"a\":1}", now_ + 60s));
}

TEST_F(SealedTest, OnlyForItsPurposeAndTime) {
  const auto sealed = sealer_.seal("start", "x", now_ + 60s);
  EXPECT_EQ(code(sealer_.unseal("state", *sealed, now_)), "SES004");
  EXPECT_EQ(code(sealer_.unseal("start", *sealed, now_ + 60s)), "SES005");
}

TEST_F(SealedTest, AnyAlterationIsRefused) {
  const std::string sealed = *sealer_.seal("start", "hello", now_ + 60s);
  const std::string bytes = *base64url_decode(sealed);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_EQ(code(sealer_.unseal("start", base64url(altered), now_)), "SES004") << i;
  }
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(code(sealer_.unseal("start", base64url(bytes.substr(0, length)), now_)), "SES004");
  }
  EXPECT_EQ(code(sealer_.unseal("start", sealed + "=", now_)), "SES004");
  EXPECT_EQ(code(sealer_.unseal("start", std::string(1 << 20, 'A'), now_)), "SES004");
  testing::MemoryStore other(clock_);
  EXPECT_EQ(code(Sealer::open(other, random_)->unseal("start", sealed, now_)), "SES004");
}

TEST_F(SealedTest, IsBounded) {
  EXPECT_EQ(code(sealer_.seal("start", std::string(sealed_plain_bytes_max + 1, 'x'), now_)), "SES003");
}

TEST_F(SealedTest, ADamagedOrNewerKeyIsNotReplaced) {
  const auto with = [&](const std::string& value) {
    EXPECT_TRUE(
        store_.transact({.compares = {}, .puts = {{.key = "key/seal", .value = value}}, .deletes = {}}));
    return Sealer::open(store_, random_).error().code;
  };
  EXPECT_EQ(with(R"({"v":1,"key":"AAAA"})"), "SES002");
  EXPECT_EQ(with(R"({"v":2,"key":"AAAA"})"), "SES009");
  EXPECT_EQ(with("x"), "SES008");
}

TEST_F(SealedTest, TwoOpenersAgreeOnOneKey) {
  testing::MemoryStore fresh(clock_);
  std::optional<Sealer> winner;
  fresh.before_next_transaction([&] { winner.emplace(Sealer::open(fresh, random_).value()); });
  const auto loser = Sealer::open(fresh, random_);
  ASSERT_TRUE(loser && winner);
  EXPECT_EQ(code(loser->unseal("p", *winner->seal("p", "x", now_ + 1s), now_)), "x");
}

TEST_F(SealedTest, StartAndStateRoundTrip) {
  Start start{.host = "pay.example",
              .return_url = "https://pay.example/x?y",
              .nonce_hash = nonce_hash("n"),
              .need_acr = 2,
              .need_age = 900s};
  EXPECT_EQ(open_start(sealer_, *seal_start(sealer_, start, now_), now_).value(), start);
  start.need_acr.reset();
  start.need_age.reset();
  EXPECT_EQ(open_start(sealer_, *seal_start(sealer_, start, now_), now_).value(), start);
  State state{.provider = "corp",
              .nonce = "n",
              .code_verifier = "v",
              .browser_hash = "b",
              .max_age = 0s,
              .start = start};
  const std::string sealed = *seal_state(sealer_, state, now_);
  EXPECT_EQ(open_state(sealer_, sealed, now_).value(), state);
  EXPECT_EQ(open_state(sealer_, sealed, now_ + state_ttl).error().code, "SES005");
  EXPECT_EQ(open_start(sealer_, sealed, now_).error().code, "SES004");  // a state is no start
  state.max_age.reset();
  state.start.reset();
  EXPECT_EQ(open_state(sealer_, *seal_state(sealer_, state, now_), now_).value(), state);
}

TEST_F(SealedTest, ContentOfAnotherVersionIsRefused) {
  for (const char* text : {"{}", "x", R"({"v":2,"host":"a","url":"b","nonce":"c"})", R"({"v":1,"host":"a"})",
                           R"({"v":1,"host":"a","url":"b","nonce":"c","acr":-1})",
                           R"({"v":1,"host":"a","url":"b","nonce":"c","age":1e9})"}) {
    EXPECT_EQ(open_start(sealer_, *sealer_.seal("start", text, now_ + 1s), now_).error().code, "SES006")
        << text;
  }
}

TEST(ReturnUrl, StaysOnItsHost) {
  EXPECT_EQ(make_return_url("pay.example", 443, "/a?b=c").value(), "https://pay.example/a?b=c");
  EXPECT_EQ(make_return_url("pay.example", 8443, "/").value(), "https://pay.example:8443/");
  EXPECT_TRUE(make_return_url("pay.example", 443, "/%5cevil.test"));  // stays encoded, on our own host
  for (const std::string target : {"", "x", "//evil.test", "/\\evil.test", "\\evil.test", "https:evil.test",
                                   "https://evil.test", "/\t/evil.test", "/\r\nLocation: x", "/a#b", "/a b",
                                   "/\xc3\xa4", "@evil.test", ".evil.test", ":1@evil.test/"}) {
    EXPECT_EQ(make_return_url("pay.example", 443, target).error().code, "SES007") << target;
  }
  EXPECT_EQ(make_return_url("pay.example", 443, "/" + std::string(2'048, 'x')).error().code, "SES007");
}

TEST(ReturnUrl, IsJudgedWhole) {
  EXPECT_TRUE(check_return_url("https://app.test/x", "app.test", 443));
  EXPECT_TRUE(check_return_url("https://app.test:8443/x", "app.test", 8443));
  for (const char* url :
       {"https://evil-app.test/", "https://app.test.evil.test/", "https://app.test@evil.test/",
        "https://evil.test\\.app.test", "https://evil.test/app.test", "http://app.test/", "https://app.test",
        "https://app.test:8443/", "https://app.test//evil", "//app.test/", "https:app.test/", "javascript:1",
        ""}) {
    EXPECT_FALSE(check_return_url(url, "app.test", 443)) << url;
  }
}

}  // namespace
}  // namespace durward::session

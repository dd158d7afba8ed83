// Proves: a logout token ends the logins it names and no others, once, through restarts and failures of the
// store.
#include "session/sessions.h"
#include "testing/session_fixture.h"

namespace durward::session {
namespace {

using namespace std::chrono_literals;

class BackChannelTest : public testing::SessionFixture {
 protected:
  IssuedLogin with_sid(const std::string& person, const std::string& sid) {
    auto known = identity(person);
    known.sid = sid;
    auto issued = sessions_->create_login(known, model_);
    EXPECT_TRUE(issued) << issued.error().message;
    return std::move(*issued);
  }
  identity::LogoutToken token(const std::string& sub, const std::string& sid) {
    return {.sub = sub,
            .sid = sid,
            .jti = "j" + std::to_string(++count_),
            .useless_after = clock_.now_seconds() + 6min};
  }
  // How many logins ended, or the code of the refusal.
  std::string logout(const identity::LogoutToken& token, const std::string& provider = "corp") {
    const auto ended = sessions_->back_channel_logout(provider, token);
    return ended ? std::to_string(ended->logins.size()) : ended.error().code;
  }
  int count_ = 0;
};

TEST_F(BackChannelTest, EndsTheSessionThatIsNamedAndNoOther) {
  const auto one = with_sid("ann", "s-1");
  const auto two = with_sid("ann", "s-2");
  const auto bob = with_sid("bob", "s-3");
  const auto row = adopt(one.login.id, "pay.example");
  EXPECT_EQ(logout(token("", "s-1")), "1");
  EXPECT_FALSE(signed_in(one.token) || live(row.session.key));
  EXPECT_TRUE(signed_in(two.token) && signed_in(bob.token));
  EXPECT_EQ(logout(token("sub-ann", "s-2")), "1");
  EXPECT_EQ(logout(token("", "nobody's")), "0");
  EXPECT_TRUE(signed_in(bob.token));
}

TEST_F(BackChannelTest, ASubAloneEndsAllOfThatPersonAtThatProvider) {
  model_.providers["partner"] = model_.providers["corp"];
  model_.providers["partner"].name.value = "partner";
  auto elsewhere = identity("ann");
  elsewhere.provider = "partner";
  const auto partner = sessions_->create_login(elsewhere, model_);
  ASSERT_TRUE(partner);
  with_sid("ann", "s-1");
  with_sid("ann", "");
  const auto bob = with_sid("bob", "s-3");
  EXPECT_EQ(logout(token("sub-ann", "")), "2");
  EXPECT_TRUE(signed_in(bob.token) && signed_in(partner->token));
}

TEST_F(BackChannelTest, SomeoneElsesSidIsRefused) {
  const auto bob = with_sid("bob", "s-3");
  EXPECT_EQ(logout(token("sub-ann", "s-3")), "SES015");
  EXPECT_EQ(logout(token("", "s-3"), "partner"), "0");
  EXPECT_TRUE(signed_in(bob.token));
}

TEST_F(BackChannelTest, ATokenCountsOnceThroughARestartToo) {
  const auto used = token("sub-ann", "");
  with_sid("ann", "s-1");
  EXPECT_EQ(logout(used), "1");
  const auto later = with_sid("ann", "s-1");
  EXPECT_EQ(logout(used), "SES015");
  reopen();
  EXPECT_EQ(logout(used), "SES015");
  clock_.advance(5min);
  ASSERT_TRUE(sessions_->expire());
  EXPECT_EQ(logout(used), "SES015");  // still fresh enough to be shown
  EXPECT_TRUE(signed_in(later.token));
  clock_.advance(2min);
  ASSERT_TRUE(sessions_->expire());
  EXPECT_TRUE(store_.list("logout/", {})->empty());  // too old for anybody by now
}

TEST_F(BackChannelTest, WhatFailedMayBeSaidAgain) {
  const auto login = with_sid("ann", "s-1");
  const auto said = token("", "s-1");
  store_.before_next_transaction(
      [&] { store_.before_next_transaction([&] { store_.fail_transactions(1, "STO002"); }); });
  EXPECT_EQ(logout(said), "STO002");
  EXPECT_TRUE(signed_in(login.token));
  EXPECT_EQ(logout(said), "1");
}

TEST_F(BackChannelTest, BearersGoWithTheirSession) {
  const auto login = with_sid("ann", "s-1");
  const auto token_made = sessions_->create_bearer(bearer(login.login.id, 8h));
  ASSERT_TRUE(token_made);
  clock_.advance(31min);
  ASSERT_TRUE(sessions_->expire());  // the browser's part idles away, the token stays
  ASSERT_TRUE(live(token_made->session.key));
  EXPECT_EQ(logout(token("", "s-1")), "1");
  EXPECT_FALSE(live(token_made->session.key));
}

}  // namespace
}  // namespace durward::session

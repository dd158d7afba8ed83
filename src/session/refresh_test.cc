// Proves: claims follow the provider within their bounds; a login that the provider disowns ends; what cannot
// be read for too long is unknown; a refresh token outlives rotation, failure and restart, and is never
// stored in the clear.
#include <set>

#include "session/sessions.h"
#include "testing/fake_http.h"
#include "testing/session_fixture.h"

namespace durward::session {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* token_url = "https://id.example/token";
constexpr const char* userinfo_url = "https://id.example/userinfo";

// The provider has no ID token to give on a refresh, so that none has to be signed: UserInfo says the claims.
class RefreshTest : public testing::SessionFixture {
 protected:
  RefreshTest() {
    model_.providers["corp"].client_id.value = "durward";
    http_.on("https://id.example/.well-known/openid-configuration",
             json{{"issuer", "https://id.example"},
                  {"authorization_endpoint", "https://id.example/authorize"},
                  {"token_endpoint", token_url},
                  {"jwks_uri", "https://id.example/keys"},
                  {"userinfo_endpoint", userinfo_url}}
                 .dump());
    answers({{"access_token", "access"}, {"token_type", "Bearer"}});
    says({{"sub", "sub-ann"}, {"groups", {"staff"}}, {"email", "ann@example.com"}, {"email_verified", true}});
    provider_ = std::make_unique<identity::Provider>(
        identity::Provider::Options{model_.providers["corp"], Secret("s"), http_, clock_});
  }
  void answers(const json& body, int status = 200) { http_.on(token_url, body.dump(), status); }
  void says(const json& claims) { http_.on(userinfo_url, claims.dump()); }
  void refused() { answers({{"error", "invalid_grant"}}, 400); }

  IssuedLogin refreshable(const json& more = json::object(), const std::string& token = "r-1") {
    auto known = identity("ann", more);
    known.refresh_token = Secret(token);
    auto issued = sessions_->create_login(known, model_);
    EXPECT_TRUE(issued) << issued.error().message;
    return std::move(*issued);
  }
  RefreshOutcome refresh(const std::string& id) {
    report_ = sessions_->refresh(id, *provider_, model_);
    return report_.outcome;
  }
  std::string shown() { return http_.requests().at(http_.requests().size() - 2).body; }
  Login now(const std::string& id) { return **sessions_->find(id); }

  testing::FakeHttp http_;
  std::unique_ptr<identity::Provider> provider_;
  RefreshReport report_;
};

TEST_F(RefreshTest, AGroupTakenAwayReachesTheLoginItsRowsAndItsBearers) {
  const auto login = refreshable();
  const auto row = adopt(login.login.id, "pay.example");
  const auto token = sessions_->create_bearer(bearer(login.login.id, 1h));
  says({{"sub", "sub-ann"}, {"groups", {"other"}}, {"email", "ann@example.com"}, {"email_verified", true}});
  const auto before = *store_.revision();
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::changed);
  EXPECT_EQ(*store_.revision(), before + 1);  // all of it or nothing
  EXPECT_TRUE(now(login.login.id).subject.roles.empty());
  for (const std::string& key : {row.session.key, token->session.key})
    EXPECT_TRUE((*sessions_->find_session(key))->subject.roles.empty());
  EXPECT_TRUE(live(row.session.key));  // the same token goes on
  says({{"sub", "sub-ann"}, {"groups", {"staff"}}, {"email", "ann@example.com"}, {"email_verified", true}});
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::changed);
  EXPECT_EQ((*sessions_->find_session(row.session.key))->subject.roles, std::set<std::string>{"staff"});
}

TEST_F(RefreshTest, WhatIsUnchangedLeavesTheRowsAlone) {
  const auto login = refreshable();
  adopt(login.login.id, "pay.example");
  const auto before = *store_.revision();
  clock_.advance(5min);
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::unchanged);
  EXPECT_TRUE(store_.wait("session/", before, 0ms)->empty());
  EXPECT_EQ(now(login.login.id).claims_read, clock_.now_seconds());
}

TEST_F(RefreshTest, ARefreshIsNoAuthentication) {
  const auto login = refreshable({{"acr", "urn:pwd"}, {"auth_time", 1'800'000'000}});
  says({{"sub", "sub-ann"}, {"groups", {"staff"}}, {"acr", "urn:otp"}, {"auth_time", 1'900'000'000}});
  refresh(login.login.id);
  EXPECT_EQ(now(login.login.id).subject.acr, 0);
  EXPECT_EQ(now(login.login.id).subject.auth_time->time_since_epoch().count(), 1'800'000'000);
  clock_.advance(29min);
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::unchanged);
  clock_.advance(1min);
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::gone);  // nor is it a use
}

TEST_F(RefreshTest, ARefusalEndsTheLoginAndAllOfIts) {
  const auto login = refreshable();
  const auto other = refreshable(json::object(), "r-other");
  const auto row = adopt(login.login.id, "pay.example");
  const auto token = sessions_->create_bearer(bearer(login.login.id, 1h));
  refused();
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::refused);
  EXPECT_EQ(report_.error.code, "IDN022");
  EXPECT_EQ(report_.ended.sessions.size(), 2U);
  EXPECT_FALSE(signed_in(login.token) || live(row.session.key) || live(token->session.key));
  EXPECT_TRUE(signed_in(other.token));
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::gone);
}

TEST_F(RefreshTest, AnotherPersonEndsTheLogin) {
  const auto login = refreshable();
  says({{"sub", "sub-eve"}, {"groups", {"admins"}}});
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::refused);
  EXPECT_EQ(report_.error.code, "IDN023");
  EXPECT_FALSE(signed_in(login.token));
}

TEST_F(RefreshTest, AFailureChangesNothingUntilTheBound) {
  const auto login = refreshable();
  const auto row = adopt(login.login.id, "pay.example");
  http_.fails(token_url);
  for (int i = 0; i < 2; ++i) {
    clock_.advance(5min);
    EXPECT_EQ(refresh(login.login.id), RefreshOutcome::failed);
    EXPECT_TRUE(sessions_->lapse(model_)->empty());
  }
  clock_.advance(5min - 1s);
  EXPECT_TRUE(sessions_->lapse(model_)->empty());
  EXPECT_EQ(now(login.login.id).subject.roles, std::set<std::string>{"staff"});
  clock_.advance(1s);
  EXPECT_EQ(sessions_->lapse(model_)->size(), 1U);
  EXPECT_TRUE(sessions_->lapse(model_)->empty());
  const auto subject = (*sessions_->find_session(row.session.key))->subject;
  EXPECT_TRUE(subject.roles.empty());
  EXPECT_EQ(subject.unknown_roles, std::set<std::string>{"staff"});  // unknown, not absent
  EXPECT_FALSE(subject.email);
  EXPECT_EQ(subject.acr, 0);
}

TEST_F(RefreshTest, WhatHasLapsedComesBackAndCanBeRevokedMeanwhile) {
  const auto login = refreshable();
  const auto row = adopt(login.login.id, "pay.example");
  clock_.advance(15min);
  reopen();  // the bound counts through a restart
  ASSERT_EQ(sessions_->lapse(model_)->size(), 1U);
  reopen();
  EXPECT_TRUE(sessions_->lapse(model_)->empty());
  EXPECT_FALSE(sessions_->reevaluate(model_)->changed.size());
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::changed);
  EXPECT_EQ(now(login.login.id).subject.roles, std::set<std::string>{"staff"});
  sessions_->touch(row.session.key, clock_.now_seconds());
  clock_.advance(15min);
  ASSERT_EQ(sessions_->lapse(model_)->size(), 1U);
  EXPECT_EQ(sessions_->revoke(ByPerson{"Ann@example.com"})->logins.size(), 1U);
}

TEST_F(RefreshTest, OneWithoutARefreshTokenStaysAsItIs) {
  const auto login = sign_in("ann");
  clock_.advance(29min);
  EXPECT_TRUE(sessions_->take_due(model_).empty());
  EXPECT_TRUE(sessions_->lapse(model_)->empty());
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::gone);
  EXPECT_TRUE(http_.requests().empty());
}

TEST_F(RefreshTest, DueOnceEachIntervalAndNotAllAtOnce) {
  std::set<std::string> all;
  for (int i = 0; i < 50; ++i) all.insert(refreshable().login.id);
  clock_.advance(239s);
  EXPECT_TRUE(sessions_->take_due(model_).empty());
  clock_.advance(31s);
  const std::size_t first = sessions_->take_due(model_).size();
  EXPECT_GT(first, 0U);
  EXPECT_LT(first, 50U);  // jitter
  clock_.advance(30s);
  EXPECT_EQ(first + sessions_->take_due(model_).size(), 50U);
  EXPECT_TRUE(sessions_->take_due(model_).empty());  // given out
  const std::string one = *all.begin();
  EXPECT_EQ(refresh(one), RefreshOutcome::unchanged);
  EXPECT_TRUE(sessions_->take_due(model_).empty());
  http_.fails(token_url);
  refresh(one);
  clock_.advance(100s);  // a failure is tried again sooner
  const auto again = sessions_->take_due(model_);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again.front().login, one);
  EXPECT_EQ(again.front().provider, "corp");
  sessions_->put_back(one);
  EXPECT_EQ(sessions_->take_due(model_).size(), 1U);
}

TEST_F(RefreshTest, ALoginThatIdledAwayIsReadOnForItsBearersAlone) {
  const auto login = refreshable();
  const auto row = adopt(login.login.id, "pay.example");
  const auto token = sessions_->create_bearer(bearer(login.login.id, 2h));
  ASSERT_TRUE(token);
  clock_.advance(30min);
  const auto ended = sessions_->expire();
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->sessions.size(), 1U);
  EXPECT_FALSE(signed_in(login.token) || live(row.session.key));
  EXPECT_TRUE(live(token->session.key));
  auto by_person = bearer("", 1h);
  by_person.person = "ann@example.com";
  EXPECT_EQ(sessions_->create_bearer(by_person).error().code, "SES010");
  reopen();
  EXPECT_TRUE(sessions_->expire()->sessions.empty());
  says({{"sub", "sub-ann"}, {"groups", {"other"}}});
  ASSERT_EQ(sessions_->take_due(model_).size(), 1U);
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::changed);
  EXPECT_TRUE((*sessions_->find_session(token->session.key))->subject.roles.empty());
  refused();
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::refused);
  EXPECT_FALSE(live(token->session.key));
}

TEST_F(RefreshTest, WithoutBearersLeftItEnds) {
  const auto login = refreshable();
  ASSERT_TRUE(sessions_->create_bearer(bearer(login.login.id, 1h)));
  clock_.advance(30min);
  ASSERT_TRUE(sessions_->expire());
  EXPECT_TRUE(*sessions_->find(login.login.id));
  clock_.advance(30min);
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::gone);
  EXPECT_FALSE(*sessions_->find(login.login.id));
  EXPECT_TRUE(http_.requests().empty());
}

// ---- the refresh token -------------------------------------------------------------------------------

TEST_F(RefreshTest, IsNeverInTheStoreInTheClear) {
  const auto login = refreshable(json::object(), "very-secret-refresh-token");
  answers({{"access_token", "a"}, {"token_type", "Bearer"}, {"refresh_token", "the-next-secret"}});
  refresh(login.login.id);
  const auto all = store_.list("", {});
  for (const auto& entry : *all)
    for (const char* secret : {"very-secret-refresh-token", "the-next-secret"})
      EXPECT_EQ(entry.value.find(secret), std::string::npos) << entry.key;
}

TEST_F(RefreshTest, ARotatedOneIsStoredEvenWhenTheRestFails) {
  const auto login = refreshable();
  answers({{"access_token", "a"}, {"token_type", "Bearer"}, {"refresh_token", "r-2"}});
  http_.fails(userinfo_url);
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::failed);
  EXPECT_NE(shown().find("refresh_token=r-1"), std::string::npos);
  reopen();
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::failed);
  EXPECT_NE(shown().find("refresh_token=r-2"), std::string::npos);
}

TEST_F(RefreshTest, OneThatTheStoreWouldNotTakeIsNotLost) {
  const auto login = refreshable();
  answers({{"access_token", "a"}, {"token_type", "Bearer"}, {"refresh_token", "r-2"}});
  store_.fail_transactions(1, "STO001");
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::unchanged);
  answers({{"access_token", "a"}, {"token_type", "Bearer"}});
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::unchanged);
  EXPECT_NE(shown().find("refresh_token=r-2"), std::string::npos);
  reopen();
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::unchanged);
  EXPECT_NE(shown().find("refresh_token=r-2"), std::string::npos);
}

TEST_F(RefreshTest, AStepUpMeanwhileWins) {
  const auto login = refreshable();
  const auto step_up = [&] {
    auto again = identity("ann", {{"acr", "urn:otp"}});
    again.refresh_token = Secret("r-new");
    ASSERT_TRUE(sessions_->step_up(login.login.id, again, model_));
  };
  http_.on(token_url, [&](const identity::HttpRequest&) -> Result<identity::HttpResponse> {
    step_up();
    return identity::HttpResponse{400, "application/json", R"({"error":"invalid_grant"})"};
  });
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::gone);  // the old token's refusal ends nothing
  EXPECT_EQ(now(login.login.id).subject.acr, 1);
  http_.on(token_url, [&](const identity::HttpRequest&) -> Result<identity::HttpResponse> {
    step_up();
    return identity::HttpResponse{200, "application/json",
                                  R"({"access_token":"a","token_type":"Bearer","refresh_token":"r-old"})"};
  });
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::gone);
  answers({{"access_token", "a"}, {"token_type", "Bearer"}});
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::unchanged);
  EXPECT_NE(shown().find("refresh_token=r-new"), std::string::npos);
}

TEST_F(RefreshTest, ARevocationMeanwhileWins) {
  const auto login = refreshable();
  http_.on(userinfo_url, [&](const identity::HttpRequest&) -> Result<identity::HttpResponse> {
    EXPECT_EQ(sessions_->revoke(ByLogin{login.login.id})->logins.size(), 1U);
    return identity::HttpResponse{200, "application/json", R"({"sub":"sub-ann","groups":["staff"]})"};
  });
  EXPECT_EQ(refresh(login.login.id), RefreshOutcome::gone);
  EXPECT_FALSE(*sessions_->find(login.login.id));
}

TEST_F(RefreshTest, ARecordFromBeforeIsReadAndANewOneComesBackWhole) {
  auto login = refreshable().login;
  login.lapsed = true;
  login.last_email = "a@example.com";
  login.sid = "s-1";
  const auto back = read_login(login.id, write(login));
  ASSERT_TRUE(back);
  EXPECT_EQ(write(*back), write(login));
  json old = json::parse(write(login));
  for (const char* name : {"sid", "claims_read", "refresh_token", "lapsed", "last_email"}) old.erase(name);
  EXPECT_TRUE(read_login(login.id, old.dump()));
  for (const char* name : {"sid", "claims_read", "refresh_token", "lapsed", "last_email"}) {
    json damaged = json::parse(write(login));
    damaged[name] = json::array();
    EXPECT_EQ(read_login(login.id, damaged.dump()).error().code, "SES008") << name;
  }
}

}  // namespace
}  // namespace durward::session

// Proves: a login gives sessions only as it should, and a session says what the data plane needs.
#include "session/sessions.h"

#include <thread>

#include "base/hash.h"
#include "base/text.h"
#include "testing/session_fixture.h"

namespace durward::session {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class SessionsTest : public testing::SessionFixture {};

TEST_F(SessionsTest, KeyIsWhatHaproxyComputes) {
  std::string wanted = sha256_hex("pay.example/aTOKEN").substr(0, 32);
  for (char& c : wanted) c = c >= 'a' ? static_cast<char>(c - 32) : c;
  EXPECT_EQ(session_key("pay.example", "aTOKEN"), wanted);
}

TEST_F(SessionsTest, ALoginIsFoundByItsTokenAlone) {
  const auto issued = sign_in("ann");
  EXPECT_TRUE(token_shape(issued.token));
  EXPECT_EQ(issued.login.id.size(), 22U);
  EXPECT_EQ(issued.login.absolute_end, clock_.now_seconds() + 10h);
  const auto found = sessions_->find_by_login_token("login.example", issued.token);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->id, issued.login.id);
  EXPECT_EQ((*found)->subject.roles, std::set<std::string>{"staff"});
  EXPECT_EQ(sessions_->id_token_of(**found), "a.b.c");
  EXPECT_FALSE(*sessions_->find_by_login_token("other.example", issued.token));
  std::string altered = issued.token;
  altered[10] = altered[10] == 'A' ? 'B' : 'A';
  for (const std::string& token : {std::string(), std::string("%%%"), altered, issued.token + "A",
                                   issued.token.substr(1), std::string(8'000, 'a'), issued.login.id}) {
    EXPECT_FALSE(*sessions_->find_by_login_token("login.example", token));
  }
}

TEST_F(SessionsTest, TheStoreHoldsNoTokenAndNoIdToken) {
  const auto issued = sign_in("ann");
  const auto session = adopt(issued.login.id, "pay.example");
  const auto ticket = sessions_->issue_ticket(ticket_request(issued.login.id, "web.example"));
  const auto all = store_.list("", {});
  for (const auto& entry : *all) {
    for (const std::string& secret : {issued.token, session.token, *ticket, std::string("a.b.c")}) {
      EXPECT_EQ((entry.key + entry.value).find(secret), std::string::npos) << entry.key;
    }
  }
}

TEST_F(SessionsTest, EachLoginIsNew) {
  const auto first = sign_in("ann");
  const auto second = sign_in("ann");
  EXPECT_NE(first.login.id, second.login.id);
  EXPECT_NE(first.token, second.token);
  EXPECT_EQ(sessions_->list()->size(), 2U);
}

TEST_F(SessionsTest, AnUnknownProviderIsRefused) {
  auto other = identity("ann");
  other.provider = "nobody";
  EXPECT_EQ(sessions_->create_login(other, model_).error().code, "SES012");
  other = identity("ann");
  other.issuer = "https://evil.example";
  EXPECT_EQ(sessions_->create_login(other, model_).error().code, "SES012");
}

TEST_F(SessionsTest, ASessionSaysWhatTheDataPlaneNeeds) {
  const auto issued = sign_in("ann", {{"auth_time", 1'800'000'000}});
  const auto made = adopt(issued.login.id, "pay.example");
  EXPECT_EQ(made.session.key, session_key("pay.example", made.token));
  EXPECT_EQ(made.token[0], 'a');
  const auto found = sessions_->find_session(made.session.key);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, made.session);
  EXPECT_EQ((*found)->login, issued.login.id);
  EXPECT_EQ((*found)->host, "pay.example");
  EXPECT_EQ((*found)->idle, 30min);
  EXPECT_EQ((*found)->subject.acr, 0);
  EXPECT_EQ((*found)->subject.email, "ann@example.com");
  EXPECT_EQ((*found)->subject.auth_time->time_since_epoch().count(), 1'800'000'000);
  const auto row = store_.get("session/" + made.session.key, {});
  EXPECT_EQ(read_host_session(made.session.key, (*row)->value).value(), made.session);
}

TEST_F(SessionsTest, OneRowPerHost) {
  const auto issued = sign_in("ann");
  const auto first = adopt(issued.login.id, "pay.example");
  const auto second = adopt(issued.login.id, "pay.example");
  const auto other = adopt(issued.login.id, "web.example");
  EXPECT_FALSE(live(first.session.key));
  EXPECT_TRUE(live(second.session.key));
  EXPECT_TRUE(live(other.session.key));
  EXPECT_EQ(rows(), 2U);
}

TEST_F(SessionsTest, ATokenIsGoodOnItsHostOnly) {
  const auto made = adopt(sign_in("ann").login.id, "pay.example");
  EXPECT_FALSE(live(session_key("web.example", made.token)));
  EXPECT_FALSE(signed_in(made.token));
}

// ---- tickets ---------------------------------------------------------------------------------------

TEST_F(SessionsTest, ATicketIsSpentByUse) {
  const auto login = sign_in("ann").login.id;
  const auto ticket = sessions_->issue_ticket(ticket_request(login, "pay.example"));
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(sessions_->redeem_ticket(redemption(*ticket, "pay.example")));
  const auto again = sessions_->redeem_ticket(redemption(*ticket, "pay.example"));
  EXPECT_EQ(again.error().code, "SES011");
  EXPECT_EQ(rows(), 1U);
}

TEST_F(SessionsTest, ATicketShownWronglyIsRefusedAndSpent) {
  const auto login = sign_in("ann").login.id;
  const auto wrongly = [&](auto alter, const char* why) {
    const auto ticket = sessions_->issue_ticket(ticket_request(login, "pay.example"));
    Redemption shown = redemption(*ticket, "pay.example");
    alter(shown);
    const auto outcome = sessions_->redeem_ticket(shown);
    EXPECT_EQ(outcome.error().code, "SES011");
    EXPECT_EQ(outcome.error().hint, why);
    EXPECT_EQ(outcome.error().message, "the ticket is refused");
    EXPECT_EQ(sessions_->redeem_ticket(redemption(*ticket, "pay.example")).error().code, "SES011");
  };
  wrongly([&](Redemption& r) { r.host = "web.example"; }, "another host");
  wrongly([&](Redemption& r) { r.nonce = "another"; }, "another browser");
  wrongly([&](Redemption& r) { r.nonce = ""; }, "another browser");
  wrongly([&](Redemption& r) { r.nonce = nonce_hash("nonce"); }, "another browser");
  wrongly([&](Redemption& r) { r.return_url = "https://evil.example/"; }, "another return address");
  wrongly([&](Redemption&) { clock_.advance(30s); }, "late");
  EXPECT_EQ(rows(), 0U);
}

TEST_F(SessionsTest, ATicketIsGoodForUnderThirtySeconds) {
  const auto login = sign_in("ann").login.id;
  const auto ticket = sessions_->issue_ticket(ticket_request(login, "pay.example"));
  clock_.advance(29s);
  EXPECT_TRUE(sessions_->redeem_ticket(redemption(*ticket, "pay.example")));
}

TEST_F(SessionsTest, MadeUpTicketsAreRefused) {
  for (const std::string& ticket :
       {std::string(), std::string("x"), "t" + std::string(43, 'A'), std::string(1'000'000, 'a')}) {
    EXPECT_EQ(sessions_->redeem_ticket(redemption(ticket, "pay.example")).error().code, "SES011");
  }
}

TEST_F(SessionsTest, ATicketOfARevokedLoginIsWorthless) {
  const auto login = sign_in("ann").login.id;
  const auto ticket = sessions_->issue_ticket(ticket_request(login, "pay.example"));
  ASSERT_TRUE(sessions_->revoke(ByLogin{login}));
  EXPECT_EQ(sessions_->redeem_ticket(redemption(*ticket, "pay.example")).error().code, "SES010");
  EXPECT_EQ(sessions_->issue_ticket(ticket_request(login, "pay.example")).error().code, "SES010");
  EXPECT_EQ(rows(), 0U);
}

TEST_F(SessionsTest, OfManyWhoShowATicketOneGetsASession) {
  const auto login = sign_in("ann").login.id;
  const auto ticket = sessions_->issue_ticket(ticket_request(login, "pay.example"));
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&] { good += sessions_->redeem_ticket(redemption(*ticket, "pay.example")) ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 1);
  EXPECT_EQ(rows(), 1U);
}

TEST_F(SessionsTest, TicketArgumentsAreChecked) {
  const auto login = sign_in("ann").login.id;
  for (const char* host : {"", "PAY.example", "pay.example:8443", "pay.example/x", "a b"}) {
    EXPECT_EQ(sessions_->issue_ticket(ticket_request(login, host)).error().code, "SES012") << host;
  }
  auto request = ticket_request(login, "pay.example");
  request.nonce_hash = "";
  EXPECT_EQ(sessions_->issue_ticket(request).error().code, "SES012");
  auto shown = redemption(*sessions_->issue_ticket(ticket_request(login, "pay.example")), "pay.example");
  shown.table_of = [](seconds) { return 'A'; };
  EXPECT_EQ(sessions_->redeem_ticket(shown).error().code, "SES012");
}

TEST_F(SessionsTest, HostsOfALoginAreBounded) {
  const auto login = sign_in("ann").login.id;
  for (std::size_t i = 0; i < sessions_per_login_max; ++i) adopt(login, "h" + std::to_string(i) + ".example");
  const auto ticket = sessions_->issue_ticket(ticket_request(login, "more.example"));
  EXPECT_EQ(sessions_->redeem_ticket(redemption(*ticket, "more.example")).error().code, "SES014");
  adopt(login, "h0.example");  // one that it has is no more
  EXPECT_EQ(sessions_->revoke(ByLogin{login})->sessions.size(), sessions_per_login_max);
}

// ---- step-up ---------------------------------------------------------------------------------------

TEST_F(SessionsTest, StepUpKeepsTheLoginAndKillsEveryToken) {
  const auto before = sign_in("ann");
  const auto row = adopt(before.login.id, "pay.example");
  clock_.advance(10min);
  const auto after = sessions_->step_up(before.login.id, identity("ann", {{"acr", "urn:otp"}}), model_);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->login.id, before.login.id);
  EXPECT_EQ(after->login.absolute_end, before.login.absolute_end);
  EXPECT_EQ(after->login.subject.acr, 1);
  ASSERT_EQ(after->ended.size(), 1U);
  EXPECT_EQ(after->ended[0].key, row.session.key);
  EXPECT_FALSE(signed_in(before.token));
  EXPECT_TRUE(signed_in(after->token));
  EXPECT_FALSE(live(row.session.key));
  EXPECT_EQ(adopt(after->login.id, "pay.example").session.subject.acr, 1);
}

TEST_F(SessionsTest, StepUpIsForTheSamePersonOnly) {
  const auto login = sign_in("ann");
  EXPECT_EQ(sessions_->step_up(login.login.id, identity("bob"), model_).error().code, "SES013");
  EXPECT_TRUE(signed_in(login.token));
  EXPECT_EQ(sessions_->step_up("nothing", identity("ann"), model_).error().code, "SES010");
  ASSERT_TRUE(sessions_->revoke(ByLogin{login.login.id}));
  EXPECT_EQ(sessions_->step_up(login.login.id, identity("ann"), model_).error().code, "SES010");
}

// ---- bearer tokens ---------------------------------------------------------------------------------

TEST_F(SessionsTest, ABearerIsASessionOfItsOwn) {
  const auto login = sign_in("ann");
  const auto made = sessions_->create_bearer(bearer(login.login.id, 1h));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->session.kind, Kind::bearer);
  EXPECT_EQ(made->session.key, session_key("api.example", made->token));
  EXPECT_EQ(made->session.idle, 0s);
  EXPECT_EQ(made->session.absolute_end, clock_.now_seconds() + 1h);
  EXPECT_EQ(made->session.subject.roles, std::set<std::string>{"staff"});
  const auto own = sessions_->find(made->session.login);
  ASSERT_TRUE(own && *own);
  EXPECT_EQ((*own)->parent, login.login.id);
  EXPECT_EQ((*own)->label, "ci");
  EXPECT_TRUE(live(made->session.key));
  clock_.advance(45min);
  EXPECT_TRUE(sessions_->expire());
  EXPECT_FALSE(signed_in(login.token));  // idle too long
  EXPECT_TRUE(live(made->session.key));  // a program need not be busy
  clock_.advance(15min);
  EXPECT_FALSE(live(made->session.key));
}

TEST_F(SessionsTest, ABearerGoesWithItsLogin) {
  const auto login = sign_in("ann");
  const auto made = sessions_->create_bearer(bearer(login.login.id, 1h));
  adopt(login.login.id, "pay.example");
  const auto ended = sessions_->revoke(ByLogin{login.login.id});
  EXPECT_EQ(ended->logins.size(), 2U);
  EXPECT_EQ(ended->sessions.size(), 2U);
  EXPECT_FALSE(live(made->session.key));
}

TEST_F(SessionsTest, ABearerCanEndAlone) {
  const auto login = sign_in("ann");
  const auto made = sessions_->create_bearer(bearer(login.login.id, 1h));
  EXPECT_EQ(sessions_->revoke(ByLogin{made->session.login})->sessions.size(), 1U);
  EXPECT_FALSE(live(made->session.key));
  EXPECT_TRUE(signed_in(login.token));
}

TEST_F(SessionsTest, ABearerByPersonNeedsALiveLogin) {
  BearerRequest request = bearer("", 1h);
  request.person = "Ann@Example.com";
  EXPECT_EQ(sessions_->create_bearer(request).error().code, "SES010");
  sign_in("ann", {{"email_verified", false}});
  EXPECT_EQ(sessions_->create_bearer(request).error().code, "SES010");
  const auto login = sign_in("ann");
  const auto made = sessions_->create_bearer(request);
  ASSERT_TRUE(made);
  EXPECT_EQ((*sessions_->find(made->session.login))->parent, login.login.id);
}

TEST_F(SessionsTest, BearerArgumentsAreChecked) {
  const auto login = sign_in("ann").login.id;
  const auto code = [&](BearerRequest request) { return sessions_->create_bearer(request).error().code; };
  EXPECT_EQ(code(bearer(login, 11h)), "SES012");  // would outlive the login
  EXPECT_EQ(code(bearer(login, 0s)), "SES012");
  EXPECT_EQ(code(bearer(login, 31 * 24h)), "SES012");
  for (const char* name : {"", "a b", "a\n", "<x>"}) {
    auto request = bearer(login, 1h);
    request.name = name;
    EXPECT_EQ(code(request), "SES012") << name;
  }
  const auto made = sessions_->create_bearer(bearer(login, 1h));
  EXPECT_EQ(code(bearer(made->session.login, 1min)), "SES012");
}

TEST_F(SessionsTest, BearersOfALoginAreBoundedAndEndedOnesMakeRoom) {
  const auto login = sign_in("ann").login.id;
  std::string last;
  for (std::size_t i = 0; i < bearers_per_login_max; ++i)
    last = sessions_->create_bearer(bearer(login, 1h))->session.login;
  EXPECT_EQ(sessions_->create_bearer(bearer(login, 1h)).error().code, "SES014");
  ASSERT_TRUE(sessions_->revoke(ByLogin{last}));
  EXPECT_TRUE(sessions_->create_bearer(bearer(login, 1h)));
}

TEST_F(SessionsTest, StepUpGivesBearersTheNewFacts) {
  const auto login = sign_in("ann");
  const auto made = sessions_->create_bearer(bearer(login.login.id, 1h));
  ASSERT_TRUE(sessions_->step_up(login.login.id, identity("ann", {{"groups", json::array()}}), model_));
  const auto row = sessions_->find_session(made->session.key);
  ASSERT_TRUE(row && *row);
  EXPECT_TRUE((*row)->subject.roles.empty());
}

}  // namespace
}  // namespace durward::session

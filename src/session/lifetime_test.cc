// Proves: what is revoked or over is gone for good, through races and restarts, and a new model reaches every
// login.
#include <thread>

#include "session/sessions.h"
#include "testing/session_fixture.h"

namespace durward::session {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class LifetimeTest : public testing::SessionFixture {};

TEST_F(LifetimeTest, RevokeByEachSelector) {
  const auto ann = sign_in("ann");
  const auto ann_too = sign_in("ann");
  const auto bob = sign_in("bob");
  const auto eve = sign_in("eve", {{"email", "bob@example.com"}, {"email_verified", false}});
  adopt(ann.login.id, "pay.example");
  adopt(ann.login.id, "web.example");
  adopt(ann_too.login.id, "pay.example");
  const auto by_person = sessions_->revoke(ByPerson{"ANN@example.com"});
  ASSERT_TRUE(by_person);
  EXPECT_EQ(by_person->logins.size(), 2U);
  EXPECT_EQ(by_person->sessions.size(), 3U);
  EXPECT_FALSE(signed_in(ann.token) || signed_in(ann_too.token));
  EXPECT_EQ(sessions_->revoke(ByPerson{"bob@example.com"})->logins.size(), 1U);
  EXPECT_TRUE(signed_in(eve.token));  // the address was never proven
  EXPECT_TRUE(sessions_->revoke(BySubject{"https://other.example", "sub-eve"})->logins.empty());
  EXPECT_EQ(sessions_->revoke(BySubject{"https://id.example", "sub-eve"})->logins.size(), 1U);
  EXPECT_TRUE(sessions_->revoke(ByLogin{"nothing"})->logins.empty());
  // What it says is gone at its revision, which later writes of others do not move; nothing found: by the
  // present.
  EXPECT_GT(by_person->revision, 0U);
  EXPECT_LT(by_person->revision, *store_.revision());
  EXPECT_TRUE(store_.list("login/" + by_person->logins.front().id, by_person->revision)->empty());
  EXPECT_EQ(sessions_->revoke(ByPerson{"nobody@example.com"})->revision, *store_.revision());
  EXPECT_TRUE(sessions_->revoke(ByLogin{bob.login.id})->logins.empty());  // already
  EXPECT_EQ(rows(), 0U);
}

TEST_F(LifetimeTest, RevokeEveryone) {
  for (int i = 0; i < 100; ++i) adopt(sign_in("p" + std::to_string(i)).login.id, "pay.example");
  const auto login = sign_in("ann");
  ASSERT_TRUE(sessions_->create_bearer(bearer(login.login.id, 1h)));  // struck beside its parent, once
  const auto ended = sessions_->revoke(Everyone{});
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->logins.size(), 102U);
  EXPECT_EQ(ended->sessions.size(), 101U);
  EXPECT_EQ(rows(), 0U);
  EXPECT_TRUE(sessions_->list()->empty());
}

TEST_F(LifetimeTest, ManyLoginsEndInFewTransactions) {
  constexpr std::size_t logins = 2'000;  // each a login, a cookie, a session, a time of last use, a tombstone
  for (std::size_t i = 0; i < logins; ++i) adopt(sign_in("ann").login.id, "pay.example");
  const auto before = *store_.revision();
  const auto ended = sessions_->revoke(ByPerson{"ann@example.com"});
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->logins.size(), logins);
  EXPECT_EQ(rows(), 0U);
  EXPECT_GT(*store_.revision(), before + 1);  // but no transaction is larger than a store takes at ease
  EXPECT_LE(*store_.revision(), before + 4);
}

TEST_F(LifetimeTest, ARevocationIsOneRevision) {
  const auto login = sign_in("ann").login.id;
  adopt(login, "pay.example");
  adopt(login, "web.example");
  const auto before = *store_.revision();
  ASSERT_TRUE(sessions_->revoke(ByLogin{login}));
  const auto changes = store_.wait("session/", before, 0ms);
  ASSERT_EQ(changes->size(), 2U);
  EXPECT_EQ(changes->at(0).revision, changes->at(1).revision);
  EXPECT_FALSE(changes->at(0).value);
  EXPECT_EQ(*store_.revision(), before + 1);
}

TEST_F(LifetimeTest, ARevocationWinsARace) {
  const auto login = sign_in("ann").login.id;
  const auto ticket = sessions_->issue_ticket(ticket_request(login, "pay.example"));
  // Between reading the login and writing its new row, the login is revoked.
  store_.before_next_transaction([&] { EXPECT_EQ(sessions_->revoke(ByLogin{login})->logins.size(), 1U); });
  EXPECT_EQ(sessions_->redeem_ticket(redemption(*ticket, "pay.example")).error().code, "SES010");
  EXPECT_EQ(rows(), 0U);
  EXPECT_FALSE(*sessions_->find(login));
}

TEST_F(LifetimeTest, ARowMadeDuringARevocationGoesToo) {
  const auto login = sign_in("ann").login.id;
  const auto ticket = sessions_->issue_ticket(ticket_request(login, "pay.example"));
  store_.before_next_transaction(
      [&] { EXPECT_TRUE(sessions_->redeem_ticket(redemption(*ticket, "pay.example"))); });
  const auto ended = sessions_->revoke(ByLogin{login});
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->sessions.size(), 1U);
  EXPECT_EQ(ended->logins.size(), 1U);
  EXPECT_EQ(rows(), 0U);
}

TEST_F(LifetimeTest, ABearerMadeDuringARevocationGoesToo) {
  const auto login = sign_in("ann").login.id;
  store_.before_next_transaction([&] { EXPECT_TRUE(sessions_->create_bearer(bearer(login, 1h))); });
  EXPECT_EQ(sessions_->revoke(ByLogin{login})->logins.size(), 2U);
  EXPECT_EQ(rows(), 0U);
}

TEST_F(LifetimeTest, AFailingStoreRevokesNothingAndSaysSo) {
  const auto login = sign_in("ann");
  store_.fail_transactions(1, "STO002");
  EXPECT_EQ(sessions_->revoke(Everyone{}).error().code, "STO002");
  EXPECT_TRUE(signed_in(login.token));
  store_.fail_transactions(1, "STO001");
  EXPECT_EQ(sessions_->create_login(identity("ann"), model_).error().code, "STO001");
}

TEST_F(LifetimeTest, ARevokedLoginStaysDeadAfterARestart) {
  const auto login = sign_in("ann");
  const auto row = adopt(login.login.id, "pay.example");
  ASSERT_TRUE(sessions_->revoke(ByLogin{login.login.id}));
  reopen();
  EXPECT_FALSE(signed_in(login.token) || live(row.session.key));
  // A copy of the record put back behind our back does not help: every change compares with the tombstone.
  const auto old = store_.list("login/", 2);
  ASSERT_TRUE(old && !old->empty());
  ASSERT_TRUE(store_.transact(
      {.compares = {}, .puts = {{.key = old->front().key, .value = old->front().value}}, .deletes = {}}));
  EXPECT_EQ(sessions_->step_up(login.login.id, identity("ann"), model_).error().code, "SES001");
}

TEST_F(LifetimeTest, AbsoluteEnd) {
  const auto login = sign_in("ann");
  const auto row = adopt(login.login.id, "pay.example");
  for (int i = 0; i < 59; ++i) {
    clock_.advance(10min);
    sessions_->touch(row.session.key, clock_.now_seconds());
    EXPECT_TRUE(sessions_->expire()->logins.empty());
  }
  EXPECT_TRUE(live(row.session.key));
  clock_.advance(10min);
  sessions_->touch(row.session.key, clock_.now_seconds());
  EXPECT_FALSE(live(row.session.key));  // before anything swept it
  const auto ended = sessions_->expire();
  EXPECT_EQ(ended->logins.size(), 1U);
  EXPECT_EQ(ended->sessions.size(), 1U);
  EXPECT_EQ(rows(), 0U);
}

TEST_F(LifetimeTest, IdleEnd) {
  const auto login = sign_in("ann");
  const auto row = adopt(login.login.id, "pay.example");
  clock_.advance(29min);
  EXPECT_TRUE(sessions_->expire()->logins.empty());
  sessions_->touch(row.session.key, clock_.now_seconds());
  clock_.advance(29min);
  EXPECT_TRUE(sessions_->expire()->logins.empty());
  clock_.advance(1min);
  EXPECT_FALSE(signed_in(login.token));
  EXPECT_EQ(sessions_->expire()->sessions.size(), 1U);
  EXPECT_EQ(sessions_->issue_ticket(ticket_request(login.login.id, "pay.example")).error().code, "SES010");
}

TEST_F(LifetimeTest, UseFromTheFutureOrOfNobodyDoesNotProlong) {
  const auto login = sign_in("ann");
  const auto row = adopt(login.login.id, "pay.example");
  sessions_->touch(row.session.key, clock_.now_seconds() + 1'000h);
  sessions_->touch("0123", clock_.now_seconds());
  clock_.advance(30min);
  EXPECT_FALSE(signed_in(login.token));
}

TEST_F(LifetimeTest, ComingBackToTheLoginHostIsUse) {
  const auto login = sign_in("ann");
  clock_.advance(20min);
  EXPECT_TRUE(signed_in(login.token));
  clock_.advance(20min);
  EXPECT_TRUE(signed_in(login.token));
}

TEST_F(LifetimeTest, LastSeenReachesTheStoreAtMostOnceAMinute) {
  const auto login = sign_in("ann");
  const auto row = adopt(login.login.id, "pay.example");
  const auto before = *store_.revision();
  for (int i = 0; i < 300; ++i) {
    clock_.advance(1s);
    sessions_->touch(row.session.key, clock_.now_seconds());
    ASSERT_TRUE(sessions_->expire());
  }
  EXPECT_LE(*store_.revision() - before, 6U);
  clock_.advance(20min);
  reopen();
  EXPECT_TRUE(signed_in(login.token));  // seen 25 minutes after it began: what was written back counts
  EXPECT_TRUE(store_.list("session/", {})->size() == 1U);
}

TEST_F(LifetimeTest, ARestartForgetsAtMostAMinuteOfUse) {
  const auto login = sign_in("ann");
  const auto row = adopt(login.login.id, "pay.example");
  clock_.advance(25min);
  sessions_->touch(row.session.key, clock_.now_seconds());
  ASSERT_TRUE(sessions_->expire());
  reopen();
  clock_.advance(29min);
  EXPECT_TRUE(live(row.session.key));
  EXPECT_EQ(sessions_->last_seen(login.login), clock_.now_seconds() - 29min);
}

TEST_F(LifetimeTest, SweepsSpentTicketsAndOldTombstones) {
  const auto login = sign_in("ann").login.id;
  ASSERT_TRUE(sessions_->issue_ticket(ticket_request(login, "pay.example")));
  ASSERT_TRUE(sessions_->revoke(ByLogin{login}));
  clock_.advance(2min);
  ASSERT_TRUE(sessions_->expire());
  EXPECT_TRUE(store_.list("ticket/", {})->empty());
  EXPECT_EQ(store_.list("revoked/", {})->size(), 1U);
  clock_.advance(12h);
  ASSERT_TRUE(sessions_->expire());
  EXPECT_TRUE(store_.list("revoked/", {})->empty());
  EXPECT_EQ(store_.list("", {})->size(), 1U);  // the sealing key
}

TEST_F(LifetimeTest, EndSessionEndsOneHostOnly) {
  const auto login = sign_in("ann");
  const auto pay = adopt(login.login.id, "pay.example");
  const auto web = adopt(login.login.id, "web.example");
  EXPECT_EQ((*sessions_->end_session(pay.session.key))->host, "pay.example");
  EXPECT_FALSE(*sessions_->end_session(pay.session.key));
  EXPECT_FALSE(live(pay.session.key));
  EXPECT_TRUE(live(web.session.key));
  EXPECT_TRUE(signed_in(login.token));
}

TEST_F(LifetimeTest, ANewModelReachesEveryLogin) {
  const auto ann = sign_in("ann");
  const auto bob = sign_in("bob", {{"groups", {"other"}}});
  const auto row = adopt(ann.login.id, "pay.example");
  const auto token = sessions_->create_bearer(bearer(ann.login.id, 1h));
  EXPECT_TRUE(sessions_->reevaluate(model_)->changed.empty());
  const auto before = *store_.revision();
  EXPECT_TRUE(sessions_->reevaluate(model_)->changed.empty());
  EXPECT_EQ(*store_.revision(), before);  // nothing changed, nothing was written
  add_role("staff", "nobody");
  add_role("others", "other");
  const auto outcome = sessions_->reevaluate(model_);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->changed.size(), 3U);
  EXPECT_TRUE(outcome->ended.logins.empty());
  EXPECT_TRUE((*sessions_->find_session(row.session.key))->subject.roles.empty());
  EXPECT_TRUE((*sessions_->find_session(token->session.key))->subject.roles.empty());
  EXPECT_EQ((*sessions_->find(bob.login.id))->subject.roles, std::set<std::string>{"others"});
  EXPECT_TRUE(signed_in(ann.token));
}

TEST_F(LifetimeTest, AProviderThatIsGoneTakesItsLoginsAlong) {
  const auto ann = sign_in("ann");
  adopt(ann.login.id, "pay.example");
  model_.providers["corp"].issuer.value = "https://new.example";
  const auto outcome = sessions_->reevaluate(model_);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->ended.logins.size(), 1U);
  EXPECT_EQ(outcome->ended.sessions.size(), 1U);
  EXPECT_FALSE(signed_in(ann.token));
}

TEST_F(LifetimeTest, NewerAndDamagedRecordsAreRefused) {
  const auto login = sign_in("ann");
  const auto put = [&](const std::string& value) {
    EXPECT_TRUE(store_.transact(
        {.compares = {}, .puts = {{.key = "login/" + login.login.id, .value = value}}, .deletes = {}}));
    return sessions_->find(login.login.id).error().code;
  };
  EXPECT_EQ(put(R"({"v":2})"), "SES009");
  EXPECT_EQ(put(R"({"v":1})"), "SES008");
  EXPECT_EQ(put(R"({"v":0})"), "SES008");
  EXPECT_EQ(put("x"), "SES008");
  EXPECT_EQ(Sessions::open({.store = store_, .clock = clock_, .random = random_}).error().code, "SES008");
}

TEST_F(LifetimeTest, ManyThreadsLeaveNoRowBehind) {
  const auto login = sign_in("ann").login.id;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const std::string host = "h" + std::to_string(i) + ".example";
      for (int round = 0; round < 25; ++round) {
        const auto ticket = sessions_->issue_ticket(ticket_request(login, host));
        if (ticket) static_cast<void>(sessions_->redeem_ticket(redemption(*ticket, host)));
      }
    });
  }
  threads.emplace_back([&] {
    std::this_thread::sleep_for(5ms);
    while (!sessions_->revoke(ByLogin{login})) {
    }
  });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(rows(), 0U);
  EXPECT_TRUE(store_.list("sso/", {})->empty());
}

}  // namespace
}  // namespace durward::session

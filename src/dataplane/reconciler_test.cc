// Proves: with a real HAProxy, what the store says is what is served; a revocation is effective, in every
// worker, before it is acknowledged; reloads, kills and foreign starts lose nothing and open nothing; and
// whichever step of an apply fails, the old generation goes on serving.
#include "dataplane/reconciler.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "session/record.h"
#include "testing/memory_store.h"
#include "testing/model_builder.h"
#include "testing/raw_http.h"
#include "testing/state_directory.h"

namespace durward::dataplane {
namespace {

using namespace std::chrono_literals;
using testing::allow;

class Recorder final : public Observer {
 public:
  void injected(std::size_t sessions, std::chrono::microseconds) override { injected_ += sessions; }
  void revoked(std::size_t sessions, std::size_t streams) override {
    revoked_ += sessions;
    cut_ += streams;
  }
  void applied(const generation::Generation&, const Plan&, std::chrono::microseconds) override {}
  void resynced(const std::string& reason, std::chrono::microseconds) override {
    reasons_.lock()->push_back(reason);
  }
  void failed(const Error& error) override { errors_.lock()->push_back(error.code); }
  void reloading(int, std::uint64_t) override {}
  void reloaded() override {}
  void found(const std::vector<int>& workers) override { *found_.lock() = workers; }
  void draining(int worker, sys::Fd log) override { *draining_.lock() = {worker, std::move(log)}; }
  void drained(int worker) override { drained_ = worker; }
  void worker_ended(int worker, std::uint64_t last) override {
    ended_last_ = last;
    ended_ = worker;
  }

  std::atomic<std::size_t> injected_ = 0, revoked_ = 0, cut_ = 0;
  std::atomic<int> drained_ = 0, ended_ = 0;
  std::atomic<std::uint64_t> ended_last_ = 0;
  Guarded<std::pair<int, sys::Fd>> draining_;
  Guarded<std::vector<int>> found_;
  Guarded<std::vector<std::string>> reasons_, errors_;
};

class Reconciling : public ::testing::Test {
 protected:
  Reconciling() { open(); }
  ~Reconciling() override { close(); }

  // Durward's end of it: starts, and stops without touching HAProxy.
  void open() {
    reconciler_ = std::make_unique<Reconciler>(
        Reconciler::Options{.store = store_,
                            .clock = clock_,
                            .observer = observer_,
                            .haproxy = state_.haproxy(),
                            .identity_row = [this](const session::HostSession&) -> Result<std::string> {
                              return fmt::format("ann|-|-|{}", ++signed_);
                            },
                            .identity_lifetime = identity_lifetime_});
    reconciler_->start();
  }
  void close() { reconciler_.reset(); }

  // The host a.test with /x for holders of `role`, /open for anyone, and an endless answer for `role`.
  generation::GenerationPtr generation(const std::string& role = "r",
                                       const std::function<void(model::Model&)>& change = {}) {
    auto app = testing::app(
        "web", {"a.test"},
        {testing::route("x", "/x"), testing::route("open", "/open"), testing::route("endless", "/endless")},
        {allow("r").any_of({role}).on({"x", "endless"}), allow("open").on({"open"})});
    app.upstreams.at("main").servers.front().value.port = upstream_.port();
    auto estate = testing::estate({std::move(app)});
    model::Listener listener;
    listener.bind = {testing::spanned(model::Bind{"127.0.0.1", port_})};
    estate.gateway.listeners = {listener};
    if (change) change(estate);
    Diagnostics diagnostics;
    const auto policies = policy::compile(testing::shared(std::move(estate)), diagnostics);
    generation::Platform platform;
    platform.threads = 1;
    platform.sessions_max = 1'000;
    const auto made = generation::generate(policies, platform, {}, diagnostics);
    EXPECT_TRUE(made) << render_text(diagnostics);
    return made;
  }
  // Something that HAProxy reads only when it starts.
  generation::GenerationPtr reloading(int milliseconds) {
    return generation("r", [&](model::Model& estate) {
      estate.gateway.timeout_server = std::chrono::milliseconds(milliseconds);
    });
  }
  std::string apply(const generation::GenerationPtr& wanted) {
    const auto done = reconciler_->apply(wanted);
    return done ? "" : done.error().code;
  }

  static std::string token(char name) { return "a" + std::string(43, name); }
  static std::string key(char name) { return session::session_key("a.test", token(name)); }
  session::HostSession session_of(const std::string& key, const testing::Words& roles = {"r"}) const {
    session::HostSession session;
    session.key = key;
    session.table = 'a';
    session.login = "0123456789abcdefghijkl";
    session.host = "a.test";
    session.created = clock_.now_seconds();
    session.absolute_end = session.created + 1h;
    session.idle = 30min;
    session.subject =
        testing::subject({.roles = roles, .unknown = {}, .acr = 0, .auth_time = session.created});
    return session;
  }
  void log_in(char name, const testing::Words& roles = {"r"}) {
    settle({{}, {{"session/" + key(name), session::write(session_of(key(name), roles))}}, {}});
  }
  void revoke(char name) { settle({{}, {}, {"session/" + key(name)}}); }
  void settle(const store::Transaction& change) {
    const auto done = store_.transact(change);
    ASSERT_TRUE(done);
    const auto effective = reconciler_->await(done->revision, 10s);
    ASSERT_TRUE(effective) << effective.error().message;
  }

  std::string request(const std::string& path, char name = 0) const {
    return fmt::format("GET {} HTTP/1.1\r\nHost: a.test\r\nAccept: application/json\r\n{}\r\n", path,
                       name == 0 ? "" : fmt::format("Cookie: __Host-durward={}\r\n", token(name)));
  }
  // On a connection of its own: the status, 0 when there is none.
  int status(const std::string& path, char name = 0) {
    testing::RawClient client(port_);
    const auto answer = client.ask(request(path, name));
    return answer ? answer->status : 0;
  }
  bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 1'000; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
  int worker() { return reconciler_->status().worker; }

  sys::SystemClock clock_;
  testing::CountingUpstream upstream_;
  std::uint16_t port_ = testing::free_port();
  testing::StateDirectory state_;
  testing::MemoryStore store_{clock_};
  Recorder observer_;
  std::atomic<unsigned> signed_ = 0;
  std::chrono::seconds identity_lifetime_{600};
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(Reconciling, WhatIsStoredIsServedWhatIsRevokedIsNot) {
  ASSERT_EQ(apply(generation()), "");
  EXPECT_EQ(status("/open"), 200);
  EXPECT_EQ(status("/x"), 401);
  EXPECT_EQ(status("/x", 'A'), 401);
  log_in('A');
  log_in('B', {"other"});
  EXPECT_EQ(status("/x", 'A'), 200);
  EXPECT_EQ(status("/x", 'B'), 403);
  EXPECT_EQ(status("/nowhere", 'A'), 404);
  revoke('A');
  EXPECT_EQ(status("/x", 'A'), 401);
  log_in('A');
  EXPECT_EQ(status("/x", 'A'), 200) << "the same key may come again";
  EXPECT_EQ(observer_.injected_, 3U);
  EXPECT_EQ(observer_.revoked_, 1U);
}

TEST_F(Reconciling, IdentitiesAreSignedAnewAndSwappedWhole) {
  close();
  identity_lifetime_ = 4s;
  open();
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  log_in('B');
  const auto identity = [&](char name) {
    WorkerApi api(state_.haproxy().paths().admin_socket());
    const auto reply = api.ask(command::get_row("../../runtime/identities.map", key(name)));
    const auto row = reply ? read_row(*reply) : Result<std::optional<std::string>>(std::nullopt);
    return row && *row ? **row : "";
  };
  const std::string before = identity('A');
  ASSERT_NE(before, "");
  EXPECT_TRUE(eventually([&] { return identity('A') != before && identity('B') != before; }));
  revoke('B');
  EXPECT_TRUE(eventually([&] { return identity('B').empty(); })) << "who has left leaves with the next round";
  log_in('C');
  EXPECT_EQ(status("/x", 'A'), 200);
  EXPECT_EQ(status("/x", 'C'), 200);
  EXPECT_TRUE(observer_.errors_.lock()->empty());
}

TEST_F(Reconciling, ManyAtOnceAreServedAndRevoked) {
  ASSERT_EQ(apply(generation()), "");
  store::Transaction in, out;
  std::vector<std::string> keys;
  for (unsigned i = 0; i < 500; ++i) {
    const auto session = session_of(fmt::format("{:032X}", i));
    in.puts.push_back({"session/" + session.key, session::write(session)});
    out.deletes.push_back("session/" + session.key);
  }
  settle(in);
  const auto rows = [&] {
    WorkerApi api(state_.haproxy().paths().admin_socket());
    const auto reply = api.ask(command::show_table("durward/sessions_a"));
    const auto table = reply ? read_table(*reply) : Result<std::vector<TableRow>>(std::vector<TableRow>());
    return table ? table->size() : 0U;
  };
  EXPECT_EQ(rows(), 500U);
  settle(out);
  EXPECT_EQ(rows(), 0U);
  EXPECT_EQ(observer_.revoked_, 500U);
}

TEST_F(Reconciling, ARevocationHoldsOnConnectionsThatAreOpen) {
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  testing::RawClient idle(port_), endless(port_);
  EXPECT_EQ(idle.ask(request("/x", 'A'))->status, 200);
  EXPECT_EQ(endless.ask(request("/endless", 'A'), true)->status, 200);
  revoke('A');
  EXPECT_TRUE(endless.closed_within(2s));
  EXPECT_EQ(idle.ask(request("/x", 'A'))->status, 401);
  EXPECT_EQ(observer_.cut_, 1U);
}

TEST_F(Reconciling, RulesChangeWithoutAReload) {
  ASSERT_EQ(apply(generation("r")), "");
  log_in('A', {"r"});
  log_in('B', {"s"});
  const int before = worker();
  EXPECT_EQ(status("/x", 'B'), 403);
  ASSERT_EQ(apply(generation("s")), "");
  EXPECT_EQ(status("/x", 'A'), 403);
  EXPECT_EQ(status("/x", 'B'), 200);
  ASSERT_EQ(apply(generation("r")), "");
  EXPECT_EQ(status("/x", 'A'), 200);
  EXPECT_EQ(worker(), before);
  EXPECT_EQ(reconciler_->status().reloads, 0U);
}

// Who is allowed by the old rules and by the new is never refused in between, in which order ever HAProxy is
// told: probed without a pause while rules change to and fro.
TEST_F(Reconciling, NoAnswerIsNeitherOfTheOldRulesNorOfTheNew) {
  const auto with = [&](const std::string& other) {
    return generation("r", [&](model::Model& estate) {
      estate.apps.own(0).access.push_back(allow("more").any_of({other}).on({"x"}));
    });
  };
  const auto one = with("one"), two = with("two");
  ASSERT_EQ(apply(one), "");
  log_in('A');
  std::atomic<bool> stop = false;
  std::atomic<unsigned> allowed = 0, other = 0;
  std::thread probing([&] {
    testing::RawClient client(port_);
    while (!stop) {
      const auto answer = client.ask(request("/x", 'A'));
      if (answer) ++(answer->status == 200 ? allowed : other);
    }
  });
  for (unsigned i = 0; i < 60; ++i) {
    EXPECT_EQ(apply(i % 2 == 0 ? two : one), "");
    const unsigned before = allowed;
    EXPECT_TRUE(eventually([&] { return allowed > before + 20 || other > 0; }));
  }
  stop = true;
  probing.join();
  EXPECT_EQ(other, 0U);
  EXPECT_EQ(reconciler_->status().reloads, 0U);
}

TEST_F(Reconciling, TheFirstWindowMayComeAndTheLastOneGo) {
  const auto always = generation("r", [](model::Model& estate) {
    estate.apps.own(0).access.front().when =
        testing::If().weekly({testing::window(testing::every_day, 0, 1440)});
  });
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  ASSERT_EQ(apply(always), "");
  EXPECT_EQ(status("/x", 'A'), 200);
  ASSERT_EQ(apply(generation()), "");
  EXPECT_EQ(status("/x", 'A'), 200);
  EXPECT_EQ(reconciler_->status().problem, "");
}

TEST_F(Reconciling, AReloadKeepsSessionsAndRevocations) {
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  log_in('B');
  revoke('B');
  const int before = worker();
  ASSERT_EQ(apply(reloading(20'000)), "");
  EXPECT_NE(worker(), before);
  EXPECT_EQ(status("/x", 'A'), 200);
  EXPECT_EQ(status("/x", 'B'), 401);
  revoke('A');
  EXPECT_EQ(status("/x", 'A'), 401);
  EXPECT_EQ(reconciler_->status().reloads, 1U);
}

TEST_F(Reconciling, WhatAReplacedWorkerStillLogsCanBeRead) {
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  const int before = worker();
  EXPECT_EQ(status("/x", 'A'), 200);
  testing::RawClient client(port_);
  EXPECT_EQ(client.ask(request("/endless", 'A'), true)->status, 200);
  ASSERT_EQ(apply(reloading(20'000)), "");
  EXPECT_EQ(observer_.draining_.lock()->first, before);
  std::this_thread::sleep_for(1200ms);
  EXPECT_EQ(observer_.drained_, 0) << "it has somebody to answer";
  revoke('A');
  EXPECT_TRUE(eventually([&] { return observer_.drained_ == before; }));
  EXPECT_EQ(observer_.ended_, 0) << "not while its log is read";
  const sys::Fd conversation = std::move(observer_.draining_.lock()->second);
  std::string log;
  for (const auto deadline = sys::deadline_in(5s); log.find("/endless") == std::string::npos;) {
    ASSERT_TRUE(sys::wait_readable(conversation.get(), deadline)) << log;
    char some[4096];
    const auto got = ::read(conversation.get(), some, sizeof(some));
    ASSERT_GT(got, 0) << log;
    log.append(some, static_cast<std::size_t>(got));
  }
  EXPECT_NE(log.find(fmt::format("dw1 1 {} ", before)), std::string::npos) << "from the beginning: " << log;
  EXPECT_NE(log.find(fmt::format("dw1 2 {} ", before)), std::string::npos) << log;
  EXPECT_EQ(::shutdown(conversation.get(), SHUT_WR), 0);
  EXPECT_TRUE(eventually([&] { return observer_.ended_ == before; }));
  EXPECT_EQ(observer_.ended_last_, 2U);
}

TEST_F(Reconciling, AReplacedWorkerDecidesNothingMore) {
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  testing::RawClient first(port_), second(port_);
  ASSERT_TRUE(first.open() && second.open());
  std::this_thread::sleep_for(200ms);  // the worker of now has accepted them
  ASSERT_EQ(apply(reloading(20'000)), "");
  EXPECT_EQ(first.ask(request("/x", 'A'))->status, 503);
  EXPECT_EQ(second.ask(request("/open"))->status, 503);
  EXPECT_EQ(status("/x", 'A'), 200);
}

TEST_F(Reconciling, ARevocationReachesWorkersOfEarlierReloads) {
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  testing::RawClient first(port_), second(port_);
  EXPECT_EQ(first.ask(request("/endless", 'A'), true)->status, 200);
  ASSERT_EQ(apply(reloading(20'000)), "");
  EXPECT_EQ(second.ask(request("/endless", 'A'), true)->status, 200);
  ASSERT_EQ(apply(reloading(21'000)), "");
  revoke('A');  // at once: before anybody has looked which workers there are
  EXPECT_TRUE(first.closed_within(2s));
  EXPECT_TRUE(second.closed_within(2s));
}

TEST_F(Reconciling, AStartThatNobodyOrderedServesOnlyWhatIsOpen) {
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  const int before = worker();
  close();
  EXPECT_EQ(status("/x", 'A'), 200) << "HAProxy goes on without Durward";
  const auto foreign = state_.haproxy().reload(before);
  ASSERT_TRUE(foreign) << foreign.error().message;
  EXPECT_EQ(status("/x", 'A'), 503);
  EXPECT_EQ(status("/x"), 503);
  EXPECT_EQ(status("/open"), 200);
  open();
  ASSERT_EQ(apply(generation()), "");
  EXPECT_EQ(status("/x", 'A'), 200);
  // And while Durward runs: it notices by itself.
  ASSERT_TRUE(state_.haproxy().reload(worker()));
  EXPECT_TRUE(eventually([&] { return status("/x", 'A') == 200; }));
  EXPECT_TRUE(eventually(
      [&] { return observer_.reasons_.lock()->back() == "HAProxy was restarted by someone else"; }));
}

TEST_F(Reconciling, RevokedWhileDurwardWasAwayIsRevokedWhenItIsBack) {
  const auto wanted = generation();
  ASSERT_EQ(apply(wanted), "");
  log_in('A');
  log_in('B');
  close();
  ASSERT_TRUE(store_.transact({{}, {}, {"session/" + key('A')}}));
  open();
  ASSERT_EQ(apply(wanted), "");
  EXPECT_EQ(status("/x", 'A'), 401);
  EXPECT_EQ(status("/x", 'B'), 200);
  EXPECT_EQ(reconciler_->status().reloads, 0U) << "what runs will do";
}

TEST_F(Reconciling, KilledWorkersAndMastersComeBackFilled) {
  ASSERT_EQ(apply(generation()), "");
  log_in('A');
  log_in('B');
  revoke('B');
  for (const bool master : {false, true}) {
    const auto processes = state_.haproxy().processes();
    ASSERT_TRUE(processes);
    ::kill(master ? processes->master : processes->worker, SIGKILL);
    ASSERT_TRUE(eventually([&] { return worker() != processes->worker && status("/x", 'A') == 200; }))
        << (master ? "master" : "worker");
    EXPECT_EQ(status("/x", 'B'), 401);
    EXPECT_EQ(*observer_.found_.lock(), std::vector<int>{worker()}) << "the one before has ended";
  }
}

class FailingSteps : public Reconciling {
 protected:
  FailingSteps() {
    EXPECT_EQ(apply(generation()), "");
    log_in('A');
    before_ = reconciler_->status().generation;
  }
  void expect_the_old_one_serves() {
    EXPECT_EQ(reconciler_->status().generation, before_);
    EXPECT_EQ(status("/x", 'A'), 200);
    log_in('B');
    EXPECT_EQ(status("/x", 'B'), 200);
    revoke('B');
    EXPECT_EQ(status("/x", 'B'), 401);
    EXPECT_EQ(std::filesystem::read_symlink(state_.paths().current()).filename(), before_);
  }
  std::string before_;
};

TEST_F(FailingSteps, WritingIt) {
  const auto wanted = reloading(20'000);
  ASSERT_TRUE(sys::write_file(state_.paths().generations() + "/" + wanted->name, "in the way"));
  EXPECT_NE(apply(wanted), "");
  expect_the_old_one_serves();
}

TEST_F(FailingSteps, CheckingIt) {
  auto broken = *reloading(20'000);
  broken.name = "00000000beef";
  broken.config += "    no-such-keyword\n";
  EXPECT_EQ(apply(std::make_shared<generation::Generation>(broken)), "DAT021");
  expect_the_old_one_serves();
}

TEST_F(FailingSteps, PublishingIt) {
  ASSERT_TRUE(sys::make_directories(state_.paths().current() + ".new/x"));
  EXPECT_EQ(apply(reloading(20'000)), "DAT020");
  expect_the_old_one_serves();
  EXPECT_EQ(apply(generation("s")), "DAT020") << "a change of maps alone, too";
}

TEST_F(FailingSteps, ReloadingIt) {
  std::uint16_t taken = 0;
  const auto listener = testing::listen_anywhere(taken);
  const auto started = std::chrono::steady_clock::now();
  const auto wanted = generation("r", [&](model::Model& estate) {
    estate.gateway.listeners.front().bind.push_back(testing::spanned(model::Bind{"127.0.0.1", taken}));
  });
  EXPECT_EQ(apply(wanted), "DAT023");
  EXPECT_LT(std::chrono::steady_clock::now() - started, 10s) << "nobody waits for a reload that has failed";
  expect_the_old_one_serves();
}

}  // namespace
}  // namespace durward::dataplane

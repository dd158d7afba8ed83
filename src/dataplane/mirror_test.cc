// Proves: what HAProxy should hold follows from the store: facts come with the first of a class and before
// its session, a change of policies is facts for all classes first, and nothing is written that must not be.
#include "dataplane/mirror.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "generation/rows.h"
#include "sys/file_store.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"
#include "testing/model_builder.h"
#include "testing/state_directory.h"

namespace durward::dataplane {
namespace {

using namespace std::chrono_literals;
using testing::allow;
using testing::deny;

class Mirroring : public ::testing::Test {
 protected:
  static generation::GenerationPtr generation(std::vector<model::AccessRule> access) {
    auto estate =
        testing::estate({testing::app("web", {"a.test"}, {testing::route("x", "/x")}, std::move(access))});
    Diagnostics diagnostics;
    const auto policies = policy::compile(testing::shared(std::move(estate)), diagnostics);
    const auto made = generation::generate(policies, {}, {}, diagnostics);
    EXPECT_TRUE(made) << render_text(diagnostics);
    return made;
  }
  void begin(const generation::GenerationPtr& first) {
    ASSERT_TRUE(mirror_.open_transition(*first, now()));
    mirror_.close_transition(now());
  }
  sys_seconds now() const { return clock_.now_seconds(); }
  std::string put(char name, const testing::Words& roles) {
    session::HostSession session;
    session.key = std::string(32, name);
    session.login = "0123456789abcdefghijkl";
    session.host = "a.test";
    session.created = now();
    session.absolute_end = now() + 1h;
    session.idle = 30min;
    session.subject = testing::subject({.roles = roles, .unknown = {}, .acr = 0, .auth_time = now()});
    EXPECT_TRUE(store_.transact({{}, {{"session/" + session.key, session::write(session)}}, {}}));
    return session.key;
  }
  void drop(const std::string& key) { EXPECT_TRUE(store_.transact({{}, {}, {"session/" + key}})); }
  Delta take() {
    const auto changes = store_.wait("", seen_, 0ms);
    EXPECT_TRUE(changes);
    if (!changes->empty()) seen_ = changes->back().revision;
    auto delta = mirror_.take(*changes, now());
    EXPECT_TRUE(delta);
    return std::move(*delta);
  }
  static std::vector<std::string> values(const generation::Rows& rows) {
    std::vector<std::string> out;
    for (const auto& [key, value] : rows) out.push_back(value);
    std::sort(out.begin(), out.end());
    return out;
  }

  testing::FakeClock clock_;
  testing::MemoryStore store_{clock_};
  std::string identity_ = "ann|-|-|x";
  Mirror mirror_{{store_, [this](const session::HostSession&) -> Result<std::string> { return identity_; }}};
  store::Revision seen_ = 0;
};

TEST_F(Mirroring, TheFirstOfAClassBringsItsFacts) {
  begin(generation({allow("r").any_of({"a"})}));
  put('A', {"a"});
  const Delta first = take();
  EXPECT_EQ(values(first.facts), (std::vector<std::string>{"A|0"}));
  ASSERT_EQ(first.put.size(), 1U);
  EXPECT_EQ(first.put[0].identity, identity_);
  EXPECT_FALSE(first.put[0].identity_known);
  put('B', {"a", "unheard-of"});
  const Delta second = take();
  EXPECT_TRUE(second.facts.empty());
  EXPECT_EQ(second.put[0].row.class_id, first.put[0].row.class_id);
  put('C', {});
  EXPECT_TRUE(take().facts.empty()) << "default deny needs no row";
  EXPECT_EQ(mirror_.sessions(), 3U);
}

TEST_F(Mirroring, OnlyTheLastOfSeveralChangesCounts) {
  begin(generation({allow("r").any_of({"a"})}));
  const auto key = put('A', {"a"});
  drop(key);
  EXPECT_TRUE(take().put.empty());
  put('A', {});
  put('A', {"a"});
  EXPECT_EQ(take().put.size(), 1U);
  drop(key);
  const Delta gone = take();
  ASSERT_EQ(gone.gone.size(), 1U);
  EXPECT_EQ(gone.gone[0].key, key);
  EXPECT_EQ(mirror_.sessions(), 0U);
}

TEST_F(Mirroring, ANewPolicyHasItsFactsBeforeAnyRouteNamesIt) {
  const auto before = generation({allow("r").any_of({"a"})});
  const auto after = generation({allow("r").any_of({"a", "b"})});
  begin(before);
  const auto key = put('A', {"a", "b"});
  const auto old_class = take().put[0].row.class_id;
  ASSERT_TRUE(mirror_.open_transition(*after, now()));
  const Delta& between = mirror_.transition();
  // The new vocabulary tells more about her: another class, with facts about the old policy and the new.
  ASSERT_EQ(between.put.size(), 1U);
  EXPECT_NE(between.put[0].row.class_id, old_class);
  std::set<std::string> policies;
  for (const auto& [verdict, value] : between.facts)
    if (verdict.starts_with(std::to_string(between.put[0].row.class_id) + "."))
      policies.insert(verdict.substr(verdict.find('.') + 1));
  EXPECT_EQ(policies.size(), 2U);
  // Whoever logs in meanwhile gets both, too.
  put('B', {"b"});
  const Delta meanwhile = take();
  EXPECT_EQ(values(meanwhile.facts), (std::vector<std::string>{"A|0"})) << "b was nothing to the old policy";
  mirror_.close_transition(now());
  EXPECT_TRUE(mirror_.transition().facts.empty());
  const auto facts = mirror_.all_facts(now());
  const std::string token = generation::policy_token(*after->policies->policies.begin()->second);
  for (const auto& [verdict, value] : facts) EXPECT_NE(verdict.find(token), std::string::npos) << verdict;
}

TEST_F(Mirroring, AnAbandonedTransitionLeavesTheOldPolicies) {
  const auto before = generation({allow("r").any_of({"a"})});
  begin(before);
  put('A', {"a"});
  take();
  ASSERT_TRUE(mirror_.open_transition(*generation({deny("r").any_of({"b"})}), now()));
  mirror_.abandon_transition();
  ASSERT_TRUE(mirror_.reload(now()));
  const std::string token = generation::policy_token(*before->policies->policies.begin()->second);
  for (const auto& [verdict, value] : mirror_.all_facts(now()))
    EXPECT_NE(verdict.find(token), std::string::npos) << verdict;
}

TEST_F(Mirroring, EndedSessionsAreNotReadBack) {
  begin(generation({allow("r").any_of({"a"})}));
  put('A', {"a"});
  clock_.advance(1h);
  ASSERT_TRUE(mirror_.reload(now()));
  EXPECT_EQ(mirror_.sessions(), 0U);
}

TEST_F(Mirroring, AnIdentityThatNoRequestCouldCarryIsLeftOutAndTold) {
  begin(generation({allow("r").any_of({"a"})}));
  identity_ = std::string(identity_bytes_max + 1, 'x');
  const auto big = put('A', {"a"});
  EXPECT_EQ(take().put.at(0).identity, "");
  const auto problems = mirror_.take_problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].code, "DAT031");
  EXPECT_EQ(problems[0].message.find(big), std::string::npos) << "a session's key is never told whole";
  EXPECT_TRUE(mirror_.identity_rows().empty());
  EXPECT_TRUE(mirror_.take_problems().empty());
}

TEST_F(Mirroring, IdentitiesAreMadeAnewInTime) {
  begin(generation({allow("r").any_of({"a"})}));
  put('A', {"a"});
  take();
  put('B', {"a"});
  take();
  const std::string before = mirror_.identity_rows().at(0).second;
  identity_ = "ann|-|-|y";
  std::string last;
  auto rows = mirror_.renew_identities(last, 1, 1min, now());
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->at(0).second, before) << "it was signed a moment ago";
  EXPECT_EQ(last, rows->at(0).first) << "one more is to come";
  clock_.advance(10min);
  rows = mirror_.renew_identities(last, 1, 1min, now());
  EXPECT_EQ(rows->at(0).second, "ann|-|-|y");
  EXPECT_EQ(last, "") << "that was the last";
  rows = mirror_.renew_identities(last, 100, 1min, now());
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).second, "ann|-|-|y");
  EXPECT_EQ(mirror_.identity_rows(), *rows);
}

TEST_F(Mirroring, FactsOfFormerPoliciesAreCountedUntilTheyLeave) {
  begin(generation({allow("r").any_of({"a"})}));
  put('A', {"a"});
  take();
  EXPECT_EQ(mirror_.garbage(), 0U);
  const std::size_t facts = mirror_.facts();
  begin(generation({allow("r").any_of({"a"}), deny("d").any_of({"b"})}));
  EXPECT_EQ(mirror_.facts(), facts);
  EXPECT_EQ(mirror_.garbage(), facts);
  generation::Rows rows;
  for (const auto number : mirror_.class_numbers()) mirror_.facts_of(number, now(), rows);
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, mirror_.all_facts(now()));
}

TEST_F(Mirroring, SlotsOfBothPoliciesWhileTheyChange) {
  const auto at = [](unsigned start) {
    return allow("r").signed_in().when(
        testing::If().weekly({testing::window(testing::every_day, start, start + 60)}));
  };
  begin(generation({at(0)}));
  EXPECT_EQ(mirror_.slot_rows(now()).size(), 1U);
  ASSERT_TRUE(mirror_.open_transition(*generation({at(120)}), now()));
  EXPECT_EQ(mirror_.slot_rows(now()).size(), 2U);
  EXPECT_EQ(mirror_.next_slot_change(now()), now() + 1h) << "midnight, 1 January 2030: the first of the two";
  mirror_.close_transition(now());
  EXPECT_EQ(mirror_.next_slot_change(now()), now() + 2h);
}

TEST_F(Mirroring, AStartThatNobodyOrderedFindsAShutGateAndNoLease) {
  begin(generation({allow("r").any_of({"a"})}));
  put('A', {"a"});
  take();
  testing::StateDirectory state;
  const auto made = generation({allow("r").any_of({"a"})});
  ASSERT_TRUE(mirror_.write_files(state.paths().runtime(), *made,
                                  {.now = now(), .lease_end = now() + 60s, .gate = {}}));
  const auto read = [&](const char* map) {
    return sys::read_file(state.paths().runtime() + "/" + map).value();
  };
  EXPECT_EQ(read(generation::switches_map), "gate 0\ngeneration " + made->name + "\nlease 0\n");
  EXPECT_EQ(read(generation::sessions_map), "");
  ASSERT_TRUE(mirror_.write_files(state.paths().runtime(), *made,
                                  {.now = now(), .lease_end = now() + 60s, .gate = now() + 20s}));
  EXPECT_EQ(split(read(generation::sessions_map), '\n').size(), 2U);
  EXPECT_EQ(split(read(generation::verdicts_map), '\n').size(), 3U) << "nobody's, hers, and the end";
}

}  // namespace
}  // namespace durward::dataplane

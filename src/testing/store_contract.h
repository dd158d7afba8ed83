// The contract every store::Store keeps, as a test suite: include this in a test and instantiate it with
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(StoreKind{"sqlite", make}));
// `make` gives a fresh, empty store that judges leases by the given clock.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "store/store.h"
#include "testing/fake_clock.h"

namespace durward::testing {

using namespace std::chrono_literals;

struct StoreUnderTest {
  std::shared_ptr<void> place;  // what must outlive the store, a directory for instance
  std::unique_ptr<store::Store> store;
};

struct StoreKind {
  std::string name;
  std::function<StoreUnderTest(const sys::Clock&)> make;
};
inline void PrintTo(const StoreKind& kind, std::ostream* out) {
  *out << kind.name;
}

class StoreContract : public ::testing::TestWithParam<StoreKind> {
 protected:
  StoreContract() : made_(GetParam().make(clock_)), store_(*made_.store) {}

  store::Revision put(const std::string& key, const std::string& value, store::LeaseId lease = 0) {
    return commit({{}, {{key, value, lease}}, {}});
  }
  store::Revision remove(const std::string& key) { return commit({{}, {}, {key}}); }
  store::Revision commit(const store::Transaction& transaction) {
    const auto done = store_.transact(transaction);
    EXPECT_TRUE(done) << done.error().message;
    if (!done) return 0;
    EXPECT_TRUE(done->applied);
    return done->revision;
  }
  // "value@revision", or "-" when there is none.
  std::string get(const std::string& key, std::optional<store::Revision> at = {}) {
    const auto entry = store_.get(key, at);
    if (!entry) return entry.error().code;
    if (!*entry) return "-";
    EXPECT_EQ((*entry)->key, key);
    return (*entry)->value + "@" + std::to_string((*entry)->modified);
  }
  // "a=value@revision b=..."
  std::string list(const std::string& prefix, std::optional<store::Revision> at = {}) {
    const auto entries = store_.list(prefix, at);
    if (!entries) return entries.error().code;
    std::string text;
    for (const auto& entry : *entries) {
      text +=
          (text.empty() ? "" : " ") + entry.key + "=" + entry.value + "@" + std::to_string(entry.modified);
    }
    return text;
  }
  std::string wait(const std::string& prefix, store::Revision after,
                   std::chrono::milliseconds timeout = 0ms) {
    const auto changes = store_.wait(prefix, after, timeout);
    if (!changes) return changes.error().code;
    std::string text;
    for (const auto& change : *changes) {
      text += (text.empty() ? "" : " ") + change.key + "=" + change.value.value_or("gone") + "@" +
              std::to_string(change.revision);
    }
    return text;
  }
  // "" when it went well.
  template <class T>
  static std::string code(const Result<T>& result) {
    return result ? "" : result.error().code;
  }
  std::string transact(const store::Transaction& transaction) { return code(store_.transact(transaction)); }
  store::Revision now() { return store_.revision().value(); }

  FakeClock clock_;
  StoreUnderTest made_;
  store::Store& store_;
};

TEST_P(StoreContract, StartsEmptyAtRevisionZero) {
  EXPECT_EQ(now(), 0U);
  EXPECT_EQ(get("a"), "-");
  EXPECT_EQ(list(""), "");
  EXPECT_EQ(wait("", 0), "");
}

TEST_P(StoreContract, EachChangingTransactionIsOneRevision) {
  EXPECT_EQ(commit({{}, {{"a", "1"}, {"b", "1"}}, {}}), 1U);
  EXPECT_EQ(commit({{}, {{"a", "2"}}, {"b"}}), 2U);
  EXPECT_EQ(now(), 2U);
  EXPECT_EQ(get("a"), "2@2");
  EXPECT_EQ(get("b"), "-");
}

TEST_P(StoreContract, TransactionsThatChangeNothingKeepTheRevision) {
  put("a", "1");
  EXPECT_EQ(commit({}), 1U);
  EXPECT_EQ(remove("missing"), 1U);
  EXPECT_EQ(commit({{{"a", 1}}, {}, {}}), 1U);
  EXPECT_EQ(put("a", "1"), 2U) << "the same value again is a change";
}

TEST_P(StoreContract, BytesAreKeptAsTheyAre) {
  const std::string key("k\0\xff", 3);
  const std::string value("\0v\n\xfe", 4);
  put(key, value);
  put("empty", "");
  EXPECT_EQ(store_.get(key).value()->value, value);
  EXPECT_EQ(get("empty"), "@2");
  EXPECT_EQ(list("empty"), "empty=@2");
}

TEST_P(StoreContract, ListIsByPrefixAndSortedAsBytes) {
  commit({{}, {{"s/b", "2"}, {"s/a", "1"}, {"s/\xc3\xa9", "4"}, {"s", "0"}, {"t", "5"}, {"s/ab", "3"}}, {}});
  EXPECT_EQ(list("s/"), "s/a=1@1 s/ab=3@1 s/b=2@1 s/\xc3\xa9=4@1");
  EXPECT_EQ(list("s/a"), "s/a=1@1 s/ab=3@1");
  EXPECT_EQ(list("u"), "");
  put("\xff\xff", "last");
  EXPECT_EQ(list("\xff"), "\xff\xff=last@2");
}

TEST_P(StoreContract, ComparesGuardTheWholeTransaction) {
  put("a", "1");
  const auto conflict = store_.transact({{{"a", 1}, {"b", 7}}, {{"a", "2"}}, {}});
  ASSERT_TRUE(conflict);
  EXPECT_FALSE(conflict->applied);
  EXPECT_EQ(conflict->revision, 1U);
  EXPECT_EQ(get("a"), "1@1");
  EXPECT_FALSE(store_.transact({{{"a", 0}}, {{"a", "2"}}, {}})->applied) << "it exists";
  EXPECT_TRUE(store_.transact({{{"a", 1}, {"b", 0}}, {{"b", "2"}}, {}})->applied);
  remove("a");
  EXPECT_FALSE(store_.transact({{{"a", 1}}, {{"a", "3"}}, {}})->applied) << "it is gone";
  EXPECT_TRUE(store_.transact({{{"a", 0}}, {{"a", "3"}}, {}})->applied);
}

TEST_P(StoreContract, ReadsAtOldRevisions) {
  put("a", "1");
  commit({{}, {{"a", "2"}, {"b", "2"}}, {}});
  remove("a");
  put("a", "4");
  EXPECT_EQ(get("a", 0), "-");
  EXPECT_EQ(get("a", 1), "1@1");
  EXPECT_EQ(get("a", 2), "2@2");
  EXPECT_EQ(get("a", 3), "-");
  EXPECT_EQ(get("a", 4), "4@4");
  EXPECT_EQ(get("b", 1), "-");
  EXPECT_EQ(list("", 1), "a=1@1");
  EXPECT_EQ(list("", 2), "a=2@2 b=2@2");
  EXPECT_EQ(list("", 3), "b=2@2");
  EXPECT_EQ(list(""), "a=4@4 b=2@2");
}

TEST_P(StoreContract, WaitGivesChangesInOrder) {
  put("s/a", "1");
  commit({{}, {{"s/c", "2"}, {"s/b", "2"}, {"other", "2"}}, {"s/a"}});
  EXPECT_EQ(wait("s/", 0), "s/a=1@1 s/a=gone@2 s/b=2@2 s/c=2@2");
  EXPECT_EQ(wait("s/", 1), "s/a=gone@2 s/b=2@2 s/c=2@2");
  EXPECT_EQ(wait("s/", 2), "");
}

TEST_P(StoreContract, WaitWakesOnlyForItsPrefix) {
  std::thread writer([&] {
    std::this_thread::sleep_for(20ms);
    put("t/x", "other");
    std::this_thread::sleep_for(20ms);
    put("s/x", "mine");
  });
  EXPECT_EQ(wait("s/", 0, 10s), "s/x=mine@2");
  writer.join();
}

TEST_P(StoreContract, WaitTimesOutEmpty) {
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(wait("s/", 0, 50ms), "");
  EXPECT_GE(std::chrono::steady_clock::now() - started, 50ms);
}

TEST_P(StoreContract, InterruptWakesEveryWaitForGood) {
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) waiters.emplace_back([&] { EXPECT_EQ(wait("s/", 0, 60s), ""); });
  std::this_thread::sleep_for(20ms);
  store_.interrupt();
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(wait("s/", 0, 60s), "");
  put("s/a", "1");
  EXPECT_EQ(wait("s/", 0, 60s), "s/a=1@1") << "what is there is still given";
}

TEST_P(StoreContract, ConcurrentCompareAndSwapLosesNothing) {
  constexpr int threads = 4;
  constexpr int increments = 25;
  put("counter", "0");
  std::vector<std::thread> writers;
  for (int i = 0; i < threads; ++i) {
    writers.emplace_back([&] {
      for (int done = 0; done < increments;) {
        const auto entry = store_.get("counter").value().value();
        const std::string next = std::to_string(std::stoi(entry.value) + 1);
        done += store_.transact({{{"counter", entry.modified}}, {{"counter", next}}, {}})->applied ? 1 : 0;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(store_.get("counter").value()->value, std::to_string(threads * increments));
  EXPECT_EQ(now(), 1U + threads * increments);
}

TEST_P(StoreContract, AWatcherSeesEveryChangeOfManyWritersInOrder) {
  constexpr int threads = 4;
  constexpr int puts_each = 50;
  std::vector<store::Change> seen;
  std::thread watcher([&] {
    store::Revision after = 0;
    while (seen.size() < static_cast<std::size_t>(threads) * puts_each) {
      const auto changes = store_.wait("w/", after, 10s);
      ASSERT_TRUE(changes);
      ASSERT_FALSE(changes->empty());
      seen.insert(seen.end(), changes->begin(), changes->end());
      after = changes->back().revision;
    }
  });
  std::vector<std::thread> writers;
  for (int i = 0; i < threads; ++i) {
    writers.emplace_back([&, i] {
      for (int n = 0; n < puts_each; ++n) put("w/" + std::to_string(i), std::to_string(n));
    });
  }
  for (auto& writer : writers) writer.join();
  watcher.join();
  std::map<std::string, int> next;
  store::Revision last = 0;
  for (const auto& change : seen) {
    EXPECT_EQ(change.revision, last + 1);
    last = change.revision;
    EXPECT_EQ(change.value, std::to_string(next[change.key]++)) << change.key;
  }
}

TEST_P(StoreContract, ReadersNeverSeeHalfATransaction) {
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) commit({{}, {{"x", std::to_string(i)}, {"y", std::to_string(i)}}, {}});
  });
  store::Revision at = 0;
  while (at < 50) {
    const auto entries = store_.list("").value();
    if (entries.empty()) continue;
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].value, entries[1].value);
    EXPECT_GE(entries[0].modified, at);
    at = entries[0].modified;
  }
  writer.join();
}

TEST_P(StoreContract, LeasesTakeTheirKeysAlong) {
  const auto lease = store_.grant(60s).value();
  const auto other = store_.grant(600s).value();
  EXPECT_NE(lease, 0U);
  EXPECT_NE(lease, other);
  EXPECT_EQ(now(), 0U) << "a grant is no change";
  commit({{}, {{"a", "1", lease}, {"b", "1", lease}, {"c", "1", other}, {"d", "1"}}, {}});
  clock_.advance(59s);
  EXPECT_EQ(store_.expire().value(), 0U);
  clock_.advance(1s);
  EXPECT_EQ(list(""), "a=1@1 b=1@1 c=1@1 d=1@1") << "until expire()";
  EXPECT_EQ(store_.expire().value(), 2U);
  EXPECT_EQ(list(""), "c=1@1 d=1@1");
  EXPECT_EQ(wait("", 1), "a=gone@2 b=gone@2");
  EXPECT_EQ(store_.expire().value(), 0U);
  EXPECT_EQ(now(), 2U);
}

TEST_P(StoreContract, KeepAliveRenewsAndALapsedLeaseDoesNotComeBack) {
  const auto lease = store_.grant(60s).value();
  put("a", "1", lease);
  clock_.advance(50s);
  EXPECT_TRUE(store_.keep_alive(lease));
  clock_.advance(50s);
  EXPECT_EQ(store_.expire().value(), 0U);
  clock_.advance(10s);
  EXPECT_EQ(code(store_.keep_alive(lease)), "STO006") << "lapsed, though not yet expired";
  EXPECT_EQ(code(store_.transact({{}, {{"b", "1", lease}}, {}})), "STO006");
  EXPECT_EQ(store_.expire().value(), 1U);
  EXPECT_EQ(code(store_.keep_alive(lease)), "STO006");
}

TEST_P(StoreContract, AnUnknownLeaseChangesNothing) {
  EXPECT_EQ(code(store_.keep_alive(12345)), "STO006");
  EXPECT_EQ(code(store_.transact({{}, {{"a", "1"}, {"b", "1", 12345}}, {}})), "STO006");
  EXPECT_EQ(list(""), "");
  EXPECT_EQ(now(), 0U);
}

TEST_P(StoreContract, APutWithoutLeaseLeavesTheLease) {
  const auto lease = store_.grant(60s).value();
  put("a", "1", lease);
  put("a", "2");
  put("b", "1");
  put("b", "2", lease);
  put("c", "1", lease);
  remove("c");
  clock_.advance(60s);
  EXPECT_EQ(store_.expire().value(), 1U);
  EXPECT_EQ(list(""), "a=2@2");
}

TEST_P(StoreContract, CompactionForgetsOnlyHistory) {
  put("a", "1");
  put("a", "2");
  put("b", "3");
  remove("a");
  put("c", "5");
  ASSERT_TRUE(store_.compact(3));
  EXPECT_EQ(get("a", 2), "STO004");
  EXPECT_EQ(list("", 2), "STO004");
  EXPECT_EQ(wait("", 2), "STO004");
  EXPECT_EQ(list("", 3), "a=2@2 b=3@3");
  EXPECT_EQ(list("", 4), "b=3@3");
  EXPECT_EQ(wait("", 3), "a=gone@4 c=5@5");
  EXPECT_EQ(list(""), "b=3@3 c=5@5");
  EXPECT_EQ(now(), 5U);
  ASSERT_TRUE(store_.compact(1)) << "going back is nothing to do";
  EXPECT_EQ(get("a", 2), "STO004");
}

TEST_P(StoreContract, CompactionStepByStepForgetsWhatWasKeptBefore) {
  put("a", "1");
  remove("a");
  ASSERT_TRUE(store_.compact(2));
  put("a", "3");
  put("b", "4");
  put("b", "5");
  ASSERT_TRUE(store_.compact(1000)) << "past the present means the present";
  EXPECT_EQ(list("", 5), "a=3@3 b=5@5");
  EXPECT_EQ(get("b", 4), "STO004");
  EXPECT_EQ(wait("", 5), "");
  EXPECT_EQ(put("a", "6"), 6U);
  EXPECT_EQ(wait("", 5), "a=6@6");
}

TEST_P(StoreContract, TheFutureCannotBeRead) {
  put("a", "1");
  EXPECT_EQ(get("a", 2), "STO004");
  EXPECT_EQ(list("", 2), "STO004");
  EXPECT_EQ(wait("", 2, 10ms), "STO004");
}

TEST_P(StoreContract, RefusesTransactionsThatCannotBeMeant) {
  EXPECT_EQ(transact({{}, {{"", "x"}}, {}}), "STO007");
  EXPECT_EQ(transact({{}, {}, {""}}), "STO007");
  EXPECT_EQ(transact({{{"", 0}}, {}, {}}), "STO007");
  EXPECT_EQ(transact({{}, {{"a", "1"}, {"a", "2"}}, {}}), "STO007");
  EXPECT_EQ(transact({{}, {{"a", "1"}}, {"a"}}), "STO007");
  EXPECT_EQ(transact({{}, {{std::string(store::key_bytes_max + 1, 'k'), "x"}}, {}}), "STO007");
  EXPECT_EQ(transact({{}, {{"a", std::string(store::value_bytes_max + 1, 'v')}}, {}}), "STO007");
  store::Transaction huge;
  for (std::size_t i = 0; i <= store::transaction_operations_max; ++i)
    huge.deletes.push_back(std::to_string(i));
  EXPECT_EQ(transact(huge), "STO007");
  EXPECT_EQ(now(), 0U);
  EXPECT_EQ(
      transact(
          {{}, {{std::string(store::key_bytes_max, 'k'), std::string(store::value_bytes_max, 'v')}}, {}}),
      "");
}

TEST_P(StoreContract, ALongCatchUpNeverCutsARevision) {
  store::Transaction wide;
  for (std::size_t i = 0; i < store::changes_max / 2 + 1; ++i) wide.puts.push_back({std::to_string(i), "x"});
  for (int i = 0; i < 3; ++i) commit(wide);
  store::Revision after = 0;
  std::map<store::Revision, std::size_t> seen;
  while (after < 3) {
    const auto changes = store_.wait("", after, 0ms);
    ASSERT_TRUE(changes);
    ASSERT_FALSE(changes->empty());
    for (const auto& change : *changes) ++seen[change.revision];
    after = changes->back().revision;
  }
  for (store::Revision revision = 1; revision <= 3; ++revision) EXPECT_EQ(seen[revision], wide.puts.size());
}

}  // namespace durward::testing

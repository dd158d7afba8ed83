// Proves: every line that is missing is reported exactly once, threads may overtake each other, and restarts,
// late lines and evictions are told apart.
#include "accesslog/sequence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

namespace durward::accesslog {
namespace {

using namespace std::chrono_literals;
using Kind = SequenceReport::Kind;
using Reports = SequenceTracker::Reports;

class Sequence : public ::testing::Test {
 protected:
  Reports see(std::initializer_list<std::uint64_t> lines, std::uint32_t pid = 1) {
    Reports reports;
    for (const auto seq : lines) tracker_.observe(pid, seq, now_, reports);
    return reports;
  }
  Reports after(std::chrono::milliseconds time) {
    now_ += time;
    Reports reports;
    tracker_.tick(now_, reports);
    return reports;
  }

  SequenceTracker tracker_{{.window = 16, .patience = 2s, .workers_max = 3}};
  SequenceTracker::Time now_{};
};

TEST_F(Sequence, DenseIsSilent) {
  EXPECT_EQ(see({1, 2, 3, 4}), Reports{});
  EXPECT_EQ(tracker_.settled(1), 4U);
}

TEST_F(Sequence, OvertakingIsSilent) {
  EXPECT_EQ(see({2, 1, 5, 4, 3}), Reports{});
  EXPECT_EQ(after(1h), Reports{});
  EXPECT_EQ(tracker_.settled(1), 5U);
}

TEST_F(Sequence, WorkersThatEndedUnobservedAreClosed) {
  see({1, 2}, 1);
  see({1, 3}, 2);
  see({1}, 3);
  tracker_.replay_begins(3);
  Reports reports;
  tracker_.keep_only({1}, reports);
  EXPECT_EQ(reports, (Reports{{Kind::hole, 2, 2, 2}, {Kind::gone, 2, 3, 3}}))
      << "what 3 logged last still comes";
  EXPECT_EQ(tracker_.settled(1), 2U);
  EXPECT_EQ(tracker_.settled(2), 0U);
  EXPECT_EQ(see({1}, 2), Reports{}) << "another worker";
}

TEST_F(Sequence, AReplayTellsWhatHasComeFromWhatHasNot) {
  see({1, 2, 5, 8});
  EXPECT_FALSE(tracker_.seen(1, 2)) << "no replay";
  EXPECT_EQ(after(3s).size(), 2U) << "3 to 4 and 6 to 7 are holes";
  see({11});
  tracker_.replay_begins(1);
  for (const std::uint64_t seq : {1U, 2U, 5U, 8U, 11U}) EXPECT_TRUE(tracker_.seen(1, seq)) << seq;
  for (const std::uint64_t seq : {3U, 4U, 6U, 7U, 9U, 10U, 12U}) EXPECT_FALSE(tracker_.seen(1, seq)) << seq;
  EXPECT_FALSE(tracker_.seen(2, 1)) << "another worker";
  EXPECT_EQ(see({3}), (Reports{{Kind::late, 1, 3, 3}}));
  EXPECT_TRUE(tracker_.seen(1, 3));
  tracker_.replay_ends(1);
  EXPECT_FALSE(tracker_.seen(1, 1));
  EXPECT_EQ(see({1}).back().kind, Kind::restart) << "another worker with this pid";
  tracker_.replay_ends(77);
  EXPECT_EQ(tracker_.positions().size(), 1U) << "nothing is made up";
}

TEST_F(Sequence, AHoleIsReportedOnceWhenPatienceIsOver) {
  EXPECT_EQ(see({1, 4, 5}), Reports{});
  EXPECT_EQ(after(1'999ms), Reports{});
  EXPECT_EQ(after(1ms), (Reports{{Kind::hole, 1, 2, 3}}));
  EXPECT_EQ(after(1h), Reports{});
  EXPECT_EQ(tracker_.settled(1), 5U);
}

TEST_F(Sequence, AHoleIsReportedAtOnceBeyondTheWindow) {
  EXPECT_EQ(see({1, 17}), Reports{});
  EXPECT_EQ(see({18}), (Reports{{Kind::hole, 1, 2, 16}}));
  EXPECT_EQ(see({1'000'000'000'000}), (Reports{{Kind::hole, 1, 19, 999'999'999'999}}));
}

TEST_F(Sequence, SeveralGapsEachHaveTheirOwnPatience) {
  see({1, 3});
  after(1s);
  see({5});
  EXPECT_EQ(after(1s), (Reports{{Kind::hole, 1, 2, 2}}));
  EXPECT_EQ(after(1s), (Reports{{Kind::hole, 1, 4, 4}}));
}

TEST_F(Sequence, LateLinesAreToldOnce) {
  see({1, 20});
  EXPECT_EQ(tracker_.settled(1), 20U);
  EXPECT_EQ(see({10}), (Reports{{Kind::late, 1, 10, 10}}));
  EXPECT_EQ(see({2, 19}), (Reports{{Kind::late, 1, 2, 2}, {Kind::late, 1, 19, 19}}));
  EXPECT_EQ(see({19}), (Reports{{Kind::duplicate, 1, 19, 19}}));
}

TEST_F(Sequence, ANewWorkerWithAnOldPid) {
  see({1, 2, 3, 5});
  EXPECT_EQ(see({1}), (Reports{{Kind::hole, 1, 4, 4}, {Kind::restart, 1, 1, 5}}));
  EXPECT_EQ(see({2, 3, 4}), Reports{});
  EXPECT_EQ(tracker_.settled(1), 4U);
}

TEST_F(Sequence, CloseKnowsTheEnd) {
  Reports reports;
  see({1, 2, 4});
  tracker_.close(1, 6, reports);
  EXPECT_EQ(reports, (Reports{{Kind::hole, 1, 3, 3}, {Kind::hole, 1, 5, 6}}));
  EXPECT_EQ(tracker_.settled(1), 0U);
  reports.clear();
  tracker_.close(2, 0, reports);
  EXPECT_EQ(reports, Reports{}) << "a worker that served nothing";
  tracker_.close(3, 2, reports);
  EXPECT_EQ(reports, (Reports{{Kind::hole, 3, 1, 2}})) << "a worker of which nothing came";
}

TEST_F(Sequence, ResumesWhereAnEarlierRunStopped) {
  tracker_.resume(1, 100);
  EXPECT_EQ(see({101}), Reports{});
  tracker_.resume(1, 5);
  EXPECT_EQ(see({102}), Reports{}) << "known already";
  tracker_.resume(2, 100);
  see({103}, 2);
  EXPECT_EQ(after(2s), (Reports{{Kind::hole, 2, 101, 102}}));
}

TEST_F(Sequence, AcceptedHolesAreNotReportedAgain) {
  see({1, 4});
  tracker_.accept_hole(1, 2, 3);
  EXPECT_EQ(after(1h), Reports{});
  EXPECT_EQ(see({5}), Reports{});
  EXPECT_EQ(see({3}), (Reports{{Kind::late, 1, 3, 3}}));
}

TEST_F(Sequence, WorkersAreBounded) {
  for (std::uint32_t pid = 1; pid <= 5; ++pid) see({1, 2}, pid);
  EXPECT_EQ(tracker_.positions(),
            (std::vector<std::pair<std::uint32_t, std::uint64_t>>{{3, 2}, {4, 2}, {5, 2}}));
  see({3}, 3);
  see({1}, 6);
  EXPECT_EQ(tracker_.settled(4), 0U) << "heard of least recently";
  EXPECT_EQ(tracker_.settled(3), 3U);
}

TEST_F(Sequence, RandomLossIsFoundExactly) {
  std::mt19937 random(11);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint64_t> lines(2'000);
    std::iota(lines.begin(), lines.end(), 1);
    std::set<std::uint64_t> lost;
    for (int i = 0; i < 40; ++i) lost.insert(1 + random() % 2'000);
    std::erase_if(lines, [&](std::uint64_t seq) { return lost.contains(seq); });
    for (std::size_t i = 0; i + 8 < lines.size(); i += 8) {  // threads overtake by less than the window
      std::shuffle(lines.begin() + static_cast<std::ptrdiff_t>(i),
                   lines.begin() + static_cast<std::ptrdiff_t>(i) + 8, random);
    }
    SequenceTracker tracker({.window = 64});
    Reports reports;
    for (const auto seq : lines) tracker.observe(9, seq, now_, reports);
    tracker.close(9, 2'000, reports);
    std::set<std::uint64_t> reported;
    for (const SequenceReport& report : reports) {
      ASSERT_EQ(report.kind, Kind::hole);
      for (std::uint64_t seq = report.first; seq <= report.last; ++seq)
        EXPECT_TRUE(reported.insert(seq).second);
    }
    EXPECT_EQ(reported, lost);
  }
}

}  // namespace
}  // namespace durward::accesslog

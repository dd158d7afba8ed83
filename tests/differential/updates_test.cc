// Proves: while an estate changes, every request is judged by exactly one revision, the old or the new,
// wherever it falls between two commands that HAProxy is sent; logins and revocations meanwhile hold from
// when they are acknowledged, in workers that drain, too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "changing.h"
#include "settings.h"

namespace durward::differential {
namespace {

constexpr unsigned k_chain = 6;  // updates of one estate
constexpr std::uint64_t k_stream = 2;

TEST(Updates, EveryAnswerIsOfOneRevision) {
  if (settings().only) GTEST_SKIP() << "one case of the other test was asked for";
  testing::CountingUpstream upstream;
  unsigned updates = 0, reloads = 0, pauses = 0, requests = 0, unlogged = 0;
  const unsigned first = settings().only_chain.value_or(0);
  for (unsigned i = first; updates < settings().updates && !HasFailure() && !over(); ++i) {
    Changing changing(seed_of(k_stream, i), upstream.port());
    SCOPED_TRACE(fmt::format("again with --seed {} --chain {}", settings().seed, i));
    ASSERT_TRUE(changing.start());
    for (unsigned j = 0; j < k_chain && !HasFailure(); ++j)
      if (!changing.change(j)) ADD_FAILURE() << "update " << j;
    const std::string wrong = changing.judge();
    EXPECT_EQ(wrong, "");
    for (const auto& update : changing.updates()) {
      ++updates;
      reloads += update.reload ? 1 : 0;
      pauses += update.pauses;
      requests += update.requests;
      unlogged += update.unlogged;
    }
    if (settings().only_chain) return;
  }
  fmt::print(
      "differential: {} updates, {} of them reloads, {} pauses, {} requests in between, {} "
      "whose line ended with its worker\n",
      updates, reloads, pauses, requests, unlogged);
  if (HasFailure() || over()) return;
  EXPECT_GE(reloads, updates / 20);
  EXPECT_GE(updates - reloads, updates / 20);
  EXPECT_GE(pauses, updates * 10);
}

}  // namespace
}  // namespace durward::differential

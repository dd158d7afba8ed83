// Proves: a class's number is durable, never used twice, and the same for everybody who asks.
#include "dataplane/classes.h"

#include <gtest/gtest.h>

#include <set>

#include "testing/fake_clock.h"
#include "testing/memory_store.h"
#include "testing/model_builder.h"

namespace durward::dataplane {
namespace {

class Numbers : public ::testing::Test {
 protected:
  static policy::Class holding(const std::set<std::string>& roles, int acr = 0) {
    return {.signed_in = true, .acr = acr, .roles = {roles.begin(), roles.end()}, .unknown_roles = {}};
  }
  std::uint32_t number(const policy::Class& one) { return ClassNumbers(store_).number(one).value(); }

  testing::FakeClock clock_;
  testing::MemoryStore store_{clock_};
};

TEST_F(Numbers, NobodyIsZeroAndIsNotStored) {
  EXPECT_EQ(number(policy::anonymous_class()), anonymous_class_id);
  EXPECT_EQ(store_.revision().value(), 0U);
}

TEST_F(Numbers, OutliveTheProcess) {
  const auto first = number(holding({"a"}));
  EXPECT_NE(first, anonymous_class_id);
  EXPECT_EQ(number(holding({"a"})), first);
  std::set<std::uint32_t> all{first};
  for (int acr = 1; acr < 50; ++acr) EXPECT_TRUE(all.insert(number(holding({"a"}, acr))).second) << acr;
}

TEST_F(Numbers, AreTakenOnceWhenTwoAskAtOnce) {
  std::uint32_t theirs = 0;
  store_.before_next_transaction([&] { theirs = number(holding({"b"})); });
  const auto ours = number(holding({"a"}));
  EXPECT_NE(ours, theirs);
  store_.before_next_transaction([&] { theirs = number(holding({"c"})); });
  EXPECT_EQ(number(holding({"c"})), theirs);
}

TEST_F(Numbers, FailWithTheStore) {
  store_.fail_transactions(1, "STO002");
  EXPECT_EQ(ClassNumbers(store_).number(holding({"a"})).error().code, "STO002");
}

TEST(Classify, SeesTheVocabularyAlone) {
  const auto subject =
      testing::subject({.roles = {"a", "b"}, .unknown = {"b", "c", "d"}, .acr = 2, .auth_time = {}});
  const auto one = classify({"a", "b", "c"}, subject);
  EXPECT_EQ(one.roles, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(one.unknown_roles, (std::vector<std::string>{"c"}));
  EXPECT_EQ(one.acr, 2);
  EXPECT_EQ(classify({"a"}, testing::nobody()), policy::anonymous_class());
}

}  // namespace
}  // namespace durward::dataplane

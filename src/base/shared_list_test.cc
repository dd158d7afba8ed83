// Proves: a list that shares elements with another changes alone, and what it shares is told from what is
// equal.
#include "base/shared_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace durward {
namespace {

using List = SharedList<std::string>;

TEST(SharedLists, ACopyChangesAlone) {
  const List one = {"a", "b", "c"};
  List two = one;
  EXPECT_EQ(&two[1], &one[1]);
  two.own(1) += "x";
  two.replace(2, "y");
  two.push_back("z");
  EXPECT_EQ(one, (List{"a", "b", "c"}));
  EXPECT_EQ(two, (List{"a", "bx", "y", "z"}));
  EXPECT_EQ(&two[0], &one[0]);
  const auto* mine = &two[1];
  EXPECT_EQ(&two.own(1), mine) << "it is its own already";
}

TEST(SharedLists, PartsAreSharedAndFound) {
  const List all = {"a", "c", "e"};
  List out;
  out.share(all.begin(), all.begin() + 2);
  out.emplace_back("d");
  out.share(all.begin() + 2, all.end());
  EXPECT_EQ(out, (List{"a", "c", "d", "e"}));
  EXPECT_TRUE(out.begin().same_element(all.begin()));
  EXPECT_FALSE((out.begin() + 2).same_element(all.begin() + 2));
  EXPECT_EQ(*std::lower_bound(out.begin(), out.end(), "cc"), "d");
  out.erase(out.begin() + 1);
  out.pop_back();
  EXPECT_EQ(out, (List{"a", "d"}));
  EXPECT_NE(out, all);
}

TEST(FrozenValues, CopiesAreEqualAndAnEmptyOneIsEmpty) {
  const Frozen<std::vector<int>> one(std::vector<int>{1, 2}), two = one, none;
  EXPECT_EQ(one, two);
  EXPECT_EQ(two, (std::vector<int>{1, 2}));
  EXPECT_EQ(one[1], 2);
  EXPECT_TRUE(none.empty());
  EXPECT_NE(one, none);
}

}  // namespace
}  // namespace durward

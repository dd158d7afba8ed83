// Proves: in a build without DURWARD_MUTANTS, as a release is, no fault can be switched on: the compiler
// knows the answer.
#undef DURWARD_MUTANTS
#include "base/mutant.h"

#include <gtest/gtest.h>

namespace durward {
namespace {

static_assert(!mutant("forget-revocation-on-restart"),
              "known when it is compiled: the branch behind it is not there");

TEST(Mutant, IsTheConstantFalseInARelease) {
  EXPECT_FALSE(mutant(""));
}

}  // namespace
}  // namespace durward

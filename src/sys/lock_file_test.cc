// Proves: two holders of one lock cannot be, and the lock goes with its holder.
#include "sys/lock_file.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace durward::sys {
namespace {

TEST(LockFile, IsHeldByOneAtATime) {
  const std::string path = (std::filesystem::temp_directory_path() / "durward_lock_test").string();
  {
    auto first = LockFile::take(path);
    ASSERT_TRUE(first);
    auto second = LockFile::take(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "SYS040");
  }
  EXPECT_TRUE(LockFile::take(path));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace durward::sys

// Proves: appends are whole or taken back, reads at an offset see a growing file, cuts and removals are
// exact.
#include "sys/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "sys/file_store.h"

namespace durward::sys {
namespace {

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-file-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    path_ = root_ + "/log";
  }
  ~Files() override { std::filesystem::remove_all(root_); }

  std::string root_;
  std::string path_;
};

TEST_F(Files, AppendsAndReadsWhileItGrows) {
  auto file = AppendFile::create(path_);
  ASSERT_TRUE(file) << file.error().message;
  const auto reading = ReadFile::open(path_);
  ASSERT_TRUE(reading);
  std::array<char, 8> bytes{};
  EXPECT_EQ(reading->read_at(0, bytes).value(), 0U);
  ASSERT_TRUE(file->append("hello "));
  ASSERT_TRUE(file->append("world"));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->size(), 11U);
  EXPECT_EQ(reading->size().value(), 11U);
  EXPECT_EQ(reading->read_at(6, bytes).value(), 5U);
  EXPECT_EQ(std::string_view(bytes.data(), 5), "world");
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(AppendFile::create(path_).error().code, "SYS003") << "never over an old one";
}

TEST_F(Files, AnAppendThatFailsLeavesNothingOfIt) {
  auto file = AppendFile::create(path_);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append("whole\n"));
  rlimit usual{};
  ::getrlimit(RLIMIT_FSIZE, &usual);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = usual;
  tight.rlim_cur = 1'000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_EQ(file->append(std::string(2'000, 'x')).error().code, "SYS003");
  ::setrlimit(RLIMIT_FSIZE, &usual);
  std::signal(SIGXFSZ, old);
  ASSERT_TRUE(file->append("next\n"));
  EXPECT_EQ(read_file(path_).value(), "whole\nnext\n");
}

TEST_F(Files, CutAndRemove) {
  ASSERT_TRUE(write_file(path_, "0123456789"));
  ASSERT_TRUE(truncate_file(path_, 4));
  EXPECT_EQ(file_size(path_).value(), 4U);
  ASSERT_TRUE(remove_file(path_));
  EXPECT_EQ(remove_file(path_).error().code, "SYS001");
  EXPECT_EQ(file_size(path_).error().code, "SYS001");
  EXPECT_EQ(ReadFile::open(path_).error().code, "SYS001");
  EXPECT_EQ(ReadFile::open(root_).error().code, "SYS003");
}

}  // namespace
}  // namespace durward::sys

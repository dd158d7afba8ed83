// Proves: files are replaced whole or not at all, modes and errors are as documented, nothing is left behind.
#include "sys/file_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace durward::sys {
namespace {

class FileStore : public ::testing::Test {
 protected:
  FileStore() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-sys-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~FileStore() override { std::filesystem::remove_all(root_); }
  std::string at(const std::string& name) const { return root_ + "/" + name; }
  static unsigned mode_of(const std::string& path) {
    struct stat info {};
    ::stat(path.c_str(), &info);
    return info.st_mode & 07777U;
  }

  std::string root_;
};

TEST_F(FileStore, WritesAndReadsBack) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(write_file(at("f"), bytes));
  EXPECT_EQ(read_file(at("f")).value(), bytes);
  EXPECT_EQ(mode_of(at("f")), 0600U);
}

TEST_F(FileStore, ReplacesAndLeavesNoTemporary) {
  ASSERT_TRUE(write_file(at("f"), "one"));
  ASSERT_TRUE(write_file(at("f"), "two", 0644));
  EXPECT_EQ(read_file(at("f")).value(), "two");
  EXPECT_EQ(mode_of(at("f")), 0644U);
  EXPECT_EQ(list_files(root_).value(), std::vector<std::string>{"f"});
}

TEST_F(FileStore, FailedReplaceKeepsTheTargetAndLeavesNothing) {
  ASSERT_TRUE(make_directories(at("target/inner")));
  EXPECT_EQ(write_file(at("target"), "x").error().code, "SYS003");
  EXPECT_TRUE(exists(at("target/inner")));
  EXPECT_TRUE(list_files(root_).value().empty());
}

TEST_F(FileStore, WritesIntoTheCurrentDirectory) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(root_);
  const Status done = write_file("plain", "x");
  std::filesystem::current_path(before);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(read_file(at("plain")).value(), "x");
}

TEST_F(FileStore, MissingIsSys001AndNamesThePath) {
  const auto got = read_file(at("none"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "SYS001");
  EXPECT_NE(got.error().message.find(at("none")), std::string::npos);
  EXPECT_EQ(list_files(at("none")).error().code, "SYS001");
  EXPECT_EQ(write_file(at("none/f"), "x").error().code, "SYS001");
}

TEST_F(FileStore, ForbiddenIsSys002) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  ASSERT_TRUE(write_file(at("f"), "x", 0));
  EXPECT_EQ(read_file(at("f")).error().code, "SYS002");
}

TEST_F(FileStore, OnlyRegularFilesAreRead) {
  EXPECT_EQ(read_file(root_).error().code, "SYS003");
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(at("pipe")).error().code, "SYS003");
  EXPECT_FALSE(read_file("/proc/self/stat").value().empty());
}

TEST_F(FileStore, TooLargeIsRefused) {
  std::ofstream(at("big")).close();
  std::filesystem::resize_file(at("big"), file_bytes_max + 1);
  EXPECT_EQ(read_file(at("big")).error().code, "SYS003");
}

TEST_F(FileStore, DirectoriesAreMadeWithTheirModeAndTwiceIsFine) {
  ASSERT_TRUE(make_directories(at("a/b/../c/")));
  ASSERT_TRUE(make_directories(at("a/c")));
  EXPECT_EQ(mode_of(at("a/c")), 0700U);
  ASSERT_TRUE(write_file(at("file"), ""));
  EXPECT_EQ(make_directories(at("file/below")).error().code, "SYS003");
}

TEST_F(FileStore, APrivateFileIsMadeOrNarrowedAndKeepsItsBytes) {
  ASSERT_TRUE(ensure_private_file(at("new")));
  EXPECT_EQ(mode_of(at("new")), 0600U);
  ASSERT_TRUE(write_file(at("old"), "kept", 0644));
  ASSERT_TRUE(ensure_private_file(at("old")));
  EXPECT_EQ(mode_of(at("old")), 0600U);
  EXPECT_EQ(read_file(at("old")).value(), "kept");
  EXPECT_FALSE(ensure_private_file(root_));
}

TEST_F(FileStore, ListIsSortedAndWithoutDirectories) {
  ASSERT_TRUE(make_directories(at("d")));
  ASSERT_TRUE(write_file(at("b"), ""));
  ASSERT_TRUE(write_file(at("a"), ""));
  ASSERT_EQ(::symlink("nowhere", at("c").c_str()), 0);
  EXPECT_EQ(list_files(root_).value(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(FileStore, RemoveAllDoesNotFollowLinks) {
  ASSERT_TRUE(make_directories(at("d")));
  ASSERT_TRUE(write_file(at("kept"), "x"));
  ASSERT_EQ(::symlink(at("kept").c_str(), at("d/link").c_str()), 0);
  ASSERT_TRUE(remove_all(at("d")));
  ASSERT_TRUE(remove_all(at("d")));
  EXPECT_FALSE(exists(at("d")));
  EXPECT_TRUE(exists(at("kept")));
}

}  // namespace
}  // namespace durward::sys

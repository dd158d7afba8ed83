// Proves: the files of a batch are replaced whole and with their modes, those of one that is not committed
// are as they were, and nothing is left behind.
#include "sys/file_batch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "sys/file_store.h"

namespace durward::sys {
namespace {

class Batches : public ::testing::Test {
 protected:
  Batches() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-sys-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~Batches() override { std::filesystem::remove_all(root_); }
  std::string at(const std::string& name) const { return root_ + "/" + name; }

  std::string root_;
};

TEST_F(Batches, FilesAndDirectoriesAppearTogether) {
  ASSERT_TRUE(write_file(at("old"), "before"));
  FileBatch batch;
  ASSERT_TRUE(batch.make_directory(at("sub")));
  ASSERT_TRUE(batch.make_directory(at("sub")));
  ASSERT_TRUE(batch.write(at("sub/new"), std::string("a\0b", 3), 0640));
  ASSERT_TRUE(batch.write(at("old"), "after"));
  EXPECT_EQ(read_file(at("old")).value(), "before");
  EXPECT_FALSE(exists(at("sub/new")));
  ASSERT_TRUE(batch.commit());
  EXPECT_EQ(read_file(at("old")).value(), "after");
  EXPECT_EQ(read_file(at("sub/new")).value(), std::string("a\0b", 3));
  struct stat info {};
  ASSERT_EQ(::stat(at("sub/new").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  EXPECT_EQ(list_files(root_).value(), std::vector<std::string>{"old"});
  EXPECT_EQ(list_files(at("sub")).value(), std::vector<std::string>{"new"});
}

TEST_F(Batches, WithoutACommitNothingChanges) {
  ASSERT_TRUE(write_file(at("f"), "before"));
  {
    FileBatch batch;
    ASSERT_TRUE(batch.write(at("f"), "after"));
    ASSERT_TRUE(batch.write(at("g"), "after"));
  }
  EXPECT_EQ(read_file(at("f")).value(), "before");
  EXPECT_EQ(list_files(root_).value(), std::vector<std::string>{"f"});
}

TEST_F(Batches, WhatFailsIsTold) {
  FileBatch batch;
  EXPECT_EQ(batch.write(at("nowhere/f"), "x").error().code, "SYS001");
  ASSERT_TRUE(make_directories(at("target/inner")));
  ASSERT_TRUE(batch.write(at("target"), "x"));
  EXPECT_EQ(batch.commit().error().code, "SYS003");
}

}  // namespace
}  // namespace durward::sys

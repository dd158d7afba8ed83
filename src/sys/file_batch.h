// Many files made durable together: the disk is waited for once, not once a file.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace durward::sys {

// Each file is written beside its target, which it replaces in commit(): whoever reads a target meanwhile has
// the old or the new bytes, whole. Without a commit nothing is replaced. Not for several threads at once.
class FileBatch {
 public:
  FileBatch() = default;
  ~FileBatch();  // removes what was not committed
  FileBatch(const FileBatch&) = delete;
  FileBatch& operator=(const FileBatch&) = delete;

  // One level; it may be there already.
  Status make_directory(const std::string& path, unsigned mode = 0700);
  // Begins the writing to the disk and does not wait for it. `mode` is the permission bits.
  Status write(const std::string& path, std::string_view bytes, unsigned mode = 0600);
  // When this succeeds, all files and directories are on the disk.
  Status commit();

 private:
  struct Written {
    Fd file;
    std::string temporary, path;
  };
  std::vector<Written> written_;
  std::vector<std::string> directories_;  // whose entries change
};

}  // namespace durward::sys

// Whether a file may have changed since it was looked at, without reading it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace durward::sys {

struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified = 0, changed = 0;  // nanoseconds
  // It changed so lately that another change might not move the stamp: file systems count time in steps.
  bool fresh = true;

  // Nothing was written to the file between the two. A fresh stamp says nothing.
  bool same_as(const FileStamp& later) const {
    return !fresh && device == later.device && inode == later.inode && size == later.size &&
           modified == later.modified && changed == later.changed;
  }
};

// Any thread. Errors: as read_file().
Result<FileStamp> file_stamp(const std::string& path);

}  // namespace durward::sys

// Files: whole reads and writes that are atomic and durable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace durward::sys {

constexpr std::size_t file_bytes_max = 64U << 20;  // a file larger than this is refused

// All calls: any thread. Errors: SYS001 not found, SYS002 permission, SYS003 any other, message names the
// path.
Result<std::string> read_file(const std::string& path);
// Writes beside the target, fsyncs file and directory, renames over it. `mode` is the permission bits.
Status write_file(const std::string& path, std::string_view bytes, unsigned mode = 0600);
// Makes an empty file when there is none; either way only its owner may use it afterwards (mode 0600).
Status ensure_private_file(const std::string& path);
Status make_directories(const std::string& path, unsigned mode = 0700);
// Names (not paths) in a directory, sorted; directories excluded.
Result<std::vector<std::string>> list_files(const std::string& path);
bool exists(const std::string& path);
Status remove_all(const std::string& path);

}  // namespace durward::sys

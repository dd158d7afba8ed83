// Errors of files, spelt in one place. Internal to sys/.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace durward::sys {

// SYS001 not found, SYS002 permission, SYS003 any other; "cannot ACTION 'PATH': why".
tl::unexpected<Error> file_error(std::string_view action, const std::string& path, int code);
std::string parent_of(const std::string& path);  // "." when it names none
Status sync_directory(const std::string& path);
// fsyncs the directory that holds `path`, so that its name is durable.
Status sync_parent(const std::string& path);

}  // namespace durward::sys

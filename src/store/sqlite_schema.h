// What a store file looks like, and how an older one is brought forward. Internal to store/.
#pragma once

#include <string>

#include "base/result.h"
#include "store/sqlite.h"

namespace durward::store {

// Opens the file at `path`, creating it with mode 0600, proves that it is a sound store of ours, and migrates
// it one step at a time to the present schema. Errors: STO001 busy, STO002 disk full, STO003 damaged,
// unreadable or not ours, STO005 newer than this program.
Result<Connection> open_store_file(const std::string& path);

// A further connection to a file that open_store_file() has accepted.
Result<Connection> open_again(const std::string& path);

}  // namespace durward::store

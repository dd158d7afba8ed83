// The embedded store: one SQLite file.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"
#include "sys/clock.h"

namespace durward::store {

struct SqliteOptions {
  std::string path;  // made with mode 0600 when missing; its directory must exist
  const sys::Clock&
      clock;  // the wall clock judges leases, since they outlive a restart; must outlive the store
};

// Opens, checks and migrates the file. Errors: STO001 busy, STO002 disk full, STO003 damaged, unreadable or
// another program's, STO005 newer than this program. Destroy it only when no call is under way (interrupt()
// ends the waits).
Result<std::unique_ptr<Store>> open_sqlite(const SqliteOptions& options);

}  // namespace durward::store

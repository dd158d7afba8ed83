// What every store refuses in a transaction, whatever lies beneath.
#pragma once

#include "store/store.h"

namespace durward::store {

// STO007, naming the key, when the transaction breaks a bound of store.h or names a key to change twice.
Status validate(const Transaction& transaction);

}  // namespace durward::store

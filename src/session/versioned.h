// Reading a stored JSON value with a version. Internal to session.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "identity/json.h"

namespace durward::session {

// The object, when its `v` is one this program knows. Errors: SES008 damaged, SES009 newer.
Result<identity::Json> read_versioned(std::string_view value, const std::string& what);

}  // namespace durward::session

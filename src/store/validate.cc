#include "store/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace durward::store {
namespace {

Status check_key(const std::string& key) {
  if (key.empty()) return fail("STO007", "a transaction names an empty key");
  if (key.size() > key_bytes_max) {
    return fail("STO007",
                fmt::format("the key '{}...' is longer than {} bytes", key.substr(0, 64), key_bytes_max));
  }
  return {};
}

}  // namespace

Status validate(const Transaction& transaction) {
  const std::size_t operations =
      transaction.compares.size() + transaction.puts.size() + transaction.deletes.size();
  if (operations > transaction_operations_max) {
    return fail("STO007",
                fmt::format("a transaction of {} operations, at most {} are taken", operations,
                            transaction_operations_max),
                "split it");
  }
  for (const Compare& compare : transaction.compares) {
    if (Status good = check_key(compare.key); !good) return good;
  }
  std::vector<std::string_view> changed;
  changed.reserve(operations);
  for (const Put& put : transaction.puts) {
    if (Status good = check_key(put.key); !good) return good;
    if (put.value.size() > value_bytes_max) {
      return fail("STO007",
                  fmt::format("the value of '{}' is larger than {} bytes", put.key, value_bytes_max));
    }
    changed.push_back(put.key);
  }
  for (const std::string& key : transaction.deletes) {
    if (Status good = check_key(key); !good) return good;
    changed.push_back(key);
  }
  std::ranges::sort(changed);
  const auto twice = std::ranges::adjacent_find(changed);
  if (twice != changed.end()) return fail("STO007", fmt::format("a transaction changes '{}' twice", *twice));
  return {};
}

}  // namespace durward::store

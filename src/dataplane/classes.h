// Numbers for classes: durable, never used twice, so that a number in HAProxy always means the same
// attributes.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "policy/compile.h"
#include "store/store.h"

namespace durward::dataplane {

inline constexpr std::uint32_t anonymous_class_id = 0;

// What `vocabulary` can tell about a subject. During a change of policies the vocabulary is that of both, so
// that one class answers for the old and the new.
policy::Class classify(const std::set<std::string>& vocabulary, const model::Subject& subject);

// Not thread-safe.
class ClassNumbers {
 public:
  explicit ClassNumbers(store::Store& store) : store_(store) {}
  // Errors: STO…, DAT030 the numbers have run out.
  Result<std::uint32_t> number(const policy::Class& subject_class);

 private:
  store::Store& store_;
  std::map<std::string, std::uint32_t> known_;  // by hash
};

}  // namespace durward::dataplane

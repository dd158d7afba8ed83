#include "base/span.h"

#include <fmt/format.h>

namespace durward {

std::string SourceSpan::where() const {
  if (!known()) return {};
  return fmt::format("{}:{}:{}", file->path, line, column);
}

}  // namespace durward

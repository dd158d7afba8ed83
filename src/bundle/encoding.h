// What bytes a bundle may hold, and where in the file a byte is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/span.h"

namespace durward::bundle {

struct BadBytes {
  std::size_t offset = 0;
  std::size_t length = 1;
  std::string message;
  std::string hint;
};

// The first place where `text` is not UTF-8, holds a control character other than tab and line ends, or one
// that turns text around or hides it (a reviewer must see what the machine reads).
std::optional<BadBytes> find_bad_bytes(std::string_view text);

// Byte offsets to lines and columns. The file must outlive it.
class Places {
 public:
  explicit Places(const SourceFile& file);
  // [begin, end) cut to its first line, at least one wide.
  SourceSpan span(std::size_t begin, std::size_t end) const;
  std::size_t offset(std::size_t line, std::size_t column) const;  // both from 1; clamped to the file

 private:
  const SourceFile* file_;
  std::vector<std::size_t> starts_;  // of lines
};

}  // namespace durward::bundle

// Where a value came from. Every model value that a user wrote keeps its span to the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace durward {

struct SourceFile {
  std::string path;  // as the user would name it
  std::string text;
};
using SourceFilePtr = std::shared_ptr<const SourceFile>;

// Lines and columns count from 1, columns and lengths in bytes. `file` is owned by the Documents (and
// the Model made from them), which outlive every span; null only through Span::none.
struct SourceSpan {
  const SourceFile* file = nullptr;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 0;

  // For what has no place in a file (a command-line option, a runtime fact). `reason` is for readers.
  static SourceSpan none([[maybe_unused]] const char* reason) { return {}; }
  bool known() const { return file != nullptr; }
  // "apps/pay/app.yaml:12:7", or "" when unknown.
  std::string where() const;
};

template <class T>
struct Spanned {
  T value{};
  SourceSpan span{};

  bool operator==(const Spanned& other) const { return value == other.value; }
  auto operator<=>(const Spanned& other) const { return value <=> other.value; }
};

}  // namespace durward

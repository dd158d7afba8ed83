// Diagnostics: what is wrong with a bundle, as data. A stage reports all it finds; text is made at the edge.
#pragma once

#include <string>
#include <vector>

#include "base/span.h"

namespace durward {

enum class Severity { error, warning };

struct Related {  // a second place that belongs to the finding: "first declared here"
  SourceSpan span;
  std::string message;
};

struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;  // stable: "BND012"; documented in docs/diagnostics.md, one golden case each
  SourceSpan span;
  std::string message;
  std::string hint;  // the mend; may be empty
  std::vector<Related> related;
};

// Not thread-safe: one sink per compilation. Order of report is kept; render() sorts by place.
class Diagnostics {
 public:
  Diagnostic& error(std::string code, SourceSpan span, std::string message, std::string hint = {});
  Diagnostic& warning(std::string code, SourceSpan span, std::string message, std::string hint = {});
  const std::vector<Diagnostic>& all() const { return items_; }
  bool has_errors() const;
  std::size_t errors() const;

  // Sorts by file, line, column, code, so that output does not depend on the order of passes.
  void sort();

 private:
  std::vector<Diagnostic> items_;
};

struct RenderOptions {
  bool color = false;
};

// The terminal form: severity, code, message, place, excerpt with caret, hint, related places.
std::string render_text(const Diagnostic& diagnostic, RenderOptions options = {});
std::string render_text(const Diagnostics& diagnostics, RenderOptions options = {});

}  // namespace durward

#include "base/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <tuple>

namespace durward {
namespace {

constexpr std::size_t excerpt_bytes_max = 160;

std::string_view line_of(const SourceSpan& span) {
  std::string_view text = span.file->text;
  for (std::uint32_t line = 1; line < span.line; ++line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// Control bytes in a hostile bundle must not reach a terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return out;
}

std::string excerpt(const SourceSpan& span) {
  const std::string_view whole = line_of(span);
  // A long line is cut so that the caret stays in view.
  const std::size_t column = span.column - 1;
  const std::size_t skip = column > excerpt_bytes_max ? column - excerpt_bytes_max / 2 : 0;
  const std::string_view line = whole.substr(std::min(skip, whole.size()), excerpt_bytes_max);
  const std::size_t caret = std::min(column - skip, line.size());
  const std::size_t width =
      std::clamp<std::size_t>(span.length, 1, std::max<std::size_t>(line.size() - caret, 1));
  const std::string number = fmt::format("{:>4}", span.line);
  return fmt::format("{} | {}\n{} | {}{}\n", number, printable(line), std::string(number.size(), ' '),
                     std::string(caret, ' '), std::string(width, '^'));
}

std::string paint(RenderOptions options, const char* sgr, std::string_view text) {
  return options.color ? fmt::format("\x1b[{}m{}\x1b[0m", sgr, text) : std::string(text);
}

auto place(const SourceSpan& span) {
  return std::tuple(span.file ? std::string_view(span.file->path) : std::string_view(), span.line,
                    span.column);
}

}  // namespace

Diagnostic& Diagnostics::error(std::string code, SourceSpan span, std::string message, std::string hint) {
  return items_.emplace_back(
      Diagnostic{Severity::error, std::move(code), span, std::move(message), std::move(hint), {}});
}

Diagnostic& Diagnostics::warning(std::string code, SourceSpan span, std::string message, std::string hint) {
  return items_.emplace_back(
      Diagnostic{Severity::warning, std::move(code), span, std::move(message), std::move(hint), {}});
}

std::size_t Diagnostics::errors() const {
  return static_cast<std::size_t>(std::count_if(items_.begin(), items_.end(),
                                                [](const auto& d) { return d.severity == Severity::error; }));
}

bool Diagnostics::has_errors() const {
  return errors() > 0;
}

void Diagnostics::sort() {
  std::stable_sort(items_.begin(), items_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tuple(place(a.span), a.code) < std::tuple(place(b.span), b.code);
  });
}

std::string render_text(const Diagnostic& d, RenderOptions options) {
  const bool error = d.severity == Severity::error;
  std::string out = fmt::format(
      "{}: {}\n",
      paint(options, error ? "1;31" : "1;33", fmt::format("{}[{}]", error ? "error" : "warning", d.code)),
      printable(d.message));
  if (d.span.known()) out += fmt::format("  --> {}\n{}", d.span.where(), excerpt(d.span));
  for (const auto& related : d.related) {
    out += fmt::format("  note: {}\n", printable(related.message));
    if (related.span.known()) out += fmt::format("  --> {}\n{}", related.span.where(), excerpt(related.span));
  }
  if (!d.hint.empty()) out += fmt::format("  {} {}\n", paint(options, "1;36", "hint:"), printable(d.hint));
  return out;
}

std::string render_text(const Diagnostics& diagnostics, RenderOptions options) {
  std::string out;
  for (const auto& d : diagnostics.all()) {
    if (!out.empty()) out += '\n';
    out += render_text(d, options);
  }
  return out;
}

}  // namespace durward

// haproxy.cfg -> sections of directives, each with its line. Syntax only: what a keyword means is said by
// those who read it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/result.h"
#include "importer/ledger.h"
#include "importer/words.h"

namespace durward::importer {

// Bounds on one configuration. Each ends in IMP006.
constexpr std::size_t config_bytes_max = 8U << 20;
constexpr std::size_t lines_max = 200'000;

struct Directive {
  std::uint32_t line = 0;
  std::vector<Word> words;                           // at least one; `no option x` is there as written
  const std::string& word(std::size_t index) const;  // "" past the end
  bool is(std::string_view first, std::string_view second = {}) const;
};

struct Section {
  std::string kind;  // "frontend", "listen", ...
  std::string name;
  std::string from;  // the defaults section it names
  std::uint32_t line = 0;
  std::vector<Directive> own;        // as written in it
  std::vector<Directive> inherited;  // of its defaults, before its own
  bool proxy() const { return kind == "frontend" || kind == "backend" || kind == "listen"; }
  std::string title() const { return name.empty() ? kind : kind + " " + shown(name); }
  // The last that begins so, its own before the inherited ones; null when there is none or `no` undid it.
  const Directive* last(std::string_view first, std::string_view second = {}) const;
  bool http() const;  // mode http
};

struct Config {
  std::vector<Section> sections;
  const Section* find(std::string_view kind, std::string_view name) const;
  const Section* backend(std::string_view name) const;  // a backend or a listen
};

// Reads files that a configuration names (maps, lists). The path is as the configuration says it.
using FileReader = std::function<Result<std::string>(const std::string& path)>;

struct Input {
  SourceFilePtr file;
  Variables variables;  // of the environment
  FileReader read;
};

// What the passes share.
struct Context {
  const Input& input;
  SourceFilePtr display;  // what spans point into
  Diagnostics& diagnostics;
  Ledger& ledger;
  SourceSpan span(std::uint32_t line, std::uint32_t column = 1, std::uint32_t length = 1) const;
  SourceSpan span(std::uint32_t line, const Word& word) const;
  // A warning with place that is also the reason why the line is not carried.
  void warn(const char* code, std::uint32_t line, const Word& word, std::string message, std::string hint);
  std::string where(std::uint32_t line) const;  // "haproxy.cfg:41"
};

// The file as diagnostics may quote it: what follows the keyword of a line with a password is left out.
SourceFilePtr without_secrets(const SourceFile& file);
std::size_t count_lines(std::string_view text);
Config parse_config(Context& context);

}  // namespace durward::importer

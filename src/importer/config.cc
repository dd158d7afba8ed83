#include "importer/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "importer/codes.h"

namespace durward::importer {
namespace {

constexpr std::array section_kinds{
    "global",    "defaults",  "frontend", "backend", "listen",         "userlist",    "peers",
    "resolvers", "cache",     "mailers",  "ring",    "http-errors",    "program",     "log-forward",
    "fcgi-app",  "crt-store", "traces",   "acme",    "namespace_list", "log-profile", "healthcheck"};

constexpr std::array<std::string_view, 7> secret_words{"pass", "auth",   "secret", "token",
                                                       "key",  "cookie", "user"};

bool opens_section(const std::string& word) {
  return std::find(section_kinds.begin(), section_kinds.end(), word) != section_kinds.end();
}

// What `.if` can be told here: whether a branch is taken, is not, or depends on what only the running HAProxy
// knows.
enum class Branch { taken, skipped, unknown };

Branch judge(std::string text, const Variables& variables) {
  const bool negated = text.starts_with('!');
  if (negated) text.erase(0, 1);
  bool holds = false;
  if (text == "1" || text == "true") {
    holds = true;
  } else if (text.starts_with("defined(") && text.find(')') == text.size() - 1) {
    holds = variables.contains(text.substr(8, text.size() - 9));
  } else if (!text.empty() && text != "0" && text != "false") {
    return Branch::unknown;
  }
  return holds != negated ? Branch::taken : Branch::skipped;
}

class Parser {
 public:
  explicit Parser(Context& context) : context_(context), variables_(context.input.variables) {}

  Config parse() {
    std::string_view text = context_.input.file->text;
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      ++number_;
      line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    inherit();
    return std::move(config_);
  }

 private:
  void line(std::string_view text) {
    Words words = split_words(text, variables_);
    const std::string keyword = words.words.empty() ? "" : shown(words.words.front().text);
    if (words.words.empty() && words.problem.empty()) return;
    context_.ledger.open(number_, current_ == nullptr ? "" : current_->title(), keyword);
    if (!words.problem.empty()) {
      context_.warn(code::line.id, number_, Word{"", words.problem_column, false}, words.problem,
                    "`haproxy -c` says the same: mend the line and import again");
      return;
    }
    if (keyword.starts_with('.')) return macro(words);
    for (const Branch branch : branches_)
      if (branch != Branch::taken) return skipped(branch);
    if (!words.unknown.empty()) return without_value(words);
    if (opens_section(keyword)) return open(words);
    if (current_ == nullptr) {
      context_.warn(code::section.id, number_, words.words.front(),
                    fmt::format("'{}' stands in no section", keyword),
                    "begin with global, defaults, frontend, backend or listen");
      return;
    }
    if (current_->kind == "global") set_variable(words);
    current_->own.push_back({number_, std::move(words.words)});
  }

  void skipped(Branch branch) {
    if (branch == Branch::skipped)
      context_.ledger.own(number_, "stands in a conditional block that is not taken");
    else
      context_.ledger.lost(number_,
                           "stands in a conditional block that only the running HAProxy can decide: "
                           "import the file with the block resolved");
  }

  void macro(const Words& words) {
    const std::string& name = words.words.front().text;
    context_.ledger.own(number_, "a directive to HAProxy's own reader");
    std::string rest;
    for (std::size_t i = 1; i < words.words.size(); ++i) rest += words.words[i].text;
    if (name == ".if") {
      branches_.push_back(judge(rest, variables_));
    } else if (branches_.empty()) {
      return;
    } else if (name == ".endif") {
      branches_.pop_back();
    } else if (name == ".elif" || name == ".else") {
      Branch& branch = branches_.back();
      if (branch == Branch::taken)
        branch = Branch::skipped;
      else if (branch == Branch::skipped)
        branch = name == ".else" ? Branch::taken : judge(rest, variables_);
    }
  }

  void without_value(const Words& words) {
    const auto at =
        std::find_if(words.words.begin(), words.words.end(), [](const Word& w) { return w.unresolved; });
    const std::string name = shown(words.unknown.front());
    context_.warn(code::variable.id, number_, at == words.words.end() ? words.words.front() : *at,
                  fmt::format("the variable {} has no value here", name),
                  fmt::format("give it: --set {}=VALUE", name));
    // The section exists whatever its name: lines below must not fall to the one before.
    if (opens_section(words.words.front().text)) open(words);
  }

  void open(const Words& words) {
    Section section;
    section.kind = words.words.front().text;
    section.line = number_;
    std::size_t next = 1;
    if (words.words.size() > next && words.words[next].text != "from")
      section.name = words.words[next++].text;
    if (words.words.size() > next + 1 && words.words[next].text == "from") {
      section.from = words.words[next + 1].text;
      next += 2;
    }
    config_.sections.push_back(std::move(section));
    current_ = &config_.sections.back();
    context_.ledger.open(number_, current_->title(), current_->kind);
    // `listen www 10.0.0.1:80` of old configurations: the rest is a bind.
    if (current_->proxy() && next < words.words.size() && words.words[next].text != "if") {
      Directive bind{number_, {Word{"bind", words.words[next].column, false}}};
      bind.words.insert(bind.words.end(), words.words.begin() + static_cast<std::ptrdiff_t>(next),
                        words.words.end());
      current_->own.push_back(std::move(bind));
    }
  }

  // Lines below see what `setenv` says; `presetenv` only fills a gap.
  void set_variable(const Words& words) {
    if (words.words.size() < 2) return;
    const std::string& keyword = words.words[0].text;
    const std::string& name = words.words[1].text;
    std::string value;
    for (std::size_t i = 2; i < words.words.size(); ++i) value += (i == 2 ? "" : " ") + words.words[i].text;
    if (keyword == "setenv") variables_[name] = value;
    if (keyword == "presetenv") variables_.emplace(name, value);
    if (keyword == "unsetenv") variables_.erase(name);
    if (keyword == "resetenv") variables_.clear();
  }

  // A proxy starts from the defaults section it names, or from the last one above it.
  void inherit() {
    std::map<std::string, std::vector<Directive>> named;
    const std::vector<Directive>* latest = nullptr;
    std::vector<std::unique_ptr<std::vector<Directive>>> kept;
    for (Section& section : config_.sections) {
      if (section.kind != "defaults" && !section.proxy()) continue;
      if (!section.from.empty()) {
        const auto found = named.find(section.from);
        if (found != named.end()) {
          section.inherited = found->second;
        } else {
          context_.warn(code::reference.id, section.line, Word{section.from, 1, false},
                        fmt::format("there is no defaults section '{}' above", shown(section.from)),
                        "name one that stands above, or leave `from` out");
        }
      } else if (latest != nullptr && section.kind != "defaults") {
        section.inherited = *latest;
      }
      if (section.kind != "defaults") continue;
      kept.push_back(std::make_unique<std::vector<Directive>>(section.inherited));
      kept.back()->insert(kept.back()->end(), section.own.begin(), section.own.end());
      latest = kept.back().get();
      if (!section.name.empty()) named[section.name] = *latest;
    }
  }

  Context& context_;
  Variables variables_;
  Config config_;
  Section* current_ = nullptr;  // the last of config_.sections
  std::vector<Branch> branches_;
  std::uint32_t number_ = 0;
};

}  // namespace

const std::string& Directive::word(std::size_t index) const {
  static const std::string nothing;
  return index < words.size() ? words[index].text : nothing;
}

bool Directive::is(std::string_view first, std::string_view second) const {
  return word(0) == first && (second.empty() || word(1) == second);
}

const Directive* Section::last(std::string_view first, std::string_view second) const {
  for (const auto* list : {&own, &inherited}) {
    for (auto at = list->rbegin(); at != list->rend(); ++at) {
      if (at->is(first, second)) return &*at;
      if (at->is("no", first) && (second.empty() || at->word(2) == second)) return nullptr;
    }
  }
  return nullptr;
}

bool Section::http() const {
  const Directive* mode = last("mode");
  return mode != nullptr && mode->word(1) == "http";
}

const Section* Config::find(std::string_view kind, std::string_view name) const {
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [&](const Section& s) { return s.kind == kind && s.name == name; });
  return found == sections.end() ? nullptr : &*found;
}

const Section* Config::backend(std::string_view name) const {
  const Section* found = find("backend", name);
  return found != nullptr ? found : find("listen", name);
}

SourceSpan Context::span(std::uint32_t line, std::uint32_t column, std::uint32_t length) const {
  return {display.get(), line, column, length};
}

SourceSpan Context::span(std::uint32_t line, const Word& word) const {
  return span(line, word.column, std::max<std::uint32_t>(1, static_cast<std::uint32_t>(word.text.size())));
}

void Context::warn(const char* code, std::uint32_t line, const Word& word, std::string message,
                   std::string hint) {
  ledger.lost(line, hint.empty() ? message : message + ": " + hint);
  diagnostics.warning(code, span(line, word), std::move(message), std::move(hint));
}

std::string Context::where(std::uint32_t line) const {
  return fmt::format("{}:{}", input.file->path, line);
}

SourceFilePtr without_secrets(const SourceFile& file) {
  std::string out;
  for (const std::string& line : split(file.text, '\n')) {
    const std::string lower = lower_ascii(line);
    const bool secret = std::any_of(secret_words.begin(), secret_words.end(), [&](std::string_view word) {
      return lower.find(word) != std::string::npos;
    });
    const auto first = line.find_first_not_of(" \t");
    const auto end = first == std::string::npos ? first : line.find_first_of(" \t", first);
    out += secret && end != std::string::npos ? line.substr(0, end) + " ..." : line;
    out += '\n';
  }
  return std::make_shared<SourceFile>(SourceFile{file.path, out});
}

std::size_t count_lines(std::string_view text) {
  const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  return ends + (text.empty() || text.back() == '\n' ? 0 : 1);
}

Config parse_config(Context& context) {
  return Parser(context).parse();
}

}  // namespace durward::importer

#include "importer/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "importer/codes.h"

namespace durward::importer {
namespace {

constexpr std::size_t map_rows_max = 20'000;

std::optional<Rule::Act> act_of(const Directive& directive) {
  struct Named {
    std::string_view word;
    Rule::Act act;
  };
  static constexpr std::array named{
      Named{"deny", Rule::Act::refuse},     Named{"reject", Rule::Act::refuse},
      Named{"tarpit", Rule::Act::refuse},   Named{"silent-drop", Rule::Act::refuse},
      Named{"allow", Rule::Act::pass},      Named{"accept", Rule::Act::pass},
      Named{"auth", Rule::Act::login},      Named{"return", Rule::Act::answer},
      Named{"redirect", Rule::Act::answer},
  };
  const std::string& keyword = directive.word(0);
  if (keyword == "block") return Rule::Act::refuse;
  std::size_t at = 1;
  if (keyword == "tcp-request")
    at = 2;
  else if (keyword != "http-request" && keyword != "redirect")
    return std::nullopt;
  const std::string& action = keyword == "redirect" ? keyword : directive.word(at);
  const auto found =
      std::find_if(named.begin(), named.end(), [&](const Named& n) { return n.word == action; });
  if (found == named.end()) return std::nullopt;
  if (action == "redirect") {
    for (std::size_t i = 1; i + 1 < directive.words.size(); ++i)
      if (directive.word(i) == "scheme" && lower_ascii(directive.word(i + 1)) == "https")
        return Rule::Act::upgrade;
  }
  return found->act;
}

// Which set of rules it belongs to, in HAProxy's order.
std::size_t set_of(const Directive& directive) {
  if (directive.is("tcp-request", "connection")) return 0;
  if (directive.is("tcp-request", "session")) return 1;
  if (directive.is("tcp-request")) return 2;
  return directive.is("redirect") ? 4 : 3;
}
constexpr std::size_t sets = 5;

class Reader {
 public:
  Reader(Context& context, const Config& config, const Section& section)
      : context_(context), config_(config), section_(section), acls_(parse_acls(context, section)) {
    out_.sets.resize(sets);
  }

  Rules read() {
    for (const auto* list : {&section_.inherited, &section_.own})
      for (const Directive& directive : *list) take(directive);
    const bool serves = section_.last("server") != nullptr || section_.last("server-template") != nullptr;
    if (section_.kind == "listen" && out_.fallback_line == 0 && serves) {
      out_.fallback = section_.name;
      out_.fallback_line = section_.line;
    }
    out_.acls = std::move(acls_);
    return std::move(out_);
  }

 private:
  void take(const Directive& directive) {
    if (directive.is("default_backend") && directive.words.size() > 1) {
      out_.fallback = directive.word(1);
      out_.fallback_line = directive.line;
      known_backend(directive, directive.words[1]);
    } else if (directive.is("use_backend") && directive.words.size() > 1) {
      use_backend(directive);
    } else if (const auto act = act_of(directive)) {
      Rule rule = make(*act, directive);
      if (!rule.condition.understood)
        context_.ledger.lost(directive.line,
                             "its condition could not be read: what it refuses is not refused here");
      else
        out_.sets[set_of(directive)].push_back(std::move(rule));
    }
  }

  Rule make(Rule::Act act, const Directive& directive) {
    Rule rule;
    rule.act = act;
    rule.directive = &directive;
    rule.condition = parse_condition(context_, directive, acls_);
    if (!rule.condition.present) {
      rule.terms = {{}};
    } else if (const auto flat = rule.condition.flat()) {
      rule.terms = *flat;
    } else {
      rule.condition.understood = false;
    }
    return rule;
  }

  bool known_backend(const Directive& directive, const Word& word) {
    if (config_.backend(word.text) != nullptr) return true;
    std::vector<std::string> names;
    for (const Section& section : config_.sections)
      if (section.kind == "backend" || section.kind == "listen") names.push_back(section.name);
    const auto near = did_you_mean(word.text, names);
    context_.warn(code::reference.id, directive.line, word,
                  fmt::format("there is no backend '{}'", shown(word.text)),
                  near ? fmt::format("did you mean '{}'?", shown(*near)) : "declare it, or mend its name");
    return false;
  }

  void use_backend(const Directive& directive) {
    Rule rule = make(Rule::Act::backend, directive);
    if (!rule.condition.understood) {
      context_.ledger.lost(directive.line, "its condition could not be read");
      return;
    }
    const std::string& name = directive.word(1);
    if (name.find("%[") != std::string::npos) return from_map(rule, name);
    rule.backend = name;
    if (known_backend(directive, directive.words[1])) out_.backends.push_back(std::move(rule));
  }

  // use_backend PREFIX%[sample,map(FILE,DEFAULT)]SUFFIX
  void from_map(const Rule& rule, const std::string& name) {
    const auto open = name.find("%[");
    const auto close = name.rfind(']');
    const std::string inner =
        close == std::string::npos || close < open ? "" : name.substr(open + 2, close - open - 2);
    const Sample sample = parse_map_key(inner);
    const std::string map = sample.converters.empty() ? "" : sample.converters.back();
    const auto match = map_match(map);
    const bool usable =
        sample.subject == Subject::host || sample.subject == Subject::path || sample.subject == Subject::base;
    if (!match || !usable) {
      context_.ledger.lost(
          rule.directive->line,
          fmt::format("the backend's name is computed from {}: write a route for each of its values",
                      shown(sample.text)));
      return;
    }
    const auto comma = map.find(',');
    const auto begin = map.find('(') + 1;
    const std::string path = map.substr(begin, std::min(comma, map.rfind(')')) - begin);
    const std::string prefix = name.substr(0, open), suffix = name.substr(close + 1);
    rows(rule, sample, *match, path, prefix, suffix);
    if (comma == std::string::npos) return;
    const std::string fallback = prefix + map.substr(comma + 1, map.rfind(')') - comma - 1) + suffix;
    Rule rest = rule;
    rest.backend = fallback;
    if (known_backend(*rule.directive, Word{fallback, rule.directive->words[1].column, false}))
      out_.backends.push_back(std::move(rest));
  }

  static std::optional<Match> map_match(const std::string& converter) {
    static const std::map<std::string, Match> names{
        {"map", Match::exact},      {"map_str", Match::exact},     {"map_beg", Match::prefix},
        {"map_end", Match::suffix}, {"map_dir", Match::directory}, {"map_dom", Match::domain},
    };
    const auto open = converter.find('(');
    if (open == std::string::npos || !converter.ends_with(')')) return std::nullopt;
    const auto found = names.find(converter.substr(0, open));
    return found == names.end() ? std::nullopt : std::optional(found->second);
  }

  // One rule for each row; of prefixes the longest goes first, as in HAProxy's tree.
  void rows(const Rule& rule, const Sample& sample, Match match, const std::string& path,
            const std::string& prefix, const std::string& suffix) {
    const Word& word = rule.directive->words[1];
    auto text = context_.input.read(path);
    if (!text) {
      context_.warn(code::file.id, rule.directive->line, word, fmt::format("cannot read '{}'", shown(path)),
                    "give --root DIRECTORY, below which it lies");
      return;
    }
    std::vector<std::pair<std::string, std::string>> found;
    for (const std::string& line : split(*text, '\n')) {
      const auto first = line.find_first_not_of(" \t\r");
      if (first == std::string::npos || line[first] == '#') continue;
      const auto end = std::min(line.find_first_of(" \t\r", first), line.size());
      const auto value = std::min(line.find_first_not_of(" \t\r", end), line.size());
      const auto stop = line.find_last_not_of(" \t\r") + 1;
      found.emplace_back(line.substr(first, end - first),
                         value < stop ? line.substr(value, stop - value) : "");
    }
    if (found.size() > map_rows_max) {
      context_.warn(code::limit.id, rule.directive->line, word,
                    fmt::format("more than {} rows", map_rows_max), "the rest is left out");
      found.resize(map_rows_max);
    }
    if (match == Match::prefix)
      std::stable_sort(found.begin(), found.end(),
                       [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
    for (const auto& [key, value] : found) {
      Rule row = rule;
      row.backend = prefix + value + suffix;
      if (!known_backend(*rule.directive, Word{row.backend, word.column, false})) continue;
      row.terms = with_key(rule.terms, sample, match, key);
      out_.backends.push_back(std::move(row));
    }
  }

  static std::vector<std::vector<Literal>> with_key(const std::vector<std::vector<Literal>>& terms,
                                                    const Sample& sample, Match match,
                                                    const std::string& key) {
    Criterion criterion;
    criterion.sample = sample;
    criterion.match = match;
    criterion.values = {key};
    auto acl = std::make_shared<const Acl>(Acl{"", {criterion}});
    auto out = terms;
    for (auto& term : out) term.push_back({acl, false});
    return out;
  }

  Context& context_;
  const Config& config_;
  const Section& section_;
  Acls acls_;
  Rules out_;
};

}  // namespace

Rules read_rules(Context& context, const Config& config, const Section& section) {
  return Reader(context, config, section).read();
}

}  // namespace durward::importer

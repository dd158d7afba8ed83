#include "importer/acl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "importer/codes.h"
#include "importer/expressions.h"

namespace durward::importer {
namespace {

constexpr std::size_t terms_max = 64;

struct Predefined {
  const char* name;
  const char* text;
};
constexpr std::array predefined{
    Predefined{"TRUE", "always_true"},
    Predefined{"FALSE", "always_false"},
    Predefined{"HTTP", "req.proto_http"},
    Predefined{"HTTP_1.0", "req.ver 1.0"},
    Predefined{"HTTP_1.1", "req.ver 1.1"},
    Predefined{"HTTP_2.0", "req.ver 2.0"},
    Predefined{"HTTP_CONTENT", "req.hdr_val(content-length) gt 0"},
    Predefined{"HTTP_URL_ABS", "url_reg ^[^/:]*://"},
    Predefined{"HTTP_URL_SLASH", "url_beg /"},
    Predefined{"HTTP_URL_STAR", "url *"},
    Predefined{"LOCALHOST", "src 127.0.0.1/8"},
    Predefined{"METH_CONNECT", "method CONNECT"},
    Predefined{"METH_DELETE", "method DELETE"},
    Predefined{"METH_GET", "method GET HEAD"},
    Predefined{"METH_HEAD", "method HEAD"},
    Predefined{"METH_OPTIONS", "method OPTIONS"},
    Predefined{"METH_POST", "method POST"},
    Predefined{"METH_PUT", "method PUT"},
    Predefined{"METH_TRACE", "method TRACE"},
    Predefined{"RDP_COOKIE", "req.rdp_cookie_cnt gt 0"},
    Predefined{"REQ_CONTENT", "req.len gt 0"},
    Predefined{"WAIT_END", "wait_end"},
};

std::optional<Match> match_word(std::string_view word) {
  static const std::map<std::string_view, Match> words{
      {"str", Match::exact},   {"beg", Match::prefix}, {"end", Match::suffix}, {"dir", Match::directory},
      {"dom", Match::domain},  {"sub", Match::part},   {"len", Match::length}, {"reg", Match::expression},
      {"found", Match::found}, {"bool", Match::found}, {"ip", Match::exact},
  };
  const auto found = words.find(word);
  return found == words.end() ? std::nullopt : std::optional(found->second);
}

// Reads one criterion: SAMPLE [flags] [--] VALUES.
class CriterionReader {
 public:
  CriterionReader(Context& context, std::uint32_t line, const std::vector<Word>& words)
      : context_(context), line_(line), words_(words) {}

  Criterion read() {
    out_.line = line_;
    if (words_.empty()) {
      out_.whole = false;
      return out_;
    }
    out_.sample = parse_sample(words_[0].text);
    out_.match = out_.sample.match;
    std::size_t at = 1;
    while (at < words_.size() && words_[at].text.size() >= 2 && words_[at].text[0] == '-' && flag(at)) {
    }
    for (; at < words_.size(); ++at) value(words_[at].text, words_[at]);
    settle();
    return std::move(out_);
  }

 private:
  // False at the end of the flags.
  bool flag(std::size_t& at) {
    const Word& word = words_[at++];
    const std::string argument = at < words_.size() ? words_[at].text : "";
    if (word.text == "--") return false;
    if (word.text == "-i") {
      out_.ignore_case = true;
    } else if (word.text == "-f") {
      ++at;
      file(argument, word);
    } else if (word.text == "-m") {
      ++at;
      const auto match = match_word(argument);
      if (match)
        out_.match = *match;
      else
        out_.whole = false;
    } else if (word.text == "-M") {
      out_.whole = false;
    } else if (word.text == "-u") {
      ++at;
    } else if (word.text != "-n") {
      --at;  // a value such as -1
      return false;
    }
    return true;
  }

  void file(const std::string& path, const Word& word) {
    auto text = context_.input.read(path);
    if (!text) {
      out_.whole = false;
      context_.warn(code::file.id, line_, word, fmt::format("cannot read '{}'", shown(path)),
                    "give --root DIRECTORY, below which it lies");
      return;
    }
    for (std::string line : split(*text, '\n')) {
      const auto first = line.find_first_not_of(" \t\r");
      if (first == std::string::npos || line[first] == '#') continue;
      const auto last = line.find_last_not_of(" \t\r");
      value(line.substr(first, last - first + 1), word);
    }
  }

  void value(const std::string& text, const Word& word) {
    if (out_.values.size() == values_max)
      context_.warn(code::limit.id, line_, word, fmt::format("more than {} values", values_max),
                    "the rest is left out");
    out_.whole = out_.whole && out_.values.size() < values_max;
    if (out_.values.size() < values_max) out_.values.push_back(text);
  }

  void settle() {
    if (out_.sample.subject == Subject::source) return settle_addresses();
    if (out_.match == Match::expression) settle_expression();
    if (out_.sample.subject == Subject::tls && !out_.values.empty() && out_.match != Match::found)
      tls_number();
    if (out_.sample.subject == Subject::other) out_.whole = false;
  }

  // `src 10.0.0.0/8`; a name instead of an address is resolved by HAProxy when it starts, not here.
  void settle_addresses() {
    for (const std::string& text : out_.values) {
      const auto parsed = Addresses::parse(text);
      if (parsed)
        out_.addresses = out_.addresses.united(*parsed);
      else
        out_.whole = false;
    }
  }

  // Simple expressions become what they mean: "^/api/" is a prefix.
  void settle_expression() {
    std::vector<std::string> exact, prefix;
    for (const std::string& text : out_.values) {
      const auto simple = simple_expression(text);
      if (!simple) {
        out_.whole = false;
        return;
      }
      exact.insert(exact.end(), simple->exact.begin(), simple->exact.end());
      prefix.insert(prefix.end(), simple->prefix.begin(), simple->prefix.end());
    }
    if (!exact.empty() && !prefix.empty() && out_.sample.subject != Subject::path) {
      out_.whole = false;
      return;
    }
    expanded_exact = exact;
    out_.match = prefix.empty() ? Match::exact : Match::prefix;
    out_.values = prefix.empty() ? exact : prefix;
  }

  void tls_number() {
    out_.match = Match::found;
    const bool off = out_.values == std::vector<std::string>{"0"};
    if (off) out_.sample.subject = Subject::never;
  }

 public:
  std::vector<std::string> expanded_exact;  // beside prefixes of the same expression

 private:
  Context& context_;
  std::uint32_t line_;
  const std::vector<Word>& words_;
  Criterion out_;
};

void read_criteria(Context& context, std::uint32_t line, const std::vector<Word>& words, Acl& acl) {
  CriterionReader reader(context, line, words);
  Criterion criterion = reader.read();
  if (criterion.match == Match::prefix && !reader.expanded_exact.empty()) {
    Criterion exact = criterion;
    exact.match = Match::exact;
    exact.values = reader.expanded_exact;
    acl.criteria.push_back(std::move(exact));
  }
  acl.criteria.push_back(std::move(criterion));
}

AclPtr predefined_acl(Context& context, const std::string& name) {
  for (const Predefined& entry : predefined) {
    if (entry.name != name) continue;
    Acl acl{name, {}};
    read_criteria(context, 0, split_words(entry.text, {}).words, acl);
    return std::make_shared<const Acl>(std::move(acl));
  }
  return nullptr;
}

// Parses the words of a condition, one literal after another.
class ConditionReader {
 public:
  ConditionReader(Context& context, const Directive& directive, const Acls& acls)
      : context_(context), directive_(directive), acls_(acls) {}

  Condition read(std::size_t at) {
    out_.present = true;
    out_.negated = directive_.word(at) == "unless";
    out_.terms.emplace_back();
    for (++at; at < directive_.words.size();) literal(at);
    if (std::any_of(out_.terms.begin(), out_.terms.end(), [](const auto& term) { return term.empty(); }))
      out_.understood = false;
    return std::move(out_);
  }

 private:
  void literal(std::size_t& at) {
    const Word& word = directive_.words[at];
    std::string text = word.text;
    if (text == "||" || lower_ascii(text) == "or") {
      out_.terms.emplace_back();
      ++at;
      return;
    }
    bool negated = false;
    while (text.starts_with('!')) {
      negated = !negated;
      text.erase(0, 1);
      if (text.empty() && ++at < directive_.words.size()) text = directive_.words[at].text;
    }
    ++at;
    AclPtr acl = text == "{" ? anonymous(at) : named(text, word);
    if (acl == nullptr)
      out_.understood = false;
    else
      out_.terms.back().push_back({std::move(acl), negated});
  }

  AclPtr anonymous(std::size_t& at) {
    std::vector<Word> inner;
    while (at < directive_.words.size() && directive_.words[at].text != "}")
      inner.push_back(directive_.words[at++]);
    if (at == directive_.words.size()) {
      context_.warn(code::line.id, directive_.line, directive_.words.back(), "a { is never closed",
                    "write }");
      return nullptr;
    }
    ++at;
    Acl acl;
    read_criteria(context_, directive_.line, inner, acl);
    return std::make_shared<const Acl>(std::move(acl));
  }

  AclPtr named(const std::string& name, const Word& word) {
    const auto found = acls_.find(name);
    if (found != acls_.end()) return found->second;
    if (auto acl = predefined_acl(context_, name)) return acl;
    std::vector<std::string> names;
    for (const auto& [known, acl] : acls_) names.push_back(known);
    const auto near = did_you_mean(name, names);
    context_.warn(code::reference.id, directive_.line, word,
                  fmt::format("there is no ACL '{}' here", shown(name)),
                  near ? fmt::format("did you mean '{}'?", shown(*near)) : "declare it, or mend its name");
    return nullptr;
  }

  Context& context_;
  const Directive& directive_;
  const Acls& acls_;
  Condition out_;
};

}  // namespace

bool Acl::addresses_only() const {
  return !criteria.empty() && std::all_of(criteria.begin(), criteria.end(), [](const Criterion& c) {
    return c.whole && c.sample.subject == Subject::source;
  });
}

Addresses Acl::addresses() const {
  Addresses out;
  for (const Criterion& criterion : criteria) out = out.united(criterion.addresses);
  return out;
}

std::vector<std::uint32_t> Acl::lines() const {
  std::vector<std::uint32_t> out;
  for (const Criterion& criterion : criteria)
    if (criterion.line != 0) out.push_back(criterion.line);
  return out;
}

std::optional<std::vector<std::vector<Literal>>> Condition::flat() const {
  if (!negated) return terms;
  std::vector<std::vector<Literal>> out{{}};
  for (const auto& term : terms) {
    std::vector<std::vector<Literal>> next;
    for (const auto& sofar : out)
      for (const Literal& literal : term) {
        next.push_back(sofar);
        next.back().push_back({literal.acl, !literal.negated});
        if (next.size() > terms_max) return std::nullopt;
      }
    out = std::move(next);
  }
  return out;
}

std::vector<std::uint32_t> Condition::lines() const {
  std::set<std::uint32_t> out;
  for (const auto& term : terms)
    for (const Literal& literal : term)
      for (const std::uint32_t line : literal.acl->lines()) out.insert(line);
  return {out.begin(), out.end()};
}

Acls parse_acls(Context& context, const Section& section) {
  std::map<std::string, Acl> made;
  for (const auto* list : {&section.inherited, &section.own}) {
    for (const Directive& directive : *list) {
      if (!directive.is("acl") || directive.words.size() < 3) continue;
      Acl& acl = made[directive.word(1)];
      acl.name = directive.word(1);
      read_criteria(context, directive.line, {directive.words.begin() + 2, directive.words.end()}, acl);
    }
  }
  Acls out;
  for (auto& [name, acl] : made) out[name] = std::make_shared<const Acl>(std::move(acl));
  return out;
}

std::size_t condition_at(const Directive& directive) {
  // The first word is a keyword; what a rule says before its condition never is if or unless.
  for (std::size_t at = 1; at < directive.words.size(); ++at)
    if (directive.words[at].text == "if" || directive.words[at].text == "unless") return at;
  return directive.words.size();
}

Condition parse_condition(Context& context, const Directive& directive, const Acls& acls) {
  const std::size_t at = condition_at(directive);
  if (at == directive.words.size()) return {};
  return ConditionReader(context, directive, acls).read(at);
}

std::string not_askable(const Condition& condition) {
  if (!condition.understood) return "a condition that could not be read";
  std::set<std::string> out;
  for (const auto& term : condition.terms)
    for (const Literal& literal : term)
      for (const Criterion& criterion : literal.acl->criteria)
        if (!criterion.whole || criterion.match == Match::suffix || criterion.match == Match::part ||
            criterion.match == Match::length)
          out.insert(shown(criterion.sample.text));
  return join({out.begin(), out.end()}, ", ");
}

}  // namespace durward::importer

#include "importer/evaluate.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace durward::importer {
namespace {

std::string_view trimmed(std::string_view text, std::string_view delimiters) {
  const auto first = text.find_first_not_of(delimiters);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(delimiters) - first + 1);
}

// `word` stands in `text` between delimiters, as hdr_dom and path_dir look for it.
bool delimited(std::string_view text, std::string_view word, std::string_view delimiters) {
  word = trimmed(word, delimiters);
  const auto edge = [&](std::size_t at) { return delimiters.find(text[at]) != std::string_view::npos; };
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || edge(at - 1)) && (end == text.size() || edge(end))) return true;
  }
  return false;
}

Tri tri(bool holds) {
  return holds ? Tri::yes : Tri::no;
}

// One value against one text; `below`: the text is what the requests' begins with.
Tri matches(Match match, std::string_view text, std::string_view value, bool below) {
  switch (match) {
    case Match::exact:
      return tri(!below && text == value);
    case Match::prefix:
      return tri(text.starts_with(value));
    case Match::suffix:
      return below ? Tri::unknown : tri(text.ends_with(value));
    case Match::directory:
      return tri(delimited(text, value, "/?"));
    case Match::domain:
      return tri(delimited(text, value, "/?.:"));
    case Match::part:
      if (text.find(value) != std::string_view::npos) return Tri::yes;
      return below ? Tri::unknown : Tri::no;
    case Match::found:
      return Tri::yes;
    case Match::length:
    case Match::expression:
      break;
  }
  return Tri::unknown;
}

Tri any_value(const Criterion& criterion, std::string text, bool below, bool fold) {
  if (criterion.match == Match::found) return Tri::yes;
  if (fold) text = lower_ascii(text);
  Tri out = Tri::no;
  for (const std::string& value : criterion.values) {
    const Tri one = matches(criterion.match, text, fold ? lower_ascii(value) : value, below);
    if (one == Tri::yes) return one;
    if (one == Tri::unknown) out = one;
  }
  return out;
}

// A value of `base` is host and path in one.
Tri base(const Criterion& criterion, const Cell& cell) {
  if (cell.path) return any_value(criterion, cell.host + *cell.path, cell.below, true);
  Tri out = Tri::no;
  for (const std::string& value : criterion.values)
    if (lower_ascii(value.substr(0, value.find('/'))) == cell.host) out = Tri::unknown;
  return criterion.match == Match::exact || criterion.match == Match::prefix ? out : Tri::unknown;
}

Tri evaluate_criterion(const Criterion& criterion, const Cell& cell) {
  if (!criterion.whole) return Tri::unknown;
  switch (criterion.sample.subject) {
    case Subject::host:
      return any_value(criterion, cell.host, false, true);
    case Subject::path:
      if (criterion.match == Match::prefix && criterion.values == std::vector<std::string>{"/"})
        return Tri::yes;
      if (!cell.path) return Tri::unknown;
      return any_value(criterion, *cell.path, cell.below, criterion.ignore_case);
    case Subject::base:
      return base(criterion, cell);
    case Subject::method:
      if (cell.method.empty()) return Tri::unknown;
      return any_value(criterion, cell.method, false, criterion.ignore_case);
    case Subject::tls:
      return tri(cell.tls);
    case Subject::always:
      return Tri::yes;
    case Subject::never:
      return Tri::no;
    case Subject::auth:
    case Subject::source:
    case Subject::other:
      break;
  }
  return Tri::unknown;
}

bool login_only(const Acl& acl) {
  return !acl.criteria.empty() &&
         std::all_of(acl.criteria.begin(), acl.criteria.end(),
                     [](const Criterion& c) { return c.sample.subject == Subject::auth; });
}

bool is_narrow(const Acl& acl) {
  return std::any_of(acl.criteria.begin(), acl.criteria.end(), [](const Criterion& c) {
    const Subject s = c.sample.subject;
    return s == Subject::host || s == Subject::path || s == Subject::base || s == Subject::method;
  });
}

}  // namespace

Tri evaluate(const Literal& literal, const Cell& cell) {
  if (literal.acl->addresses_only()) return Tri::address;
  Tri out = Tri::no;
  for (const Criterion& criterion : literal.acl->criteria) {
    const Tri one = evaluate_criterion(criterion, cell);
    if (one == Tri::yes) return tri(!literal.negated);
    if (one == Tri::unknown) out = one;
  }
  return out == Tri::unknown ? out : tri(literal.negated);
}

TermTruth evaluate(const std::vector<Literal>& term, const Cell& cell) {
  TermTruth out;
  for (const Literal& literal : term) {
    const Tri one = evaluate(literal, cell);
    if (one == Tri::no) {
      out.possible = false;
      return out;
    }
    if (one == Tri::address) {
      const Addresses set = literal.acl->addresses();
      out.from = out.from.intersected(literal.negated ? set.complement() : set);
      (literal.negated ? out.by_no_address : out.by_address) = true;
      (literal.negated ? out.exempt : out.wanted).push_back(literal.acl);
    } else if (one == Tri::unknown && literal.negated && login_only(*literal.acl)) {
      out.exempts_login = true;
      out.exempt.push_back(literal.acl);
    } else if (one == Tri::unknown && login_only(*literal.acl)) {
      out.logins.push_back(literal.acl);
    } else if (one == Tri::unknown) {
      out.known = false;
    }
    out.narrow = out.narrow || is_narrow(*literal.acl);
  }
  out.possible = !out.from.empty();
  return out;
}

}  // namespace durward::importer

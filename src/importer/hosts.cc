#include "importer/hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "importer/roles.h"
#include "model/words.h"

namespace durward::importer {
namespace {

constexpr std::string_view rest = "{**}";
constexpr std::string_view made_up_domain = "import.invalid";

std::string without_port(const std::string& text) {
  const std::string lower = lower_ascii(text);
  const auto colon = lower.find(':');
  std::string host = lower.substr(0, colon);
  while (host.ends_with('.')) host.pop_back();
  return host;
}

// A host that a part of a name matches.
std::string example_of(Match match, const std::string& part) {
  const std::string name = lower_ascii(part);
  if (match == Match::suffix) return (name.starts_with('.') || name.starts_with('-') ? "any" : "any.") + name;
  if (match == Match::prefix) return name + (name.ends_with('.') ? "" : ".") + std::string(made_up_domain);
  return name + "." + std::string(made_up_domain);
}

class Finder {
 public:
  explicit Finder(Context& context) : context_(context) {}

  void take(const Rule& rule) {
    for (const auto& term : rule.terms)
      for (const Literal& literal : term)
        for (const Criterion& criterion : literal.acl->criteria) take(criterion, rule.directive->line);
  }
  std::vector<HostKind> found;

 private:
  void take(const Criterion& criterion, std::uint32_t otherwise) {
    if (!criterion.whole) return;
    const std::uint32_t line = criterion.line == 0 ? otherwise : criterion.line;
    const bool base = criterion.sample.subject == Subject::base;
    if (!base && criterion.sample.subject != Subject::host) return;
    for (const std::string& value : criterion.values) {
      if (base || criterion.match == Match::exact)
        add(without_port(base ? value.substr(0, value.find('/')) : value), false, "", line);
      else if (criterion.match != Match::found && criterion.match != Match::length)
        add(example_of(criterion.match, value), true,
            fmt::format("{} '{}' fits many names", shown(criterion.sample.text), shown(value)), line);
    }
  }

  void add(const std::string& host, bool made_up, std::string why, std::uint32_t line) {
    if (!seen_.insert(host).second) return;
    if (model::parse_host(host))
      found.push_back({host, made_up, std::move(why), line});
    else
      context_.ledger.lost(line, fmt::format("'{}' is no host name that an app can have", shown(host)));
  }

  Context& context_;
  std::set<std::string> seen_;
};

void templates_of_prefix(const std::string& value, std::set<std::string>& out) {
  if (value.ends_with('/')) {
    out.insert(value + std::string(rest));
    return;
  }
  out.insert(value);
  out.insert(value + "/" + std::string(rest));
}

}  // namespace

std::string made_up_host(std::string_view name) {
  return fmt::format("{}.{}", bundle_name(name, "any"), made_up_domain);
}

std::vector<HostKind> host_kinds(Context& context, const Section& frontend,
                                 const std::vector<const Rule*>& rules) {
  Finder finder(context);
  for (const Rule* rule : rules) finder.take(*rule);
  finder.found.push_back({made_up_host(frontend.name), true,
                          fmt::format("{} '{}' answers under any name", frontend.kind, shown(frontend.name)),
                          frontend.line});
  return std::move(finder.found);
}

void add_templates(const Rule& rule, const std::string& host, std::set<std::string>& out) {
  for (const auto& term : rule.terms) {
    for (const Literal& literal : term) {
      for (const Criterion& criterion : literal.acl->criteria) {
        const bool base = criterion.sample.subject == Subject::base;
        if (!criterion.whole || (!base && criterion.sample.subject != Subject::path)) continue;
        for (std::string value : criterion.values) {
          if (base) {
            const auto slash = std::min(value.find('/'), value.size());
            if (lower_ascii(value.substr(0, slash)) != host) continue;
            value = slash == value.size() ? "/" : value.substr(slash);
          }
          if (criterion.match == Match::directory)
            value = "/" + value.substr(std::min(value.find_first_not_of('/'), value.size()));
          if (criterion.match == Match::directory)
            while (value.size() > 1 && value.ends_with('/')) value.pop_back();
          if (criterion.match == Match::exact) out.insert(value);
          if (criterion.match == Match::prefix || criterion.match == Match::directory)
            templates_of_prefix(value, out);
        }
      }
    }
  }
}

bool usable_template(const std::string& path) {
  const bool below = path.ends_with(rest);
  const std::string literal = below ? path.substr(0, path.size() - rest.size()) : path;
  return literal.find_first_of("{}") == std::string::npos && model::parse_path_template(path).has_value();
}

std::string path_difference(const Criterion& criterion) {
  if (criterion.sample.subject != Subject::path && criterion.sample.subject != Subject::base) return "";
  if (criterion.ignore_case) return "HAProxy takes it in any case, a route only as it is written";
  if (criterion.match == Match::directory)
    return "deeper in a path it is not looked for: a route begins at the start";
  if (criterion.match != Match::prefix) return "";
  for (const std::string& value : criterion.values)
    if (!value.ends_with('/'))
      return fmt::format("whole segments only: '{}...' that goes on without a slash is not taken",
                         shown(value));
  return "";
}

}  // namespace durward::importer

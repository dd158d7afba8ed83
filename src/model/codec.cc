#include "model/codec.h"

#include <algorithm>

namespace durward::model {
namespace {

constexpr std::string_view placeholder_begin = "{env.";

bool wrong_form(const Node& node, const Shape& shape, Context& context, std::string hint = {}) {
  context.error(code::type, node.span,
                fmt::format("expected {}, found {}", shape.what, bundle::describe(node)), std::move(hint));
  return false;
}

std::vector<std::string> names_of(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> names;
  for (const auto& [name, value] : variables) names.push_back("env." + name);
  return names;
}

// Replaces every {env.NAME}. Reports each that names nothing.
std::optional<std::string> expand(const Node& node, Context& context) {
  std::string out;
  bool good = true;
  const std::string_view text = node.text;
  std::size_t at = 0;
  for (std::size_t begin = text.find(placeholder_begin); begin != std::string_view::npos;
       begin = text.find(placeholder_begin, at)) {
    const std::size_t end = text.find('}', begin);
    if (end == std::string_view::npos) {
      context.error(code::placeholder, part_of(node, begin, text.size() - begin),
                    "the placeholder is not closed", "write {env.NAME}");
      return std::nullopt;
    }
    const std::string name(
        text.substr(begin + placeholder_begin.size(), end - begin - placeholder_begin.size()));
    const auto found = context.variables->find(name);
    if (found == context.variables->end()) {
      good = false;
      if (!context.quiet_placeholders)
        context.error(code::placeholder, part_of(node, begin, end + 1 - begin),
                      fmt::format("the environment has no '{}'", name),
                      context.variables->empty() ? "declare an Environment with it"
                                                 : suggest("env." + name, names_of(*context.variables)));

    } else {
      out += text.substr(at, begin - at);
      out += found->second;
    }
    at = end + 1;
  }
  out += text.substr(at);
  return good ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

const KeyShape* Shape::key(std::string_view name) const {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const KeyShape& k) { return k.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::vector<std::string> Shape::key_names() const {
  std::vector<std::string> names;
  for (const KeyShape& k : keys)
    if (k.need != Need::later) names.push_back(k.name);
  return names;
}

std::optional<Text> read_text(const Node& node, const Shape& shape, Context& context) {
  if (node.kind != Node::Kind::scalar || node.is_null()) {
    wrong_form(node, shape, context);
    return std::nullopt;
  }
  if (shape.json != Shape::Json::string && node.style != Node::Style::plain) {
    context.error(code::type, node.span, fmt::format("expected {}, found quoted text", shape.what),
                  "leave out the quotes");
    return std::nullopt;
  }
  if (!shape.environment || node.text.find(placeholder_begin) == std::string::npos)
    return Text{node.text, false};
  if (context.variables == nullptr) {
    context.error(code::placeholder, node.span, "an Environment's own values hold no placeholders",
                  "write the value out");
    return std::nullopt;
  }
  auto expanded = expand(node, context);
  if (!expanded) return std::nullopt;
  return Text{std::move(*expanded), true};
}

SourceSpan part_of(const Node& node, std::size_t offset, std::size_t length) {
  const std::size_t quotes = node.style == Node::Style::quoted ? 1 : 0;
  if (node.style == Node::Style::block || node.span.length != node.text.size() + 2 * quotes) return node.span;
  SourceSpan span = node.span;
  span.column += static_cast<std::uint32_t>(offset + quotes);
  span.length = static_cast<std::uint32_t>(length);
  return span;
}

void report(const Problem& problem, const Node& node, bool expanded, Context& context) {
  const bool part = problem.length != 0 && !expanded;
  std::string message = problem.message;
  if (expanded) message += fmt::format(" (from '{}')", node.text);
  context.error(problem.what, part ? part_of(node, problem.offset, problem.length) : node.span,
                std::move(message), problem.hint);
}

bool check_list(const Node& node, const Shape& shape, const ListRules& rules, Context& context) {
  if (node.kind != Node::Kind::sequence) {
    const bool word =
        node.kind == Node::Kind::scalar && !node.is_null() && shape.item->form == Shape::Form::word;
    return wrong_form(node, shape, context, word ? fmt::format("write [{}]", node.text) : std::string());
  }
  bool good = true;
  const auto complain = [&](const Code& what, const SourceSpan& span, std::string message,
                            std::string hint = {}) {
    context.error(what, span, std::move(message), std::move(hint));
    good = false;
  };
  if (node.children.size() < rules.min)
    complain(code::type, node.span, "the list is empty", "name at least one, or leave the key out");
  if (node.children.size() > rules.max)
    complain(code::limit, node.span,
             fmt::format("{} entries, where at most {} are allowed", node.children.size(), rules.max));
  if (node.children.size() < 2) return good;
  std::unordered_set<std::string_view> seen;
  for (const Node& child : node.children) {
    if (child.kind == Node::Kind::scalar && !child.is_null() && !seen.insert(child.text).second)
      complain(code::repeated, child.span, fmt::format("'{}' is listed twice", child.text), "remove one");
  }
  return good;
}

bool check_map(const Node& node, const Shape& shape, Context& context) {
  if (node.kind != Node::Kind::mapping) return wrong_form(node, shape, context);
  if (node.children.size() <= shape.items_max) return true;
  context.error(
      code::limit, node.span,
      fmt::format("{} entries, where at most {} are allowed", node.children.size(), shape.items_max));
  return false;
}

bool check_object(const Node& node, const Shape& shape, std::vector<const Node*>& given, Context& context) {
  given.assign(shape.keys.size(), nullptr);
  if (node.kind != Node::Kind::mapping) return wrong_form(node, shape, context);
  bool good = true;
  bool ahead = false;  // something of a later release stands here: what is missing may be what it stands for
  for (const Node& child : node.children) {
    const KeyShape* key = shape.key(child.key);
    if (key == nullptr) {
      context.error(code::unknown_key, child.key_span, fmt::format("unknown key '{}'", child.key),
                    suggest(child.key, shape.key_names()));
      good = false;
    } else if (key->need == Need::later) {
      context.error(code::unsupported, child.key_span,
                    fmt::format("'{}' is not supported by this version", child.key),
                    fmt::format("remove it: {}", key->doc));
      good = false;
      ahead = true;
    } else {
      given[static_cast<std::size_t>(key - shape.keys.data())] = &child;
    }
  }
  if (ahead) return false;
  for (std::size_t i = 0; i < shape.keys.size(); ++i) {
    if (given[i] != nullptr || shape.keys[i].need != Need::required) continue;
    context.error(code::missing_key, node.span, fmt::format("missing key '{}'", shape.keys[i].name),
                  fmt::format("add it: {}", shape.keys[i].doc));
    good = false;
  }
  if (shape.one_of.empty()) return good;
  const auto found = std::count_if(shape.one_of.begin(), shape.one_of.end(),
                                   [&](const std::string& name) { return node.find(name) != nullptr; });
  if (found == 1) return good;
  context.error(
      code::exactly_one, node.span,
      fmt::format("{} of {} is given", found == 0 ? "none" : "more than one", join(shape.one_of, ", ")),
      "give exactly one");
  return false;
}

}  // namespace durward::model

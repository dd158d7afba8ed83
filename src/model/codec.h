// Codec<T>: how one place of the language becomes a T and back. Built from members of the model's structs, so
// that a key, its type, its bounds and its words are written once, in language_*.cc, for decoding, printing
// and the schema.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/diagnostics.h"
#include "base/result.h"
#include "base/text.h"
#include "bundle/document.h"
#include "model/codes.h"
#include "model/limits.h"
#include "model/shape.h"

namespace durward::model {

using bundle::Node;

struct Context {
  Diagnostics& diagnostics;
  const std::map<std::string, std::string>* variables = nullptr;  // null: placeholders are not allowed here
  const std::vector<Spanned<std::string>>* ladder = nullptr;      // Gateway::acr, once it is known
  bool quiet_placeholders =
      false;  // an Environment could not be read: what it may lack is not complained about

  Diagnostic& error(const Code& what, const SourceSpan& span, std::string message, std::string hint = {}) {
    return diagnostics.error(what.id, span, std::move(message), std::move(hint));
  }
};

struct Printing {
  const std::vector<Spanned<std::string>>* ladder = nullptr;
};

template <class T>
struct Codec {
  ShapePtr shape;
  std::function<bool(const Node&, T&, Context&)> decode;  // false: reported; the value may be partly filled
  std::function<Node(const T&, const Printing&)> encode;
};

// ---- words -----------------------------------------------------------------------------------------

// Why a word was refused. `length` 0 = the whole word, else the part of it that is wrong.
struct Problem {
  Code what;
  std::string message;
  std::string hint;
  std::size_t offset = 0;
  std::size_t length = 0;
};
template <class T>
using Word = tl::expected<T, Problem>;
inline tl::unexpected<Problem> refuse(const Code& what, std::string message, std::string hint = {},
                                      std::size_t offset = 0, std::size_t length = 0) {
  return tl::unexpected<Problem>(Problem{what, std::move(message), std::move(hint), offset, length});
}

// The text of a scalar with its placeholders replaced; nothing (reported) when it is not one or names no
// variable.
struct Text {
  std::string value;
  bool expanded = false;  // offsets in `value` are not offsets in the file
};
std::optional<Text> read_text(const Node& node, const Shape& shape, Context& context);
// The part of a scalar's place that `offset` and `length` bytes of its text take, when that can be told.
SourceSpan part_of(const Node& node, std::size_t offset, std::size_t length);
void report(const Problem& problem, const Node& node, bool expanded, Context& context);

template <class T>
Codec<T> word(Shape shape, std::function<Word<T>(std::string_view, Context&)> parse,
              std::function<std::string(const T&, const Printing&)> print) {
  const auto shared = std::make_shared<const Shape>(std::move(shape));
  return {shared,
          [shared, parse = std::move(parse)](const Node& node, T& out, Context& context) {
            const auto text = read_text(node, *shared, context);
            if (!text) return false;
            auto value = parse(text->value, context);
            if (value)
              out = std::move(*value);
            else
              report(value.error(), node, text->expanded, context);
            return value.has_value();
          },
          [shared, print = std::move(print)](const T& value, const Printing& printing) {
            // A word that would be null in plain style is text here.
            return bundle::scalar_node(print(value, printing), shared->json == Shape::Json::string
                                                                   ? Node::Style::quoted
                                                                   : Node::Style::plain);
          }};
}

// ---- binding to members ----------------------------------------------------------------------------

template <class T>
void put(T& member, T value, const SourceSpan&) {
  member = std::move(value);
}
template <class T>
void put(Spanned<T>& member, T value, const SourceSpan& span) {
  member = {std::move(value), span};
}
template <class T>
void put(std::optional<T>& member, T value, const SourceSpan&) {
  member = std::move(value);
}
template <class T>
void put(std::optional<Spanned<T>>& member, T value, const SourceSpan& span) {
  member = Spanned<T>{std::move(value), span};
}

template <class T>
const T* peek(const T& member, const T*) {
  return &member;
}
template <class T>
const T* peek(const Spanned<T>& member, const T*) {
  return &member.value;
}
template <class T>
const T* peek(const std::optional<T>& member, const T*) {
  return member ? &*member : nullptr;
}
template <class T>
const T* peek(const std::optional<Spanned<T>>& member, const T*) {
  return member ? &member->value : nullptr;
}

// ---- lists and maps --------------------------------------------------------------------------------

struct ListRules {
  std::size_t min = 1;
  std::size_t max = list_items_max;
  std::string item_id = {};
  bool or_single = false;  // a single element may stand without brackets
};

bool check_list(const Node& node, const Shape& shape, const ListRules& rules, Context& context);

// E is T or Spanned<T>.
template <class E, class T>
Codec<std::vector<E>> list_of(const Codec<T>& item, ListRules rules = {}) {
  Shape shape;
  shape.form = Shape::Form::list;
  shape.what = "a list";
  shape.item = item.shape;
  shape.item_id = rules.item_id;
  shape.items_min = rules.min;
  shape.items_max = rules.max;
  ShapePtr list = std::make_shared<const Shape>(std::move(shape));
  ShapePtr outer = list;
  if (rules.or_single) {
    Shape either;
    either.form = Shape::Form::either;
    either.what = item.shape->what + ", or a list";
    either.either = {item.shape, list};
    outer = std::make_shared<const Shape>(std::move(either));
  }
  return {outer,
          [item, list, rules](const Node& node, std::vector<E>& out, Context& context) {
            const auto one = [&](const Node& element) {
              T value{};
              const bool good = item.decode(element, value, context);
              if (good) put(out.emplace_back(), std::move(value), element.span);
              return good;
            };
            if (rules.or_single && node.kind != Node::Kind::sequence) return one(node);
            bool good = check_list(node, *list, rules, context);
            if (node.kind != Node::Kind::sequence) return false;
            out.reserve(node.children.size());
            for (const Node& element : node.children) good &= one(element);
            return good;
          },
          [item](const std::vector<E>& values, const Printing& printing) {
            Node node = bundle::list_node();
            for (const E& value : values)
              node.children.push_back(item.encode(*peek(value, static_cast<const T*>(nullptr)), printing));
            return node;
          }};
}

bool check_map(const Node& node, const Shape& shape, Context& context);

// `key` is the codec of the keys, of which only the spelling is checked.
template <class T>
Codec<std::map<std::string, T>> map_of(const Codec<std::string>& key, const Codec<T>& item, std::string what,
                                       std::size_t max = list_items_max) {
  Shape shape;
  shape.form = Shape::Form::map;
  shape.what = std::move(what);
  shape.item = item.shape;
  shape.key_pattern = key.shape->pattern;
  shape.items_max = max;
  const ShapePtr map = std::make_shared<const Shape>(std::move(shape));
  return {map,
          [key, item, map](const Node& node, std::map<std::string, T>& out, Context& context) {
            bool good = check_map(node, *map, context);
            if (node.kind != Node::Kind::mapping) return false;
            for (const Node& child : node.children) {
              Node name = bundle::scalar_node(child.key, Node::Style::quoted);
              name.span = child.key_span;
              std::string spelt;
              T value{};
              const bool fine = static_cast<int>(key.decode(name, spelt, context)) &
                                static_cast<int>(item.decode(child, value, context));
              if (fine) out.emplace(std::move(spelt), std::move(value));
              good &= fine;
            }
            return good;
          },
          [item](const std::map<std::string, T>& values, const Printing& printing) {
            Node node = bundle::mapping_node();
            for (const auto& [name, value] : values) bundle::add(node, name, item.encode(value, printing));
            return node;
          }};
}

// ---- objects ---------------------------------------------------------------------------------------

template <class T>
struct is_collection : std::false_type {};
template <class T>
struct is_collection<std::vector<T>> : std::true_type {};
template <class T>
struct is_collection<std::map<std::string, T>> : std::true_type {};

template <class S>
struct Field {
  KeyShape shape;
  std::function<bool(const Node&, S&, Context&)> decode;
  std::function<std::optional<Node>(const S&, const Printing&)> encode;
  bool always = false;  // printed even when it has the default value
};

template <class S, class M, class T>
Field<S> field(std::string name, M S::*member, const Codec<T>& codec, std::string doc,
               Need need = Need::optional) {
  return {{std::move(name), codec.shape, need, std::move(doc)},
          [codec, member](const Node& node, S& out, Context& context) {
            T value{};
            const bool good = codec.decode(node, value, context);
            // What could be read of a list is kept, so that later checks see it too.
            if (good || is_collection<T>::value) put(out.*member, std::move(value), node.span);
            return good;
          },
          [codec, member](const S& value, const Printing& printing) -> std::optional<Node> {
            const T* found = peek(value.*member, static_cast<const T*>(nullptr));
            if (found == nullptr) return std::nullopt;
            return codec.encode(*found, printing);
          },
          need == Need::required};
}

template <class S, class M, class T>
Field<S> required(std::string name, M S::*member, const Codec<T>& codec, std::string doc) {
  return field(std::move(name), member, codec, std::move(doc), Need::required);
}

template <class S>
Field<S> later(std::string name, std::string doc) {
  return {{std::move(name), nullptr, Need::later, std::move(doc)}, nullptr, nullptr};
}

// What is common to every object: a mapping, known keys, required keys. `given[i]` = keys[i] is there.
bool check_object(const Node& node, const Shape& shape, std::vector<const Node*>& given, Context& context);

// Sets `span` of structs that have one: the element's place, or that of its key.
template <class S>
void set_span(S& out, const Node& node) {
  if constexpr (requires { out.span; }) out.span = node.span;
}

template <class S>
using Finish = std::function<bool(const Node&, S&, Context&)>;

template <class S>
Codec<S> object(std::string what, std::vector<Field<S>> fields, Finish<S> finish = {},
                std::vector<std::string> one_of = {}) {
  Shape shape;
  shape.form = Shape::Form::object;
  shape.what = std::move(what);
  shape.one_of = std::move(one_of);
  for (const Field<S>& f : fields) shape.keys.push_back(f.shape);
  const ShapePtr shared = std::make_shared<const Shape>(std::move(shape));
  std::vector<std::optional<Node>> defaults;
  for (const Field<S>& f : fields)
    defaults.push_back(f.encode && !f.always ? f.encode(S{}, Printing{}) : std::nullopt);
  return {shared,
          [shared, fields, finish = std::move(finish)](const Node& node, S& out, Context& context) {
            std::vector<const Node*> given;
            bool good = check_object(node, *shared, given, context);
            if (node.kind != Node::Kind::mapping) return false;
            set_span(out, node);
            for (std::size_t i = 0; i < fields.size(); ++i)
              if (given[i] != nullptr) good &= fields[i].decode(*given[i], out, context);
            if (good && finish) good = finish(node, out, context);
            return good;
          },
          [fields, defaults](const S& value, const Printing& printing) {
            Node node = bundle::mapping_node();
            for (std::size_t i = 0; i < fields.size(); ++i) {
              if (!fields[i].encode) continue;
              auto child = fields[i].encode(value, printing);
              if (!child || (defaults[i] && bundle::same(*child, *defaults[i]))) continue;
              bundle::add(node, fields[i].shape.name, std::move(*child));
            }
            return node;
          }};
}

// An object whose keys fill the struct around it: `timeouts: {client, server}`.
template <class S>
Field<S> nested(std::string name, std::string doc, std::vector<Field<S>> fields, Need need = Need::optional,
                std::vector<std::string> one_of = {}) {
  const Codec<S> codec = object<S>("a mapping", std::move(fields), {}, std::move(one_of));
  return {{std::move(name), codec.shape, need, std::move(doc)},
          [codec](const Node& node, S& out, Context& context) {
            const SourceSpan outer = out.span;
            const bool good = codec.decode(node, out, context);
            out.span = outer;
            return good;
          },
          [codec, need](const S& value, const Printing& printing) -> std::optional<Node> {
            Node node = codec.encode(value, printing);
            if (node.children.empty() && need != Need::required) return std::nullopt;
            return node;
          },
          need == Need::required};
}

}  // namespace durward::model

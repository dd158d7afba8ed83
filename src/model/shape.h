// Shape: what the language allows at one place, as data. The decoder, the JSON Schema, did-you-mean hints and
// environment patches all read the same shapes (language.h).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace durward::model {

struct Shape;
using ShapePtr = std::shared_ptr<const Shape>;

enum class Need { required, optional, later };  // later: a key of a later release, refused by name

struct KeyShape {
  std::string name;
  ShapePtr shape;  // null when later
  Need need = Need::optional;
  std::string doc;
};

struct Shape {
  enum class Form { word, list, map, object, either, any };
  enum class Json { string, boolean, integer };  // of a word

  Form form = Form::word;
  std::string what;                // with its article, for messages: "a duration such as 15m"
  Json json = Json::string;        // word
  std::string pattern;             // word: ECMA regular expression for editors; empty = any text
  std::vector<std::string> words;  // word: the only ones allowed; empty = any
  ShapePtr item;                   // list, map
  std::string item_id;             // list: the key of an element that names it in a patch's path
  std::string key_pattern;         // map
  std::size_t items_min = 0;       // list, map
  std::size_t items_max = 0;
  std::vector<KeyShape> keys;       // object
  std::vector<std::string> one_of;  // object: exactly one of these keys
  std::vector<ShapePtr> either;     // any of these shapes
  bool environment = false;         // word: {env.NAME} may stand in it

  const KeyShape* key(std::string_view name) const;
  std::vector<std::string> key_names() const;  // supported ones, for hints
};

}  // namespace durward::model

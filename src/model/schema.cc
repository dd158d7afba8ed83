#include "model/schema.h"

#include <nlohmann/json.hpp>

#include "model/language.h"

namespace durward::model {
namespace {

using nlohmann::ordered_json;

ordered_json schema_of(const Shape& shape);

ordered_json of_word(const Shape& shape) {
  ordered_json out;
  switch (shape.json) {
    case Shape::Json::boolean:
      out["type"] = "boolean";
      return out;
    case Shape::Json::integer:
      out["type"] = "integer";
      return out;
    case Shape::Json::string:
      break;
  }
  // Editors read `name: 2024` as a number; the language takes any word as text.
  out["type"] = ordered_json::array({"string", "number", "boolean"});
  if (!shape.words.empty()) out = {{"enum", shape.words}};
  if (!shape.pattern.empty())
    out["pattern"] = shape.pattern + (shape.environment ? R"(|\{env\.[A-Za-z0-9_-]+\})" : "");
  return out;
}

ordered_json of_object(const Shape& shape) {
  ordered_json out{{"type", "object"}, {"properties", ordered_json::object()}};
  ordered_json required = ordered_json::array();
  for (const KeyShape& key : shape.keys) {
    if (key.need == Need::later) continue;
    ordered_json property = schema_of(*key.shape);
    property["description"] = key.doc;
    out["properties"][key.name] = std::move(property);
    if (key.need == Need::required) required.push_back(key.name);
  }
  if (!required.empty()) out["required"] = std::move(required);
  out["additionalProperties"] = false;
  for (const std::string& name : shape.one_of) out["oneOf"].push_back({{"required", {name}}});
  return out;
}

ordered_json schema_of(const Shape& shape) {
  ordered_json out = ordered_json::object();
  switch (shape.form) {
    case Shape::Form::any:
      return out;
    case Shape::Form::word:
      return of_word(shape);
    case Shape::Form::object:
      return of_object(shape);
    case Shape::Form::list:
      return {{"type", "array"},
              {"items", schema_of(*shape.item)},
              {"minItems", shape.items_min},
              {"maxItems", shape.items_max}};
    case Shape::Form::map:
      out = {{"type", "object"},
             {"additionalProperties", schema_of(*shape.item)},
             {"maxProperties", shape.items_max}};
      if (!shape.key_pattern.empty()) out["propertyNames"] = {{"pattern", shape.key_pattern}};
      return out;
    case Shape::Form::either:
      for (const ShapePtr& option : shape.either) out["anyOf"].push_back(schema_of(*option));
      return out;
  }
  return out;
}

}  // namespace

std::string json_schema() {
  ordered_json out{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                   {"title", "Durward bundle"},
                   {"type", "object"},
                   {"required", {"apiVersion", "kind", "metadata", "spec"}}};
  ordered_json names = ordered_json::array();
  ordered_json choices = ordered_json::array();
  ordered_json definitions;
  for (const Kind& kind : kinds()) {
    if (kind.shape == nullptr) continue;
    names.push_back(kind.name);
    definitions[kind.name] = schema_of(*kind.shape());
    choices.push_back({{"if", {{"properties", {{"kind", {{"const", kind.name}}}}}}},
                       {"then", {{"$ref", std::string("#/$defs/") + kind.name}}}});
  }
  out["properties"] = {{"apiVersion", {{"const", api_version}}}, {"kind", {{"enum", std::move(names)}}}};
  out["allOf"] = std::move(choices);
  out["$defs"] = std::move(definitions);
  return out.dump(2) + "\n";
}

}  // namespace durward::model

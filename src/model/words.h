// The words of the language: one codec for each kind of scalar. Pure; any thread. Shared by every table of
// language_*.cc; what a word may be is said here only, for the decoder, the printer and the schema's pattern.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "model/codec.h"
#include "model/model.h"

namespace durward::model {

using Duration = std::chrono::milliseconds;

const Codec<std::string>& name_word();      // [a-z0-9-]{1,63}; never with a placeholder
const Codec<std::string>& text_word();      // one line of text
const Codec<std::string>& token_word();     // text without blanks: scopes, claim names, client ids
const Codec<std::string>& variable_word();  // [A-Za-z0-9_-]{1,63}: a key of Environment.vars, a label
const Codec<std::string>& host_word();
const Codec<std::string>& method_word();
const Codec<std::string>& email_word();
const Codec<std::string>& issuer_word();
const Codec<std::string>& file_word();      // a path in the file system
const Codec<std::string>& env_name_word();  // of the process environment
const Codec<std::string>& health_path_word();
const Codec<std::string>& tree_path_word();  // of a child, inside the bundle
const Codec<std::string>& role_pattern_word();
const Codec<std::string>& user_word();  // idp/NAME, app/NAME, app/*
const Codec<PathTemplate>& path_template_word();
const Codec<Cidr>& cidr_word();
const Codec<WeeklyWindow>& window_word();
const Codec<Bind>& bind_word();
const Codec<Server>& server_word();
const Codec<bool>& boolean_word();
const Codec<std::uint16_t>& port_word();
const Codec<int>& acr_word();  // a level's name; the value is its index on the ladder

Codec<std::chrono::milliseconds> milliseconds_word(Duration min, Duration max);
Codec<std::chrono::seconds> seconds_word(Duration min, Duration max);
Codec<std::uint64_t> size_word(std::uint64_t min, std::uint64_t max);

// One of a closed list of words.
template <class E>
Codec<E> choice(std::initializer_list<std::pair<const char*, E>> options) {
  Shape shape;
  std::vector<std::pair<std::string, E>> table;
  for (const auto& [name, value] : options) {
    shape.words.push_back(name);
    table.emplace_back(name, value);
  }
  shape.what = "one of " + join(shape.words, ", ");
  auto words = shape.words;
  return word<E>(
      std::move(shape),
      [table, words](std::string_view text, Context&) -> Word<E> {
        for (const auto& [name, value] : table)
          if (name == text) return value;
        return refuse(code::word, fmt::format("unknown word '{}'", text), suggest(text, words));
      },
      [table](const E& value, const Printing&) {
        for (const auto& [name, v] : table)
          if (v == value) return name;
        return std::string();
      });
}

// A key that holds one fixed word, such as kind.
Codec<std::string> constant(std::string text);

// The parts of the language that have a grammar of their own.
Word<PathTemplate> parse_path_template(std::string_view text);
Word<WeeklyWindow> parse_window(std::string_view text);
std::string print_window(const WeeklyWindow& window);
Word<std::string> parse_host(std::string_view text);
Word<std::string> parse_issuer(std::string_view text);
bool known_zone(const std::string& name);  // in tzdata, and the same on every machine

}  // namespace durward::model

// A bundle's text as a tree of nodes, each of which knows its place. Syntax only: nothing here knows what a
// key means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/span.h"

namespace durward::bundle {

// Bounds on one file. Each has a diagnostic that names it (BND007).
constexpr std::size_t file_bytes_max = 16U << 20;
constexpr std::size_t scalar_bytes_max = 64U << 10;
constexpr std::size_t depth_max = 32;          // collections inside each other
constexpr std::size_t nodes_max = 4'000'000;   // values in one file
constexpr std::size_t documents_max = 20'000;  // in one file

// One value. A child of a mapping carries its key; keys of one mapping are distinct. A value type: copies are
// deep.
struct Node {
  enum class Kind : std::uint8_t { scalar, sequence, mapping };
  enum class Style : std::uint8_t {
    plain,
    quoted,
    block
  };  // of a scalar; quoted is '' or "", block is | or >

  Kind kind = Kind::scalar;
  Style style = Style::plain;
  std::string
      text;  // scalar: its value, escapes resolved, never with a control byte other than tab and newline
  SourceSpan
      span;  // scalar: with its quotes; flow collection: with its brackets; block collection: its first entry
  std::string key;  // in a mapping
  SourceSpan key_span;
  std::vector<Node> children;

  // The value of `name` in a mapping, or null. Valid until `children` changes.
  const Node* find(std::string_view name) const;
  // `key:` with nothing after it, or a plain ~ or null.
  bool is_null() const;
};

// "text", "a list", "a mapping", "nothing": for messages.
std::string_view describe(const Node& node);

// Equal value; places and scalar styles are not compared (but a null differs from text).
bool same(const Node& a, const Node& b);

// One YAML document. Its spans point into `file`, which it keeps alive.
struct Document {
  SourceFilePtr file;
  Node root;
};

Node scalar_node(std::string text, Node::Style style = Node::Style::plain);
Node list_node(std::vector<Node> items = {});
Node mapping_node();
// Appends `value` under `key` and returns the mapping's new child.
Node& add(Node& mapping, std::string key, Node value);

}  // namespace durward::bundle

#include "bundle/document.h"

#include <algorithm>
#include <utility>

namespace durward::bundle {

const Node* Node::find(std::string_view name) const {
  const auto found =
      std::find_if(children.begin(), children.end(), [&](const Node& n) { return n.key == name; });
  return kind == Kind::mapping && found != children.end() ? &*found : nullptr;
}

bool Node::is_null() const {
  return kind == Kind::scalar && style == Style::plain && (text.empty() || text == "~" || text == "null");
}

std::string_view describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::mapping:
      return "a mapping";
    case Node::Kind::scalar:
      break;
  }
  return node.is_null() ? "nothing" : "text";
}

bool same(const Node& a, const Node& b) {
  return a.kind == b.kind && a.is_null() == b.is_null() && (a.is_null() || a.text == b.text) &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(),
                    [](const Node& x, const Node& y) { return x.key == y.key && same(x, y); });
}

Node scalar_node(std::string text, Node::Style style) {
  Node node;
  node.text = std::move(text);
  node.style = style;
  return node;
}

Node list_node(std::vector<Node> items) {
  Node node;
  node.kind = Node::Kind::sequence;
  node.children = std::move(items);
  return node;
}

Node mapping_node() {
  Node node;
  node.kind = Node::Kind::mapping;
  return node;
}

Node& add(Node& mapping, std::string key, Node value) {
  value.key = std::move(key);
  return mapping.children.emplace_back(std::move(value));
}

}  // namespace durward::bundle

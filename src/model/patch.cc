#include "model/patch.h"

#include <algorithm>

namespace durward::model {
namespace {

// Walks one dotted path through the document and the shapes beside it.
class Walk {
 public:
  Walk(const Patch& patch, Context& context)
      : patch_(patch), context_(context), parts_(split(patch.path.value, '.')) {}

  void apply(Node& spec, const Shape& shape) { step(spec, shape, 0, 0); }

 private:
  bool last(std::size_t i) const { return i + 1 == parts_.size(); }

  void fail(std::size_t offset, std::size_t i, std::string message, std::string hint,
            const Code& what = code::patch) {
    SourceSpan span = patch_.path.span;
    const std::size_t quotes = span.length == patch_.path.value.size() + 2 ? 1 : 0;
    if (span.length == patch_.path.value.size() + 2 * quotes) {
      span.column += static_cast<std::uint32_t>(offset + quotes);
      span.length = static_cast<std::uint32_t>(std::max<std::size_t>(parts_[i].size(), 1));
    }
    context_.error(what, span, std::move(message), std::move(hint));
  }

  void set(Node& target) {
    std::string key = std::move(target.key);
    target = patch_.value;
    target.key = std::move(key);
    target.key_span = patch_.path.span;
  }

  void step(Node& node, const Shape& shape, std::size_t i, std::size_t offset) {
    switch (shape.form) {
      case Shape::Form::object:
        return into_object(node, shape, i, offset);
      case Shape::Form::map:
        return into_map(node, shape, i, offset);
      case Shape::Form::list:
        return into_list(node, shape, i, offset);
      case Shape::Form::either:
        for (const ShapePtr& option : shape.either)
          if (option->form != Shape::Form::word && fits(node, *option)) return step(node, *option, i, offset);
        break;
      case Shape::Form::word:
      case Shape::Form::any:
        break;
    }
    fail(offset, i, fmt::format("'{}' has nothing inside", i == 0 ? "spec" : parts_[i - 1]),
         "patch the whole value");
  }

  static bool fits(const Node& node, const Shape& shape) {
    return node.kind == (shape.form == Shape::Form::list ? Node::Kind::sequence : Node::Kind::mapping);
  }

  void into_object(Node& node, const Shape& shape, std::size_t i, std::size_t offset) {
    const KeyShape* key = shape.key(parts_[i]);
    if (key == nullptr)
      return fail(offset, i, fmt::format("unknown key '{}'", parts_[i]),
                  suggest(parts_[i], shape.key_names()));
    if (key->need == Need::later)
      return fail(offset, i, fmt::format("'{}' is not supported by this version", parts_[i]),
                  fmt::format("remove it: {}", key->doc), code::unsupported);
    if (node.kind != Node::Kind::mapping) return;  // the decoder says so
    Node* child = const_cast<Node*>(node.find(parts_[i]));
    if (child == nullptr) {
      child = &bundle::add(node, parts_[i], bundle::mapping_node());
      child->key_span = child->span = patch_.path.span;
    }
    if (last(i)) return set(*child);
    step(*child, *key->shape, i + 1, offset + parts_[i].size() + 1);
  }

  void into_map(Node& node, const Shape& shape, std::size_t i, std::size_t offset) {
    Node* child = const_cast<Node*>(node.find(parts_[i]));
    if (child == nullptr) {
      std::vector<std::string> names;
      for (const Node& n : node.children) names.push_back(n.key);
      return fail(offset, i, fmt::format("there is no '{}'", parts_[i]), suggest(parts_[i], names));
    }
    if (last(i)) return set(*child);
    step(*child, *shape.item, i + 1, offset + parts_[i].size() + 1);
  }

  void into_list(Node& node, const Shape& shape, std::size_t i, std::size_t offset) {
    if (shape.item_id.empty())
      return fail(offset, i, "the list's entries have no ids", "patch the whole list");
    std::vector<std::string> ids;
    for (Node& element : node.children) {
      const Node* id = element.find(shape.item_id);
      if (id == nullptr) continue;
      if (id->text == parts_[i]) return into_element(element, shape, i, offset);
      ids.push_back(id->text);
    }
    fail(offset, i, fmt::format("there is no '{}'", parts_[i]), suggest(parts_[i], ids));
  }

  void into_element(Node& element, const Shape& shape, std::size_t i, std::size_t offset) {
    const std::size_t next = offset + parts_[i].size() + 1;
    if (last(i))
      return fail(offset, i, "an entry is patched key by key",
                  fmt::format("write {}.KEY", patch_.path.value));
    if (parts_[i + 1] == shape.item_id)
      return fail(next, i + 1, "an id never changes", "patches, logs and rules use it");
    step(element, *shape.item, i + 1, next);
  }

  const Patch& patch_;
  Context& context_;
  std::vector<std::string> parts_;
};

}  // namespace

void apply_patches(const AppPatches& patches, Node& app, Context& context) {
  Node* spec = const_cast<Node*>(app.find("spec"));
  if (spec == nullptr) return;  // the decoder says so
  const Shape& shape = *app_document().shape->key("spec")->shape;
  for (const Patch& patch : patches.patches) Walk(patch, context).apply(*spec, shape);
}

}  // namespace durward::model

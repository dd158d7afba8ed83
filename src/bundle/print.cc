#include "bundle/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace durward::bundle {
namespace {

bool word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_';
}

bool word_byte(char c) {
  return word_start(c) || c == '-' || c == '.' || c == '@' || c == '+' || c == ':';
}

// Reads the same with and without quotes, in a flow list too.
bool plain_word(std::string_view text) {
  return !text.empty() && word_start(text[0]) && std::all_of(text.begin(), text.end(), word_byte) &&
         text.back() != ':' && text != "null";
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out += c;
    }
  }
  return out + '"';
}

std::string word(std::string_view text) {
  return plain_word(text) ? std::string(text) : quoted(text);
}

std::string scalar(const Node& node) {
  return node.is_null() ? "null" : word(node.text);
}

bool scalars_only(const Node& node) {
  return std::all_of(node.children.begin(), node.children.end(),
                     [](const Node& child) { return child.kind == Node::Kind::scalar; });
}

// Fits behind "key:" on the same line.
bool inline_value(const Node& node) {
  if (node.kind == Node::Kind::mapping) return node.children.empty();
  return node.kind == Node::Kind::scalar || scalars_only(node);
}

std::string inline_text(const Node& node) {
  if (node.kind == Node::Kind::scalar) return scalar(node);
  if (node.kind == Node::Kind::mapping) return "{}";
  std::string out;
  for (const Node& child : node.children) out += (out.empty() ? "" : ", ") + scalar(child);
  return "[" + out + "]";
}

// The indent of the first line has been written already.
void write(const Node& node, std::size_t indent, std::string& out) {
  bool first = true;
  for (const Node& child : node.children) {
    if (!first) out += std::string(indent, ' ');
    first = false;
    const bool in_list = node.kind == Node::Kind::sequence;
    out += in_list ? "-" : word(child.key) + ":";
    if (inline_value(child)) {
      out += " " + inline_text(child) + "\n";
    } else if (in_list) {
      out += " ";
      write(child, indent + 2, out);
    } else {
      out += "\n" + std::string(indent + 2, ' ');
      write(child, indent + 2, out);
    }
  }
}

}  // namespace

std::string print(const Node& node) {
  if (inline_value(node)) return inline_text(node) + "\n";
  std::string out;
  write(node, 0, out);
  return out;
}

}  // namespace durward::bundle

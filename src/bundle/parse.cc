#include "bundle/parse.h"

#include <fmt/format.h>
#include <libfyaml.h>

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "bundle/codes.h"
#include "bundle/encoding.h"

namespace durward::bundle {
namespace {

constexpr std::string_view utf8_bom = "\xef\xbb\xbf";
// Below this a scan beats a hash table.
constexpr std::size_t small_mapping = 16;

struct DiagDeleter {
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};
struct ParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};

// A value that goes on with '{' inside [ ] or { } is a path or a placeholder that wants quotes.
std::string missing_comma_hint(std::string_view text, std::size_t at) {
  constexpr std::size_t shown_max = 100;
  const std::string comma = "add a comma, or close what opens there";
  if (at >= text.size() || text[at] != '{') return comma;
  std::size_t begin = at, end = at;
  while (begin > 0 && std::string_view(" \t\n,[{").find(text[begin - 1]) == std::string_view::npos) --begin;
  if (begin == at) return comma;  // a mapping in its own right
  for (int open = 0; end < text.size() && text[end] != '\n'; ++end) {
    if (open == 0 && std::string_view(" \t,]}").find(text[end]) != std::string_view::npos) break;
    open += text[end] == '{' ? 1 : text[end] == '}' ? -1 : 0;
  }
  if (end - begin > shown_max) return "a value with braces needs quotes here";
  return fmt::format("a value with braces needs quotes here: \"{}\"", text.substr(begin, end - begin));
}

class Reader {
 public:
  Reader(const SourceFilePtr& file, Diagnostics& diagnostics)
      : file_(file), diagnostics_(diagnostics), places_(*file) {}

  Parsed read() {
    if (file_->text.size() > file_bytes_max) {
      report(code::limit, places_.span(0, 1),
             fmt::format("the file is larger than {} MiB", file_bytes_max >> 20),
             "split it into several files");
    } else if (const auto bad = find_bad_bytes(body())) {
      const std::size_t at = bad->offset + bom_;
      report(code::encoding, places_.span(at, at + bad->length), bad->message, bad->hint);
    } else {
      read_events();
    }
    return std::move(parsed_);
  }

 private:
  // One open collection. For a mapping, `key` holds a key that still wants its value.
  struct Open {
    Node node;
    std::optional<std::pair<std::string, SourceSpan>> key;
    std::unordered_map<std::string, SourceSpan> seen;  // used once the mapping is not small
    std::size_t begin = 0;
    bool flow = false;
    bool as_key = false;  // this collection itself stands where a key belongs
  };

  std::string_view body() {
    std::string_view text = file_->text;
    bom_ = text.starts_with(utf8_bom) ? utf8_bom.size() : 0;
    return text.substr(bom_);
  }

  Diagnostic& report(const Code& what, SourceSpan span, std::string message, std::string hint = {}) {
    broken_ = true;
    parsed_.complete = false;
    return diagnostics_.error(what.id, span, std::move(message), std::move(hint));
  }

  void read_events() {
    fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = nullptr;
    diag_config.colorize = false;
    diag_.reset(fy_diag_create(&diag_config));
    fy_diag_set_collect_errors(diag_.get(), true);
    fy_parse_cfg config{};
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                                   FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE);
    config.diag = diag_.get();
    const std::unique_ptr<fy_parser, ParserDeleter> parser(fy_parser_create(&config));
    const std::string_view text = body();
    if (!parser || fy_parser_set_string(parser.get(), text.data(), text.size()) != 0) {
      report(code::syntax, places_.span(0, 1), "the YAML reader could not start");
      return;
    }
    bool ended = false;
    while (!stop_) {
      fy_event* event = fy_parser_parse(parser.get());
      if (event == nullptr) break;
      ended = event->type == FYET_STREAM_END;
      take(*event);
      fy_parser_event_free(parser.get(), event);
    }
    if (!stop_) report_collected(ended);
  }

  // What the library collected. Its first error is the true one; those after it are echoes.
  void report_collected(bool ended) {
    void* previous = nullptr;
    if (const fy_diag_error* found = fy_diag_errors_iterate(diag_.get(), &previous)) {
      syntax_error(found->msg, static_cast<std::size_t>(found->line),
                   static_cast<std::size_t>(found->column));
    } else if (!ended || seen_bytes_ < last_content()) {
      // The library can end a stream early without a word, for example at a mapping key after a top-level
      // list.
      report(code::syntax, places_.span(seen_bytes_, seen_bytes_ + 1), "cannot read the file from here on",
             "check the indentation");
    }
  }

  // Offset just past the last byte that is neither blank nor comment, roughly: a trailing comment counts as
  // read.
  std::size_t last_content() const {
    std::size_t end = 0;
    std::size_t begin = 0;
    const std::string_view text = file_->text;
    while (begin < text.size()) {
      std::size_t line_end = text.find('\n', begin);
      if (line_end == std::string_view::npos) line_end = text.size();
      const std::size_t first = text.find_first_not_of(" \t\r", begin);
      if (first < line_end && text[first] != '#' && !text.substr(first).starts_with("...")) end = first + 1;
      begin = line_end + 1;
    }
    return end;
  }

  void syntax_error(std::string message, std::size_t line, std::size_t column) {
    std::size_t at = places_.offset(line, 1);
    at = skip_characters(at, column);
    if (at >= file_->text.size() && !file_->text.empty()) at = file_->text.find_last_not_of(" \t\r\n") + 1;
    std::string hint;
    if (message.find("multiline") != std::string::npos || message.find("indent") != std::string::npos ||
        message.find("nested block mapping") != std::string::npos)
      hint = "check the indentation; a value that holds ': ' needs quotes";
    if (message.find("cannot start with") != std::string::npos) hint = "put the value in quotes";
    if (message.starts_with("missing comma in flow")) hint = missing_comma_hint(file_->text, at);
    Diagnostic& diagnostic =
        report(code::syntax, places_.span(at, at + 1), std::move(message), std::move(hint));
    for (auto open = stack_.rbegin(); open != stack_.rend(); ++open) {
      if (!open->flow) continue;
      diagnostic.related.push_back({places_.span(open->begin, open->begin + 1), "inside what opens here"});
      break;
    }
  }

  // The library counts columns in characters; places count bytes.
  std::size_t skip_characters(std::size_t at, std::size_t column) const {
    const std::string& text = file_->text;
    for (std::size_t i = 1; i < column && at < text.size() && text[at] != '\n'; ++i) {
      ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
    }
    return at;
  }

  void take(fy_event& event) {
    if (const fy_mark* mark = fy_event_end_mark(&event)) seen_bytes_ = mark->input_pos + bom_;
    switch (event.type) {
      case FYET_DOCUMENT_START:
        return begin_document(event);
      case FYET_DOCUMENT_END:
        return end_document();
      case FYET_MAPPING_START:
        return open(event, Node::Kind::mapping);
      case FYET_SEQUENCE_START:
        return open(event, Node::Kind::sequence);
      case FYET_MAPPING_END:
      case FYET_SEQUENCE_END:
        return close(event);
      case FYET_SCALAR:
        return scalar(event);
      case FYET_ALIAS:
        return alias(event);
      default:
        return;
    }
  }

  void begin_document(const fy_event& event) {
    broken_ = false;
    root_.reset();
    fy_document_state* state = event.document_start.document_state;
    if (state != nullptr &&
        (fy_document_state_version_explicit(state) || fy_document_state_tags_explicit(state)))
      report(code::tag, directive_span(), "directives are not allowed", "remove the line");
  }

  SourceSpan directive_span() const {
    const std::string& text = file_->text;
    const std::size_t before = std::min(seen_bytes_, text.size());
    std::size_t at = text.rfind("\n%", before);
    at = at == std::string::npos ? bom_ : at + 1;
    return places_.span(at, text.size());
  }

  void end_document() {
    stack_.clear();
    if (parsed_.documents.size() == documents_max) {
      report(code::limit, places_.span(seen_bytes_, seen_bytes_ + 1),
             fmt::format("more than {} documents in one file", documents_max), "split it into several files");
      stop_ = true;
      return;
    }
    if (!broken_ && root_ && !root_->is_null()) parsed_.documents.push_back({file_, std::move(*root_)});
  }

  SourceSpan mark_span(const fy_event& event) const {
    auto* plain = const_cast<fy_event*>(&event);
    const fy_mark* begin = fy_event_start_mark(plain);
    const fy_mark* end = fy_event_end_mark(plain);
    if (begin == nullptr || end == nullptr) return places_.span(seen_bytes_, seen_bytes_);
    return places_.span(begin->input_pos + bom_, end->input_pos + bom_);
  }

  // Anchors and tags are refused where they stand; the value itself is read on.
  void refuse_properties(fy_event& event) {
    if (fy_token* anchor = fy_event_get_anchor_token(&event))
      report(code::alias, token_span(anchor, 1), "anchors are not allowed",
             "write the value out where it is used");
    if (fy_token* tag = fy_event_get_tag_token(&event))
      report(code::tag, token_span(tag, 0), "tags are not allowed",
             "remove it: types come from the language");
  }

  SourceSpan token_span(fy_token* token, std::size_t lead) const {
    const fy_mark* begin = fy_token_start_mark(token);
    const fy_mark* end = fy_token_end_mark(token);
    if (begin == nullptr || end == nullptr) return places_.span(seen_bytes_, seen_bytes_);
    return places_.span(begin->input_pos + bom_ - lead, end->input_pos + bom_);
  }

  void alias(fy_event& event) {
    Node node;
    node.span = token_span(event.alias.anchor, 1);
    const std::size_t at = places_.offset(node.span.line, node.span.column);
    const bool rest_of_path = file_->text.compare(at, 3, "**}") == 0;
    report(code::alias, node.span, "aliases are not allowed",
           rest_of_path ? "a path needs quotes here: \"{**}\"" : "write the value out where it is used");
    place(std::move(node));
  }

  bool count(const SourceSpan& span) {
    if (++nodes_ <= nodes_max) return true;
    report(code::limit, span, fmt::format("more than {} values in one file", nodes_max),
           "split it into several files");
    stop_ = true;
    return false;
  }

  void open(fy_event& event, Node::Kind kind) {
    refuse_properties(event);
    const SourceSpan span = mark_span(event);
    if (!count(span)) return;
    if (stack_.size() == depth_max) {
      report(code::limit, span, fmt::format("nested deeper than {} levels", depth_max));
      stop_ = true;
      return;
    }
    Open opened;
    opened.as_key = !stack_.empty() && stack_.back().node.kind == Node::Kind::mapping && !stack_.back().key;
    if (opened.as_key) report(code::key, span, "a key must be a word, not a list or a mapping");
    const fy_mark* begin = fy_event_start_mark(&event);
    const fy_mark* end = fy_event_end_mark(&event);
    opened.flow = begin != nullptr && end != nullptr && end->input_pos > begin->input_pos;
    opened.begin = begin != nullptr ? begin->input_pos + bom_ : seen_bytes_;
    opened.node.kind = kind;
    opened.node.children.reserve(4);
    opened.node.span = span;
    stack_.push_back(std::move(opened));
  }

  void close(const fy_event& event) {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    if (done.flow) {
      const fy_mark* end = fy_event_end_mark(const_cast<fy_event*>(&event));
      if (end != nullptr) done.node.span = places_.span(done.begin, end->input_pos + bom_);
    } else if (!done.node.children.empty()) {
      const Node& first = done.node.children.front();
      done.node.span = done.node.kind == Node::Kind::mapping ? first.key_span : first.span;
    }
    if (done.as_key)
      stack_.back().key.emplace(std::string(), done.node.span);
    else
      place(std::move(done.node));
  }

  void scalar(fy_event& event) {
    refuse_properties(event);
    Node node;
    fy_token* token = fy_event_get_token(&event);
    if (token == nullptr) {  // nothing was written
      node.span = !stack_.empty() && stack_.back().key ? stack_.back().key->second : mark_span(event);
    } else {
      read_scalar(event, token, node);
    }
    if (count(node.span)) place(std::move(node));
  }

  void read_scalar(const fy_event& event, fy_token* token, Node& node) {
    node.span = mark_span(event);
    const fy_scalar_style style = fy_token_scalar_style(token);
    if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) {
      node.style = Node::Style::quoted;
      const std::size_t begin = fy_token_start_mark(token)->input_pos + bom_;
      const std::size_t end = fy_token_end_mark(token)->input_pos + bom_;
      node.span = places_.span(begin - 1, end + 1);
    } else if (style != FYSS_PLAIN) {
      node.style = Node::Style::block;
    }
    std::size_t size = 0;
    const char* text = fy_token_get_text(token, &size);
    if (text != nullptr) node.text.assign(text, size);
    if (node.text.size() > scalar_bytes_max) {
      report(code::limit, node.span, fmt::format("a value is longer than {} KiB", scalar_bytes_max >> 10));
    } else if (node.style == Node::Style::plain) {
      return;                                                 // checked with the file
    } else if (const auto bad = find_bad_bytes(node.text)) {  // an escape can make what the text may not hold
      report(code::encoding, node.span, fmt::format("the value holds {}", bad->message), "remove it");
    }
  }

  // A finished value goes to the open collection: as an element, a key or the value of a key.
  void place(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.kind == Node::Kind::sequence) {
      parent.node.children.push_back(std::move(node));
    } else if (!parent.key) {
      take_key(parent, std::move(node));
    } else {
      node.key = std::move(parent.key->first);
      node.key_span = parent.key->second;
      parent.key.reset();
      parent.node.children.push_back(std::move(node));
    }
  }

  void take_key(Open& parent, Node node) {
    if (node.style == Node::Style::plain && node.text == "<<") {
      report(code::alias, node.span, "merge keys are not allowed", "write the keys out");
    } else if (node.is_null() || node.style == Node::Style::block ||
               node.text.find('\n') != std::string::npos) {
      report(code::key, node.span, "a key must be a word");
    } else if (const SourceSpan* first = already(parent, node)) {
      report(code::duplicate_key, node.span, fmt::format("key '{}' is given twice", node.text), "remove one")
          .related.push_back({*first, "first given here"});
    }
    parent.key.emplace(std::move(node.text), node.span);
  }

  static const SourceSpan* already(Open& parent, const Node& key) {
    const auto& children = parent.node.children;
    if (children.size() < small_mapping) {
      for (const Node& child : children)
        if (child.key == key.text) return &child.key_span;
      return nullptr;
    }
    if (parent.seen.empty())
      for (const Node& child : children) parent.seen.emplace(child.key, child.key_span);
    const auto [found, fresh] = parent.seen.emplace(key.text, key.span);
    return fresh ? nullptr : &found->second;
  }

  SourceFilePtr file_;
  Diagnostics& diagnostics_;
  Places places_;
  Parsed parsed_;
  std::unique_ptr<fy_diag, DiagDeleter> diag_;
  std::vector<Open> stack_;
  std::optional<Node> root_;
  std::size_t bom_ = 0;
  std::size_t nodes_ = 0;
  std::size_t seen_bytes_ = 0;
  bool broken_ = false;  // the document being read
  bool stop_ = false;
};

}  // namespace

Parsed parse(const SourceFilePtr& file, Diagnostics& diagnostics) {
  return Reader(file, diagnostics).read();
}

}  // namespace durward::bundle

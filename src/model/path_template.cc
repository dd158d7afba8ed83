// Path templates: "/v1/refunds/{id}", "/help/{**}".
#include <algorithm>
#include <set>

#include "model/words.h"

namespace durward::model {
namespace {

constexpr std::string_view claim_prefix = "{=";
constexpr std::string_view rest_segment = "{**}";

bool alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// RFC 3986 pchar without ';' and '%': what HAProxy and every upstream read alike.
bool path_byte(char c) {
  return alnum(c) || std::string_view("-._~!$&'()*+,=:@").find(c) != std::string_view::npos;
}

std::string why_not(char c) {
  switch (c) {
    case '?':
    case '#':
      return "leave out query and fragment: they are never matched";
    case '%':
      return "write the character itself; encoded paths are refused at the edge";
    case ';':
      return "path parameters are refused at the edge";
    case '{':
    case '}':
      return "{name} stands for a whole segment";
    case '*':
      return "write {**} as the last segment to match everything below";
    default:
      return "use letters, digits and -._~!$&'()*+,=:@";
  }
}

tl::unexpected<Problem> bad(std::string message, std::string hint, std::size_t offset, std::size_t length) {
  return refuse(code::path, std::move(message), std::move(hint), offset, length);
}

Word<Segment> parse_parameter(std::string_view text, std::size_t offset) {
  if (text == rest_segment) return Segment{Segment::Kind::rest, ""};
  if (text.starts_with(claim_prefix))
    return refuse(code::unsupported,
                  fmt::format("claim-bound segment '{}' is not supported by this version", text),
                  "remove the route: they come later", offset, text.size());
  const std::string_view name = text.substr(1, text.size() - 2);
  const bool fine =
      !name.empty() && name.size() <= 63 && !(name[0] >= '0' && name[0] <= '9') &&
      std::all_of(name.begin(), name.end(), [](char c) { return alnum(c) || c == '_' || c == '-'; });
  if (!fine)
    return bad(fmt::format("'{}' is not a parameter", text), "write {name}, or {**} as the last segment",
               offset, text.size());
  return Segment{Segment::Kind::param, std::string(name)};
}

Word<Segment> parse_segment(std::string_view text, std::size_t offset) {
  if (text.size() >= 2 && text.front() == '{' && text.find('}') == text.size() - 1)
    return parse_parameter(text, offset);
  if (text == "." || text == "..")
    return bad(fmt::format("segment '{}' is never requested", text), "write the path it leads to", offset,
               text.size());
  if (!text.empty() && text.find_first_not_of('*') == std::string_view::npos)
    return bad(fmt::format("segment '{}' would match only itself", text),
               "write {**} as the last segment for everything below, or {name} for one segment", offset,
               text.size());
  const auto wrong = std::find_if_not(text.begin(), text.end(), path_byte);
  if (wrong != text.end()) {
    const bool ascii = static_cast<unsigned char>(*wrong) < 0x80;
    return bad(
        ascii ? fmt::format("'{}' is not allowed in a path", *wrong) : "only ASCII is allowed in a path",
        why_not(*wrong), offset + static_cast<std::size_t>(wrong - text.begin()), 1);
  }
  return Segment{Segment::Kind::literal, std::string(text)};
}

std::optional<Problem> check_whole(const PathTemplate& path) {
  std::set<std::string_view> names;
  std::size_t offset = 1;
  for (std::size_t i = 0; i < path.segments.size(); ++i) {
    const Segment& segment = path.segments[i];
    const bool last = i + 1 == path.segments.size();
    if (segment.kind == Segment::Kind::rest && !last)
      return Problem{code::path, "{**} is not the last segment", "end the path with it", offset,
                     rest_segment.size()};
    if (segment.kind == Segment::Kind::literal && segment.text.empty() && !last)
      return Problem{code::path, "'//' is never requested", "write one slash", offset - 1, 2};
    if (segment.kind == Segment::Kind::param && !names.insert(segment.text).second)
      return Problem{code::path, fmt::format("parameter '{}' is used twice", segment.text),
                     "name each one differently", offset, segment.text.size() + 2};
    offset += segment.text.size() + 1;
    if (segment.kind == Segment::Kind::param) offset += 2;
    if (segment.kind == Segment::Kind::rest) offset += rest_segment.size();
  }
  if (path.segments.size() > path_segments_max)
    return Problem{code::path, fmt::format("more than {} segments", path_segments_max), "", 0, 0};
  if (names.size() > path_parameters_max)
    return Problem{code::path, fmt::format("more than {} parameters", path_parameters_max), "", 0, 0};
  return std::nullopt;
}

}  // namespace

Word<PathTemplate> parse_path_template(std::string_view text) {
  if (!text.starts_with('/')) return bad("a path begins with '/'", fmt::format("write /{}", text), 0, 1);
  if (text.size() > path_bytes_max) return bad(fmt::format("longer than {} bytes", path_bytes_max), "", 0, 0);
  PathTemplate path;
  path.text = text;
  std::size_t begin = 1;
  for (bool more = true; more;) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    auto segment = parse_segment(text.substr(begin, end - begin), begin);
    if (!segment) return tl::unexpected(std::move(segment.error()));
    path.segments.push_back(std::move(*segment));
    more = end < text.size();
    begin = end + 1;
  }
  if (auto problem = check_whole(path)) return tl::unexpected(std::move(*problem));
  return path;
}

const Codec<PathTemplate>& path_template_word() {
  static const Codec<PathTemplate> codec = [] {
    Shape shape;
    shape.what = "a path such as /v1/orders/{id} or /help/{**}";
    shape.pattern = R"re(^/([A-Za-z0-9\-._~!$&'()*+,=:@{}]+(/|$))*$)re";
    shape.environment = true;
    return word<PathTemplate>(
        std::move(shape), [](std::string_view text, Context&) { return parse_path_template(text); },
        [](const PathTemplate& path, const Printing&) { return path.text; });
  }();
  return codec;
}

}  // namespace durward::model

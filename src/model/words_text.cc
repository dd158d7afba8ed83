// Names, hosts, URLs, files: the words that stay text.
#include <algorithm>

#include "model/address.h"
#include "model/words.h"

namespace durward::model {
namespace {

using Parse = Word<std::string> (*)(std::string_view);

Codec<std::string> text_codec(std::string what, std::string pattern, bool environment, Parse parse) {
  Shape shape;
  shape.what = std::move(what);
  shape.pattern = std::move(pattern);
  shape.environment = environment;
  return word<std::string>(
      std::move(shape), [parse](std::string_view text, Context&) { return parse(text); },
      [](const std::string& value, const Printing&) { return value; });
}

bool digit(char c) {
  return c >= '0' && c <= '9';
}
bool lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool alnum(char c) {
  return digit(c) || lower(c) || upper(c);
}
bool name_byte(char c) {
  return lower(c) || digit(c) || c == '-';
}

template <class Predicate>
bool all(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

bool name_like(std::string_view text) {
  return !text.empty() && text.size() <= 63 && all(text, name_byte);
}

Word<std::string> parse_name(std::string_view text) {
  if (name_like(text)) return std::string(text);
  std::string hint = "use 1 to 63 of a-z, 0-9 and '-'";
  std::string mended = lower_ascii(text);
  std::replace_if(
      mended.begin(), mended.end(), [](char c) { return c == '_' || c == ' ' || c == '.'; }, '-');
  if (name_like(mended)) hint = fmt::format("write '{}'", mended);
  return refuse(code::name, fmt::format("'{}' is not a name", text), std::move(hint));
}

Word<std::string> parse_text(std::string_view text) {
  if (text.find('\n') != std::string_view::npos)
    return refuse(code::text, "more than one line", "write it on one line");
  if (text.empty()) return refuse(code::text, "the text is empty", "write something, or leave the key out");
  if (text.size() > text_bytes_max)
    return refuse(code::text, fmt::format("longer than {} bytes", text_bytes_max));
  return std::string(text);
}

Word<std::string> parse_token(std::string_view text) {
  auto line = parse_text(text);
  if (line && !all(text, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; }))
    return refuse(code::text, fmt::format("'{}' holds a blank or a character beyond ASCII", text),
                  "use printable ASCII without blanks, quotes and backslashes");
  return line;
}

Word<std::string> parse_variable(std::string_view text) {
  const bool fine = !text.empty() && text.size() <= 63 &&
                    all(text, [](char c) { return alnum(c) || c == '_' || c == '-'; });
  if (!fine)
    return refuse(code::name, fmt::format("'{}' is not a variable's name", text),
                  "use 1 to 63 of A-Z, a-z, 0-9, '_' and '-'");
  return std::string(text);
}

Word<std::string> parse_method(std::string_view text) {
  const auto letter = [](char c) { return lower(c) || (c >= 'A' && c <= 'Z'); };
  const bool name = !text.empty() && text.size() <= method_bytes_max && letter(text.front()) &&
                    all(text, [&](char c) { return letter(c) || c == '-'; });
  if (!name)
    return refuse(code::method, fmt::format("'{}' is not a method", text),
                  "write GET, POST, …; leave the key out for any");
  std::string shout(text);
  for (char& c : shout)
    if (lower(c)) c = static_cast<char>(c - 'a' + 'A');
  if (shout != text)
    return refuse(code::method, fmt::format("'{}' is never sent: methods are case-sensitive", text),
                  fmt::format("write {}", shout));
  if (shout == "CONNECT" || shout == "TRACE")
    return refuse(code::method, fmt::format("the gateway never passes {} on", shout), "leave it out");
  return shout;
}

Word<std::string> parse_email(std::string_view text) {
  const auto at = text.find('@');
  const bool fine =
      at != 0 && at != std::string_view::npos && at + 1 < text.size() && text.size() <= 254 &&
      text.find('@', at + 1) == std::string_view::npos && all(text, [](char c) {
        return c > ' ' && c < 0x7f && std::string_view("\",;:<>()[]\\").find(c) == std::string_view::npos;
      });
  if (!fine)
    return refuse(code::text, fmt::format("'{}' is not an e-mail address", text), "write name@example.com");
  return lower_ascii(text);  // identity providers differ in case; people do not
}

Word<std::string> parse_env_name(std::string_view text) {
  const bool fine = !text.empty() && text.size() <= 255 && !digit(text[0]) &&
                    all(text, [](char c) { return alnum(c) || c == '_'; });
  if (!fine)
    return refuse(code::text, fmt::format("'{}' is not a variable of the process", text),
                  "use A-Z, 0-9 and '_'");
  return std::string(text);
}

Word<std::string> parse_health_path(std::string_view text) {
  const bool fine = text.starts_with('/') && text.size() <= path_bytes_max && all(text, [](char c) {
                      return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '\'' && c != '#';
                    });
  if (!fine) return refuse(code::text, fmt::format("'{}' is not a path", text), "write it as in /healthz");
  return std::string(text);
}

Word<std::string> parse_tree_path(std::string_view text) {
  const auto bad = [&](std::string message, std::string hint) {
    return refuse(code::tree_path, std::move(message), std::move(hint));
  };
  if (text.starts_with('/'))
    return bad(fmt::format("'{}' is absolute", text), "write a path below this bundle's directory");
  if (text.size() > path_bytes_max) return bad("the path is too long", "");
  for (const std::string& part : split(text, '/')) {
    if (part == "..")
      return bad(fmt::format("'{}' leaves its directory", text), "a child lies below its parent");
    if (part.empty() || part == ".")
      return bad(fmt::format("'{}' is not in its simplest form", text), "write it as in apps/payments");
    if (!all(part, [](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; }))
      return bad(fmt::format("'{}' holds a character that paths do not", text),
                 "use letters, digits, '-', '_' and '.'");
  }
  return std::string(text);
}

Word<std::string> parse_role_pattern(std::string_view text) {
  std::string_view stem = text;
  if (stem.ends_with('*')) stem.remove_suffix(1);
  if (!(text == "*" || name_like(stem)))
    return refuse(code::name, fmt::format("'{}' is not a role or a pattern of roles", text),
                  "write shop-refunds or shop-*");
  return std::string(text);
}

Word<std::string> parse_user(std::string_view text) {
  const auto slash = text.find('/');
  const std::string_view side = text.substr(0, slash);
  const std::string_view who = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  if ((side == "idp" && name_like(who)) || (side == "app" && (who == "*" || name_like(who))))
    return std::string(text);
  return refuse(code::credential_user, fmt::format("'{}' is not a user of credentials", text),
                "write idp/NAME, app/NAME or app/*");
}

}  // namespace

Word<std::string> parse_host(std::string_view text) {
  const auto bad = [&](std::string_view why, std::string hint) {
    return refuse(code::host, fmt::format("'{}' {}", text, why), std::move(hint));
  };
  if (text.empty()) return bad("is not a host name", "write it as in pay.example.com");
  if (text.find("://") != std::string_view::npos) return bad("is a URL", "write the host alone");
  if (text.find('*') != std::string_view::npos) return bad("holds a wildcard", "name each host");
  if (IpAddress::parse(text) || text.find('[') != std::string_view::npos)
    return bad("is an address", "write a host name");
  if (const auto colon = text.find(':'); colon != std::string_view::npos)
    return bad("holds a port", fmt::format("write '{}'; the port is a listener's", text.substr(0, colon)));
  if (text.ends_with('.'))
    return bad("ends in a dot", fmt::format("write '{}'", text.substr(0, text.size() - 1)));
  if (!all(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return bad("is not ASCII", "write its xn-- form");
  if (lower_ascii(text) != text)
    return bad("is not lower case", fmt::format("write '{}'", lower_ascii(text)));
  if (text.size() > 253) return bad("is longer than 253 bytes", "");
  const auto labels = split(text, '.');
  for (const std::string& label : labels) {
    if (!name_like(label) || label.front() == '-' || label.back() == '-')
      return bad("is not a host name",
                 "labels are 1 to 63 of a-z, 0-9 and '-', and neither begin nor end with '-'");
  }
  if (all(labels.back(), digit)) return bad("ends in a number", "write a host name");
  return std::string(text);
}

Word<std::string> parse_issuer(std::string_view text) {
  const auto bad = [&](std::string_view why, std::string hint) {
    return refuse(code::issuer, fmt::format("'{}' {}", text, why), std::move(hint));
  };
  const bool https = text.starts_with("https://");
  if (!https && !text.starts_with("http://"))
    return bad("is not an https URL", "write it as in https://id.example/realms/corp");
  const std::string_view rest = text.substr(https ? 8 : 7);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (text.size() > text_bytes_max || !all(text, [](char c) {
        return c > ' ' && c < 0x7f && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
      }))
    return bad("is not a URL", "encode what is not ASCII");
  if (text.find_first_of("?#") != std::string_view::npos)
    return bad("has a query or a fragment", "write the issuer as the provider's `iss` says it");
  if (authority.find('@') != std::string_view::npos)
    return refuse(code::issuer, "the URL holds credentials", "leave them out");
  std::string_view host = authority;
  if (host.starts_with('[')) {
    const auto close = host.find(']');
    if (close == std::string_view::npos || !IpAddress::parse(host.substr(1, close - 1)))
      return bad("has no valid host", "");
    host = host.substr(0, close + 1);
  } else {
    host = host.substr(0, host.find(':'));
    if (!IpAddress::parse(host) && !parse_host(host))
      return bad("has no valid host", parse_host(host).error().hint);
  }
  const std::string_view port = authority.substr(host.size());
  if (!port.empty() && (port.size() < 2 || port.size() > 6 || port[0] != ':' || !all(port.substr(1), digit)))
    return bad("has no valid port", "");
  const auto address = IpAddress::parse(host.starts_with('[') ? host.substr(1, host.size() - 2) : host);
  const bool loopback =
      host == "localhost" || host.ends_with(".localhost") || (address && is_loopback(*address));
  if (!https && !loopback) return bad("is not https", fmt::format("write https://{}", rest));
  return std::string(text);
}

#define DURWARD_TEXT_WORD(function, what, pattern, environment, parse)                     \
  const Codec<std::string>& function() {                                                   \
    static const Codec<std::string> codec = text_codec(what, pattern, environment, parse); \
    return codec;                                                                          \
  }

DURWARD_TEXT_WORD(name_word, "a name", "^[a-z0-9-]{1,63}$", false, parse_name)
DURWARD_TEXT_WORD(text_word, "text", "^[^\\n]+$", true, parse_text)
DURWARD_TEXT_WORD(token_word, "text without blanks", "^[!#-\\[\\]-~]+$", true, parse_token)
DURWARD_TEXT_WORD(variable_word, "a variable's name", "^[A-Za-z0-9_-]{1,63}$", false, parse_variable)
DURWARD_TEXT_WORD(host_word, "a host name", "^[a-z0-9.-]{1,253}$", true, parse_host)
DURWARD_TEXT_WORD(method_word, "a method such as GET", "^[A-Z][A-Z-]{0,31}$", false, parse_method)
DURWARD_TEXT_WORD(email_word, "an e-mail address", "^[^@\\s]+@[^@\\s]+$", true, parse_email)
DURWARD_TEXT_WORD(issuer_word, "an https URL", "^https?://[^\\s?#]+$", true, parse_issuer)
DURWARD_TEXT_WORD(file_word, "a path", "^[^\\n]+$", true, parse_text)
DURWARD_TEXT_WORD(env_name_word, "the name of an environment variable", "^[A-Za-z_][A-Za-z0-9_]*$", true,
                  parse_env_name)
DURWARD_TEXT_WORD(health_path_word, "a path such as /healthz", "^/[^\\s\"'\\\\#]*$", true, parse_health_path)
DURWARD_TEXT_WORD(tree_path_word, "a directory such as apps/payments", "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$",
                  false, parse_tree_path)
DURWARD_TEXT_WORD(role_pattern_word, "a role or a pattern such as shop-*", "^([a-z0-9-]{1,63}\\*?|\\*)$",
                  false, parse_role_pattern)
DURWARD_TEXT_WORD(user_word, "idp/NAME, app/NAME or app/*",
                  "^(idp/[a-z0-9-]{1,63}|app/([a-z0-9-]{1,63}|\\*))$", false, parse_user)

#undef DURWARD_TEXT_WORD

Codec<std::string> constant(std::string text) {
  Shape shape;
  shape.what = text;
  shape.words = {text};
  return word<std::string>(
      std::move(shape),
      [text](std::string_view given, Context&) -> Word<std::string> {
        if (given == text) return text;
        return refuse(code::head, fmt::format("'{}' is not '{}'", given, text),
                      fmt::format("write {}", text));
      },
      [text](const std::string&, const Printing&) { return text; });
}

}  // namespace durward::model

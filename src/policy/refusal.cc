// What is refused before anything is looked up: spellings that an upstream might read differently.
#include <algorithm>

#include "base/text.h"
#include "policy/evaluate.h"

namespace durward::policy {
namespace {

constexpr std::size_t k_port_digits_max = 5;
constexpr std::size_t k_method_bytes_max = 32;

bool alnum(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool digit(char c) {
  return c >= '0' && c <= '9';
}

int hex_value(char c) {
  if (digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> refused_byte(unsigned char c) {
  if (c <= 0x20 || c >= 0x7f) return "the path has a raw space, control or non-ASCII byte";
  if (c == '\\') return "the path has a backslash";
  if (c == ';') return "the path has a ';'";
  if (c == '?') return "the path has a '?'";
  if (std::string_view("\"<>^`{|}#[]").find(static_cast<char>(c)) != std::string_view::npos)
    return "the path has a character that no URL path may have";
  return std::nullopt;
}

// UTF-8 that spells a character longer than it has to be, or bytes that no text has: lenient decoders read
// %C0%AE as a dot. `rest` begins at the escape of `byte`.
bool overlong(unsigned char byte, std::string_view rest) {
  if (byte == 0xc0 || byte == 0xc1 || byte >= 0xf5) return true;
  if (byte != 0xe0 && byte != 0xf0) return false;
  const int next = rest.size() > 4 && rest[3] == '%' ? hex_value(rest[4]) : -1;
  return next < (byte == 0xe0 ? 0xa : 0x9) || next > 0xb;
}

std::optional<std::string> refused_escape(std::string_view rest) {
  const int high = rest.size() > 1 ? hex_value(rest[1]) : -1;
  const int low = rest.size() > 2 ? hex_value(rest[2]) : -1;
  if (high < 0 || low < 0) return "the path has a broken % escape";
  const auto byte = static_cast<unsigned char>(high * 16 + low);
  if (byte < 0x20 || byte == 0x7f) return "the path has an encoded control byte";
  if (std::string_view("/\\%;").find(static_cast<char>(byte)) != std::string_view::npos)
    return "the path has an encoded slash, backslash, semicolon or percent sign";
  if (alnum(byte) || std::string_view("-._~").find(static_cast<char>(byte)) != std::string_view::npos)
    return "the path encodes a character that needs no encoding";
  if (overlong(byte, rest)) return "the path has an escape that no UTF-8 text has";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> ambiguous_path(std::string_view path) {
  if (!path.starts_with('/')) return "the path does not begin with '/'";
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto refused =
        path[i] == '%' ? refused_escape(path.substr(i)) : refused_byte(static_cast<unsigned char>(path[i]));
    if (refused) return refused;
  }
  for (std::size_t i = 0; i < path.size();) {
    const std::size_t end = std::min(path.find('/', i + 1), path.size());
    const std::string_view segment = path.substr(i + 1, end - i - 1);
    if (segment == "." || segment == "..") return "the path has a dot segment";
    if (segment.empty() && end != path.size()) return "the path has '//'";
    i = end;
  }
  return std::nullopt;
}

std::optional<std::string> ambiguous_host(std::string_view host) {
  const std::size_t colon = host.find(':');
  const std::string_view name = host.substr(0, colon);
  if (name.empty()) return "there is no host";
  const auto allowed = [](char c) { return alnum(static_cast<unsigned char>(c)) || c == '.' || c == '-'; };
  if (!std::all_of(name.begin(), name.end(), allowed))
    return "the host has a character other than A-Z, a-z, 0-9, '.' and '-'";
  for (const auto& label : split(name.ends_with('.') ? name.substr(0, name.size() - 1) : name, '.'))
    if (label.empty() || label.starts_with('-') || label.ends_with('-')) return "the host is no host name";
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view port = host.substr(colon + 1);
  if (port.empty() || port.size() > k_port_digits_max || !std::all_of(port.begin(), port.end(), digit))
    return "the host's port is not a number";
  return std::nullopt;
}

std::optional<std::string> refused_method(std::string_view method) {
  const auto letter = [](char c) { return alnum(static_cast<unsigned char>(c)) && !digit(c); };
  const auto allowed = [&](char c) { return letter(c) || c == '-'; };
  if (method.empty() || method.size() > k_method_bytes_max || !letter(method.front()) ||
      !std::all_of(method.begin(), method.end(), allowed))
    return "the method is not made of letters and '-'";
  if (method == "CONNECT" || method == "TRACE") return "the method is never passed on";
  return std::nullopt;
}

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::allowed:
      return "allowed";
    case Reason::bad_request:
      return "bad_request";
    case Reason::no_host:
      return "no_host";
    case Reason::no_route:
      return "no_route";
    case Reason::denied_by_rule:
      return "denied_by_rule";
    case Reason::no_rule:
      return "no_rule";
    case Reason::login_required:
      return "login_required";
    case Reason::acr_required:
      return "acr_required";
    case Reason::auth_age_required:
      return "auth_age_required";
  }
  return "";
}

const char* describe(Reason reason) {
  switch (reason) {
    case Reason::allowed:
      return "An allow rule matches, and no deny rule does.";
    case Reason::bad_request:
      return "The request's path, host or method is one that the gateway refuses.";
    case Reason::no_host:
      return "No app serves this host.";
    case Reason::no_route:
      return "No route takes this path and method.";
    case Reason::denied_by_rule:
      return "A deny rule matches.";
    case Reason::no_rule:
      return "No rule allows this.";
    case Reason::login_required:
      return "Nobody is signed in, and someone who is might be allowed.";
    case Reason::acr_required:
      return "A stronger login would be allowed.";
    case Reason::auth_age_required:
      return "A fresh login would be allowed.";
  }
  return "";
}

}  // namespace durward::policy

#include "identity/http.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace durward::identity {
namespace {

constexpr std::size_t url_bytes_max = 2'048;

struct Parts {
  bool https = false;
  std::string host;  // lower case, without brackets
};

bool host_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// The authority of a URL in the narrow grammar that every parser reads alike; nothing when it is not in it.
std::optional<Parts> parse(std::string_view url) {
  if (url.size() > url_bytes_max) return std::nullopt;
  if (!std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f && c != '\\' && c != '#'; })) {
    return std::nullopt;
  }
  Parts parts;
  if (url.starts_with("https://")) {
    parts.https = true;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  const std::string authority = lower_ascii(url.substr(0, url.find_first_of("/?")));
  std::string_view port;
  if (authority.starts_with("[")) {
    const std::size_t end = authority.find(']');
    if (end == std::string::npos) return std::nullopt;
    parts.host = authority.substr(1, end - 1);
    port = std::string_view(authority).substr(end + 1);
    if (parts.host.find_first_not_of("0123456789abcdef:.") != std::string::npos) return std::nullopt;
  } else {
    const std::size_t end = std::min(authority.find(':'), authority.size());
    parts.host = authority.substr(0, end);
    port = std::string_view(authority).substr(end);
    if (!std::ranges::all_of(parts.host, host_byte)) return std::nullopt;
  }
  if (parts.host.empty()) return std::nullopt;
  if (!port.empty()) {
    port.remove_prefix(1);  // ':'; a path cannot follow a bracket without '/', which ended the authority
    if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) {
      return std::nullopt;
    }
  }
  return parts;
}

bool loopback(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" || host == "127.0.0.1";
}

// Addresses (not names) that lead to this machine or to a cloud's metadata service.
bool inward_address(const std::string& host) {
  const bool v4 = host.find_first_not_of("0123456789.") == std::string::npos;
  const bool v6 = host.find(':') != std::string::npos;
  if (v6) return host.starts_with("::") || host.starts_with("fe8") || host.starts_with("fd00:ec2:");
  return v4 && (host.starts_with("127.") || host.starts_with("169.254.") || host.starts_with("0"));
}

}  // namespace

bool allowed_url(std::string_view url) {
  const auto parts = parse(url);
  return parts && (parts->https || loopback(parts->host));
}

bool allowed_endpoint(std::string_view url, std::string_view issuer) {
  const auto parts = parse(url);
  const auto base = parse(issuer);
  if (!parts || !base) return false;
  if (!parts->https) return !base->https && loopback(base->host) && loopback(parts->host);
  return loopback(base->host) || (!loopback(parts->host) && !inward_address(parts->host));
}

}  // namespace durward::identity

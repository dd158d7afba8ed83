// Requests and replies as the handlers see them: plain values, so that a handler is a plain function.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace durward::api {

inline constexpr std::size_t body_bytes_max = 64U << 10;
inline constexpr std::size_t header_bytes_max = 48U << 10;

struct Request {
  std::string method;
  std::string target;                                        // path and query, raw
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;
  std::optional<unsigned> peer_uid;  // of a unix socket's other end

  std::string path() const;   // before '?'
  std::string query() const;  // after '?', or ""
  // The first header of this name; "" when there is none.
  std::string header(std::string_view name) const;
  std::size_t header_count(std::string_view name) const;
  std::string cookie(std::string_view name) const;  // "" when absent or doubled
};

struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

using Handler = std::function<Reply(const Request&)>;

// application/x-www-form-urlencoded. Nothing when malformed or when a name comes twice.
using Form = std::map<std::string, std::string>;
std::optional<Form> parse_form(std::string_view text);

}  // namespace durward::api

// Small text helpers: encodings, splitting, did-you-mean.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace durward {

std::string hex(std::string_view bytes);                             // lower case
std::string base64url(std::string_view bytes);                       // no padding, RFC 4648 §5
std::optional<std::string> base64url_decode(std::string_view text);  // nothing on any bad character
std::string lower_ascii(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);  // "" gives one empty part
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string percent_encode(std::string_view text,
                           std::string_view keep = {});  // keeps A-Za-z0-9-._~ and `keep`
std::optional<std::string> percent_decode(std::string_view text);
std::string html_escape(std::string_view text);

// The candidate nearest to `word` when it is near enough to be a slip, else nothing.
std::optional<std::string> did_you_mean(std::string_view word, const std::vector<std::string>& candidates);
// "did you mean 'x'?" or "one of: a, b, c" (at most eight named), or "" without candidates.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace durward

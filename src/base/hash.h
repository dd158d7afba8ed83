// SHA-256 and comparison in constant time, from OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace durward {

std::string sha256(std::string_view bytes);      // 32 raw bytes
std::string sha256_hex(std::string_view bytes);  // 64 lower-case hex digits
std::string hmac_sha256(std::string_view key, std::string_view bytes);
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace durward

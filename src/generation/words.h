// What several parts of a configuration say alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "generation/generation.h"

namespace durward::generation {

// Paths: '/' and what RFC 3986 leaves unescaped, without ';'; %XX only of bytes that need it and that no
// upstream reads as structure (not unreserved, not '/', '\', '%', ';', '.', no control bytes); no "//", no
// dot segments.
inline constexpr const char* path_pattern =
    "^(?!.*(?://|/\\.\\.?(?:/|$)))/(?:[A-Za-z0-9._~!$&\\x27()*+,=:@/"
    "-]|%(?:2[0-4]|2[6-9A-Ca-c]|3[AaC-Fc-f]|40|5[BbDdEe]|"
    "60|7[B-Db-d]|[89ABDabd][0-9A-Fa-f]|[Cc][2-9A-Fa-f]|[Ee](?:0(?=%[ABab])|[1-9A-Fa-f])|"
    "[Ff](?:0(?=%[9ABab])|[1-4])))*$";
inline constexpr const char* host_pattern =
    "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\\.?(:[0-9]{1,5})?$";

// No HAProxy that we run in holds more of a body at once (tune.bufsize: 16 KiB unless its operator raised
// it).
inline constexpr std::uint64_t buffer_bytes_max = 1ULL << 20;

std::string quoted(std::string_view text);  // in single quotes; holds none
std::string runtime_map(const Platform& platform,
                        const char* name);                    // as the configuration names a mutable map
std::string trusted_networks(const model::Gateway& gateway);  // separated by spaces
std::uint64_t largest_body(const model::Model& model);        // that any route may take

}  // namespace durward::generation

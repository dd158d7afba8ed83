// Bounds on an estate. Each ends in MDL043 (or the list's own message), which names it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace durward::model {

constexpr std::size_t apps_max = 20'000;
constexpr std::size_t tree_depth_max = 16;     // directories below the root
constexpr std::size_t routes_max = 1'000'000;  // in the estate
constexpr std::size_t routes_per_app_max = 2'000;
constexpr std::size_t rules_per_app_max = 2'000;
constexpr std::size_t list_items_max = 2'000;  // in a list that has no bound of its own
constexpr std::size_t hosts_per_app_max = 200;
constexpr std::size_t servers_per_upstream_max = 200;
constexpr std::size_t windows_per_rule_max = 32;
constexpr std::size_t sources_per_rule_max = 256;
constexpr std::size_t acr_levels_max = 16;
constexpr std::size_t bundle_bytes_max = 256U << 20;  // all files together

constexpr std::size_t text_bytes_max = 1'024;
constexpr std::size_t path_bytes_max = 1'024;
constexpr std::size_t path_segments_max = 32;
constexpr std::size_t path_parameters_max = 8;
constexpr std::size_t method_bytes_max = 32;

// HAProxy keeps times as 31 bits of milliseconds: 24 days is the longest round value that fits.
constexpr std::chrono::hours time_max{24 * 24};
constexpr std::uint64_t body_bytes_max = 1ULL << 40;

}  // namespace durward::model

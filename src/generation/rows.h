// How facts, sessions and switches are spelt as rows of HAProxy's maps and tables. The configuration that
// reads them is written by config.cc; the two change together.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "policy/compile.h"

namespace durward::generation {

// File names of the mutable maps, inside Platform::runtime.
inline constexpr const char* verdicts_map = "verdicts.map";      // class and policy token -> verdict
inline constexpr const char* identities_map = "identities.map";  // session key -> who, for upstreams
inline constexpr const char* slots_map = "slots.map";            // policy -> slots of its windows
inline constexpr const char* switches_map = "switches.map";      // lease, gate, generation
inline constexpr const char* sessions_map =
    "sessions.map";  // session key -> row, only while a new worker is filled
inline constexpr const char* runtime_maps[] = {verdicts_map, identities_map, slots_map, switches_map,
                                               sessions_map};

// Stick tables: SECTION/NAME, since they stand in a `peers` section (config.cc says why).
inline constexpr const char* tables_section = "durward";
inline constexpr const char* sessions_table = "durward/sessions_";  // + table letter
inline constexpr const char* streams_table = "durward/streams";
inline constexpr const char* sequence_table = "durward/sequence";
inline constexpr const char* access_ring = "durward_access";

// The first field of a route row: how it is judged, then the policy's hash.
//   p plain · w by window · s by source · x by both · o open to anyone · c CORS preflight
std::string policy_token(const policy::Policy& policy);
// The token in one slice: policy_token, then ".WINDOWS" in hex and "/CELL" where the policy has them.
std::string slice_token(const policy::Policy& policy, const policy::Slice& slice);

// class_id: as in the session row; 0 is the anonymous class.
std::string verdict_key(std::uint32_t class_id, const policy::Policy& policy, const policy::Slice& slice);
// "A|RULES" allowed · "B|SECONDS|RULES" allowed while authenticated at most so long ago · "D|RULES" denied by
// rule · "U|ACR|SECONDS" a stronger or fresher login would do ('-' = not needed) · "L|-" a login might do.
// Which rules match may depend on how long ago the subject authenticated: then "VALUE~SECONDS~VALUE…", the
// first value up to so many seconds, the second from there to the next bound; '-' = default deny.
std::string verdict_value(const policy::Fact& fact, const model::Gateway& gateway);

inline constexpr std::size_t rules_named_max = 256;  // of one verdict; more would not fit into the log
inline constexpr unsigned verdict_stages_max = 8;    // beyond it some rules that match are not named
// The most bounds that a verdict about this policy has.
unsigned verdict_stages(const policy::Policy& policy);

// "BITS|END|BITS|END": the slot in force and the next one, ends in Unix seconds.
std::string slot_value(const policy::Policy& policy, std::chrono::sys_seconds at);

}  // namespace durward::generation

// HAProxy's Runtime API, as text: commands, and the closed list of replies to each.
//
// Every command is at most command_bytes_max long: one of exactly 16 384 bytes kills HAProxy 2.6. Keys hold
// no white space, values no line end, neither is empty; the builders assert it, since what reaches them was
// validated upstream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "generation/generation.h"

namespace durward::dataplane {

inline constexpr std::size_t command_bytes_max = 15'000;

struct SessionRow {
  std::string key;
  char table = 'a';
  std::uint32_t class_id = 0;
  std::int64_t end = 0;        // Unix seconds
  std::int64_t auth_time = 0;  // Unix seconds; 0 = unknown, which is too old for any bound
  bool operator==(const SessionRow&) const = default;
};

namespace command {
std::string set_session(const SessionRow& row);
// A row that an open stream tracks cannot be removed, so a session is ended by what its row says.
std::string end_session(char table, const std::string& key);
std::string clear_session(char table, const std::string& key);
std::string show_table(const std::string& table);
std::string prepare(const std::string& map);
// One command for as many rows as fit; `next` is moved past them. `version` 0 = the current one. Empty when
// not even one row fits.
std::string add_rows(const std::string& map, unsigned version, const generation::Rows& rows,
                     std::size_t& next);
std::string add_row(const std::string& map, const std::string& key,
                    const std::string& value);  // beside what is there
std::string commit(const std::string& map, unsigned version);
std::string set_row(const std::string& map, const std::string& key, const std::string& value);
std::string del_row(const std::string& map, const std::string& key);
std::string get_row(const std::string& map, const std::string& key);
std::string set_certificate(const std::string& file, std::string_view pem);  // without empty lines
std::string shutdown_stream(const std::string& pointer);
std::string follow_ring(const std::string& ring);  // each line in it, and each that comes, until we hang up
}  // namespace command

// Replies. Anything not on the list is DAT010, "unknown state": the caller resyncs.
Status expect_empty(std::string_view reply);
Status expect_cleared(std::string_view reply);                        // of clear_session; "in use" will do
Result<unsigned> read_version(std::string_view reply);                // of prepare
Result<std::optional<std::string>> read_row(std::string_view reply);  // of get_row; nothing = not there
Result<bool> read_changed(std::string_view reply);  // of set_row and del_row: false = the key was not there
struct TableRow {
  std::string key;
  unsigned long use = 0;
};
Result<std::vector<TableRow>> read_table(std::string_view reply);
struct Stream {
  std::string pointer;
  std::uint64_t id = 0;  // what %rt logs and what the streams table names
};
std::vector<Stream> read_streams(std::string_view reply);  // of "show sess all"
std::vector<std::string> read_stream_pointers(
    std::string_view reply);  // of "show sess", which has no numbers
// Pointers of those that carry a ring to its reader; likewise.
std::vector<std::string> read_ring_streams(std::string_view reply, const std::string& ring);
struct Processes {
  int master = 0;
  int worker = 0;  // 0 = none
  std::vector<int> old_workers;
  int failed_reloads = 0;  // since the last that worked
};
Result<Processes> read_processes(std::string_view reply);  // of "show proc"
Result<int> read_pid(std::string_view reply);              // of "show info"
// Likewise: it is ending and has no client's connection left. No reply: it has ended.
bool read_drained(std::string_view reply);

}  // namespace durward::dataplane

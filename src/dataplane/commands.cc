#include "dataplane/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "base/text.h"
#include "generation/rows.h"

namespace durward::dataplane {
namespace {

bool plain_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool plain_value(std::string_view value) {
  return !value.empty() && value.find('\n') == std::string_view::npos &&
         value.find('\r') == std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  while (!text.empty() && (text.front() == '\n' || text.front() == ' ')) text.remove_prefix(1);
  return text;
}

auto unknown(std::string_view what, std::string_view reply) {
  return fail("DAT010", fmt::format("HAProxy answered {} with something unexpected: {}", what,
                                    percent_encode(trimmed(reply).substr(0, 200), " :.'/")));
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "… name=VALUE …" in a line.
std::optional<std::string_view> field(std::string_view line, std::string_view name) {
  const auto at = line.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + name.size());
  return line.substr(0, line.find_first_of(" ,\n"));
}

// The stream that a line begins with, up to `end`. It goes into a command: nothing but a number may.
std::optional<std::string> pointer_at(const std::string& line, std::string_view end) {
  const auto at = line.find(end);
  if (!line.starts_with("0x") || at == std::string::npos ||
      line.find_first_not_of("0123456789abcdef", 2) != at)
    return std::nullopt;
  return line.substr(0, at);
}

}  // namespace

namespace command {

std::string set_session(const SessionRow& row) {
  assert(plain_key(row.key));
  return fmt::format("set table {}{} key {} data.gpt0 {} data.gpc0 {} data.gpc1 {}",
                     generation::sessions_table, row.table, row.key, row.class_id, row.end, row.auth_time);
}

std::string end_session(char table, const std::string& key) {
  return set_session({.key = key, .table = table, .class_id = 0, .end = 0, .auth_time = 0});
}

std::string clear_session(char table, const std::string& key) {
  assert(plain_key(key));
  return fmt::format("clear table {}{} key {}", generation::sessions_table, table, key);
}

std::string show_table(const std::string& table) {
  return "show table " + table;
}
std::string prepare(const std::string& map) {
  return "prepare map " + map;
}
std::string commit(const std::string& map, unsigned version) {
  return fmt::format("commit map @{} {}", version, map);
}

std::string add_rows(const std::string& map, unsigned version, const generation::Rows& rows,
                     std::size_t& next) {
  std::string out =
      version > 0 ? fmt::format("add map @{} {} <<\n", version, map) : fmt::format("add map {} <<\n", map);
  const std::size_t first = next;
  for (; next < rows.size(); ++next) {
    const auto& [key, value] = rows[next];
    assert(plain_key(key) && plain_value(value));
    // The empty line that ends the payload is part of the command too.
    if (out.size() + key.size() + value.size() + 3 > command_bytes_max) break;
    out += key;
    out += ' ';
    out += value;
    out += '\n';
  }
  return next > first ? out : std::string();
}

std::string add_row(const std::string& map, const std::string& key, const std::string& value) {
  assert(plain_key(key) && plain_value(value));
  return fmt::format("add map {} {} {}", map, key, value);
}

std::string set_row(const std::string& map, const std::string& key, const std::string& value) {
  assert(plain_key(key) && plain_value(value));
  return fmt::format("set map {} {} {}", map, key, value);
}

std::string del_row(const std::string& map, const std::string& key) {
  assert(plain_key(key));
  return fmt::format("del map {} {}", map, key);
}

std::string get_row(const std::string& map, const std::string& key) {
  assert(plain_key(key));
  return fmt::format("get map {} {}", map, key);
}

std::string set_certificate(const std::string& file, std::string_view pem) {
  assert(pem.find("\n\n") == std::string_view::npos);
  std::string out = fmt::format("set ssl cert {} <<\n{}", file, pem);
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

std::string shutdown_stream(const std::string& pointer) {
  return "shutdown session " + pointer;
}

std::string follow_ring(const std::string& ring) {
  return fmt::format("show events {} -w", ring);
}

}  // namespace command

Status expect_empty(std::string_view reply) {
  if (trimmed(reply).empty()) return {};
  return unknown("a change", reply);
}

Status expect_cleared(std::string_view reply) {
  if (trimmed(reply) == "Entry currently in use, cannot remove") return {};
  return expect_empty(reply);
}

Result<unsigned> read_version(std::string_view reply) {
  constexpr std::string_view words = "New version created: ";
  const std::string_view text = trimmed(reply);
  if (text.starts_with(words))
    if (const auto version = number<unsigned>(text.substr(words.size()))) return *version;
  return unknown("'prepare map'", reply);
}

Result<std::optional<std::string>> read_row(std::string_view reply) {
  const std::string_view text = trimmed(reply);
  if (text.find("found=no") != std::string_view::npos) return std::nullopt;
  constexpr std::string_view words = ", value=\"";
  const auto at = text.find(words);
  const auto end = text.find("\", type=", at == std::string_view::npos ? 0 : at);
  if (text.find("found=yes") == std::string_view::npos || at == std::string_view::npos ||
      end == std::string_view::npos)
    return unknown("'get map'", reply);
  return std::string(text.substr(at + words.size(), end - at - words.size()));
}

Result<bool> read_changed(std::string_view reply) {
  const std::string_view text = trimmed(reply);
  if (text.empty()) return true;
  if (text == "Key not found." || text == "entry not found.") return false;
  return unknown("a change of a row", reply);
}

Result<std::vector<TableRow>> read_table(std::string_view reply) {
  std::vector<TableRow> out;
  const std::string_view text = trimmed(reply);
  if (!text.starts_with("# table:")) return unknown("'show table'", reply);
  for (const auto& line : split(text, '\n')) {
    const auto key = field(line, "key=");
    const auto use = field(line, "use=");
    if (!key || !use) continue;
    out.push_back({std::string(*key), number<unsigned long>(*use).value_or(0)});
  }
  return out;
}

std::vector<Stream> read_streams(std::string_view reply) {
  std::vector<Stream> out;
  for (const auto& line : split(reply, '\n')) {
    // "0x55…: [23/Nov/2026:00:39:02.969687] id=7 proto=…"
    const auto pointer = pointer_at(line, ": [");
    const auto id = field(line, " id=");
    if (!pointer || !id) continue;
    if (const auto value = number<std::uint64_t>(*id)) out.push_back({*pointer, *value});
  }
  return out;
}

std::vector<std::string> read_stream_pointers(std::string_view reply) {
  std::vector<std::string> out;
  for (const auto& line : split(reply, '\n'))
    if (auto pointer = pointer_at(line, ": ")) out.push_back(std::move(*pointer));
  return out;
}

std::vector<std::string> read_ring_streams(std::string_view reply, const std::string& ring) {
  std::vector<std::string> out;
  std::string pointer;
  for (const auto& line : split(reply, '\n')) {
    if (const auto stream = read_streams(line); !stream.empty()) pointer = stream.front().pointer;
    if (line.starts_with(fmt::format("  frontend={} ", ring)) && !pointer.empty())
      out.push_back(std::exchange(pointer, {}));
  }
  return out;
}

bool read_drained(std::string_view reply) {
  bool stopping = false, idle = false;
  for (const auto& line : split(reply, '\n')) {
    stopping = stopping || line == "Stopping: 1";
    idle = idle || line == "CurrConns: 0";
  }
  return trimmed(reply).empty() || (stopping && idle);
}

Result<Processes> read_processes(std::string_view reply) {
  Processes out;
  bool old = false;
  for (const auto& line : split(reply, '\n')) {
    if (line.starts_with("# old workers")) old = true;
    if (line.starts_with("# programs")) break;
    if (line.empty() || line.front() == '#') continue;
    const auto pid = number<int>(std::string_view(line).substr(0, line.find(' ')));
    if (!pid || *pid <= 0) continue;
    if (line.find("master") != std::string::npos) {
      out.master = *pid;
      const auto failed = line.find("[failed: ");
      if (failed != std::string::npos) out.failed_reloads = std::max(0, std::atoi(line.c_str() + failed + 9));
    } else if (line.find("worker") != std::string::npos)
      old ? out.old_workers.push_back(*pid) : void(out.worker = *pid);
  }
  if (out.master == 0) return unknown("'show proc'", reply);
  return out;
}

Result<int> read_pid(std::string_view reply) {
  for (const auto& line : split(reply, '\n'))
    if (line.starts_with("Pid: "))
      if (const auto pid = number<int>(std::string_view(line).substr(5)); pid && *pid > 0) return *pid;
  return unknown("'show info'", reply);
}

}  // namespace durward::dataplane

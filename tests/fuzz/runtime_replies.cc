// What HAProxy answers on its Runtime API: anything that is not on the closed list of replies is an error,
// never a guess.
#include <algorithm>
#include <cctype>

#include "dataplane/commands.h"
#include "dataplane/haproxy.h"
#include "fuzz.h"

namespace durward::dataplane {
namespace {

using fuzz::require;

bool named(const Error& error) {
  return !error.code.empty() && !error.message.empty() && error.message.size() < 1'000;
}

template <class T>
void judged(const Result<T>& result) {
  require(result || named(result.error()));
}

bool has_digit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

void check_values(std::string_view reply) {
  judged(expect_empty(reply));
  judged(expect_cleared(reply));
  judged(read_row(reply));
  judged(read_changed(reply));
  const auto version = read_version(reply);
  judged(version);
  require(!version || has_digit(reply));
  const auto pid = read_pid(reply);
  judged(pid);
  require(!pid || (*pid > 0 && has_digit(reply)));
}

void check_lists(std::string_view reply) {
  const auto table = read_table(reply);
  judged(table);
  if (table)
    for (const TableRow& row : *table)
      require(!row.key.empty() && reply.find(row.key) != std::string_view::npos);
  for (const Stream& stream : read_streams(reply))
    require(!stream.pointer.empty() && fuzz::one_line(stream.pointer) &&
            stream.pointer.find_first_of(" ;") == std::string::npos);
  const auto processes = read_processes(reply);
  judged(processes);
  if (processes) {
    require(processes->master >= 0 && processes->worker >= 0 && processes->failed_reloads >= 0);
    for (const int pid : processes->old_workers) require(pid > 0);
  }
}

}  // namespace
}  // namespace durward::dataplane

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reply = durward::fuzz::text_of(data, size);
  durward::dataplane::check_values(reply);
  durward::dataplane::check_lists(reply);
  return 0;
}

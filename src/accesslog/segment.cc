#include "accesslog/segment.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "accesslog/number.h"
#include "base/text.h"
#include "sys/file_store.h"

namespace durward::accesslog {
namespace {

constexpr std::string_view prefix = "access-";
constexpr std::string_view suffix = ".log";

struct EventWord {
  std::string_view word;
  std::size_t numbers = 0;
};
// In the order of Event::Kind.
constexpr std::array<EventWord, 13> event_words{{
    {"start", 1},
    {"stop", 0},
    {"hole", 3},
    {"late", 2},
    {"duplicate", 2},
    {"restart", 2},
    {"gone", 2},
    {"end", 2},
    {"position", 2},
    {"garbled", 1},
    {"dropped", 1},
    {"damage", 3},
    {"removed", 1},
}};
static_assert(event_words.size() == static_cast<std::size_t>(Event::Kind::removed) + 1);

// "20300101T000000Z"
std::optional<std::chrono::sys_seconds> parse_start(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  const bool numbers = to_number(text.substr(0, 4), year) && to_number(text.substr(4, 2), month) &&
                       to_number(text.substr(6, 2), day) && to_number(text.substr(9, 2), hour) &&
                       to_number(text.substr(11, 2), minute) && to_number(text.substr(13, 2), second);
  const auto date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  if (!numbers || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace

std::string segment_file(const SegmentName& name) {
  const std::tm utc = fmt::gmtime(std::chrono::system_clock::to_time_t(name.started));
  return fmt::format("{}{:%Y%m%dT%H%M%SZ}-{:08}{}", prefix, utc, name.number, suffix);
}

std::optional<SegmentName> parse_segment_file(std::string_view file) {
  if (!file.starts_with(prefix) || !file.ends_with(suffix)) return std::nullopt;
  file.remove_prefix(prefix.size());
  file.remove_suffix(suffix.size());
  const std::size_t dash = file.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto started = parse_start(file.substr(0, dash));
  SegmentName name;
  if (!started || !to_number(file.substr(dash + 1), name.number) || name.number == 0) return std::nullopt;
  name.started = *started;
  return name;
}

Result<std::vector<SegmentName>> list_segments(const std::string& directory) {
  const auto files = sys::list_files(directory);
  if (!files) return tl::unexpected(files.error());
  std::vector<SegmentName> names;
  for (const std::string& file : *files) {
    if (const auto name = parse_segment_file(file)) names.push_back(*name);
  }
  std::ranges::sort(names);
  return names;
}

std::string event_text(const Event& event) {
  std::string text(event_words[static_cast<std::size_t>(event.kind)].word);
  for (const std::uint64_t number : event.numbers) text += fmt::format(" {}", number);
  return text;
}

std::optional<Event> parse_event(std::string_view text) {
  const std::vector<std::string> parts = split(text, ' ');
  const auto found = std::ranges::find(event_words, std::string_view(parts[0]), &EventWord::word);
  if (found == event_words.end() || parts.size() != found->numbers + 1) return std::nullopt;
  Event event{static_cast<Event::Kind>(found - event_words.begin()), {}};
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (!to_number(std::string_view(parts[i]), event.numbers.emplace_back())) return std::nullopt;
  }
  return event;
}

Event to_event(const SequenceReport& report) {
  switch (report.kind) {
    case SequenceReport::Kind::hole:
      return {Event::Kind::hole, {report.pid, report.first, report.last}};
    case SequenceReport::Kind::late:
      return {Event::Kind::late, {report.pid, report.first}};
    case SequenceReport::Kind::duplicate:
      return {Event::Kind::duplicate, {report.pid, report.first}};
    case SequenceReport::Kind::gone:
      return {Event::Kind::gone, {report.pid, report.last}};
    case SequenceReport::Kind::restart:
      return {Event::Kind::restart, {report.pid, report.last}};
  }
  return {};
}

}  // namespace durward::accesslog

// Weekly windows: "Mon-Fri 07:00-19:00 Europe/Berlin".
#include <date/tz.h>

#include <algorithm>
#include <array>
#include <bit>

#include "model/words.h"

namespace durward::model {
namespace {

constexpr std::array<std::string_view, 7> day_names{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr int minutes_of_day = 24 * 60;
constexpr const char* form = "write DAYS HH:MM-HH:MM ZONE, as in Mon-Fri 07:00-19:00 Europe/Berlin";

struct Piece {
  std::string_view text;
  std::size_t offset = 0;
};

tl::unexpected<Problem> bad(const Piece& piece, std::string message, std::string hint = form) {
  return refuse(code::window, std::move(message), std::move(hint), piece.offset, piece.text.size());
}

std::vector<Piece> cut(const Piece& piece, char separator) {
  std::vector<Piece> out;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = std::min(piece.text.find(separator, begin), piece.text.size());
    out.push_back({piece.text.substr(begin, end - begin), piece.offset + begin});
    if (end == piece.text.size()) return out;
    begin = end + 1;
  }
}

Word<unsigned> parse_day(const Piece& piece) {
  const auto found = std::find(day_names.begin(), day_names.end(), piece.text);
  if (found != day_names.end()) return static_cast<unsigned>(found - day_names.begin());
  const std::string given = lower_ascii(piece.text.substr(0, 3));
  for (const auto day : day_names)
    if (lower_ascii(day) == given)
      return bad(piece, fmt::format("'{}' is not a day", piece.text), fmt::format("write {}", day));
  return bad(piece, fmt::format("'{}' is not a day", piece.text),
             "one of: Mon, Tue, Wed, Thu, Fri, Sat, Sun");
}

Word<std::uint8_t> parse_range(const Piece& piece, const std::vector<Piece>& ends) {
  const auto first = parse_day(ends[0]);
  if (!first) return tl::unexpected(first.error());
  const auto last = parse_day(ends[1]);
  if (!last) return tl::unexpected(last.error());
  if (*first == *last)
    return bad(piece, fmt::format("'{}' could be one day or a week", piece.text),
               fmt::format("write {} or Mon-Sun", day_names[*first]));
  unsigned mask = 0;
  for (unsigned day = *first;; day = (day + 1) % 7) {
    mask |= 1U << day;
    if (day == *last) return static_cast<std::uint8_t>(mask);
  }
}

Word<std::uint8_t> parse_days(const Piece& piece) {
  const auto range = cut(piece, '-');
  if (range.size() == 2 && piece.text.find(',') == std::string_view::npos) return parse_range(piece, range);
  unsigned mask = 0;
  for (const Piece& part : cut(piece, ',')) {
    if (part.text.find('-') != std::string_view::npos)
      return bad(part, "a range does not stand in a list of days",
                 "name each day, or give a list of windows");
    const auto day = parse_day(part);
    if (!day) return tl::unexpected(day.error());
    if ((mask >> *day & 1U) != 0)
      return bad(part, fmt::format("'{}' is listed twice", part.text), "name it once");
    mask |= 1U << *day;
  }
  return static_cast<std::uint8_t>(mask);
}

Word<int> parse_time(const Piece& piece) {
  const std::string_view t = piece.text;
  const auto digit = [&](std::size_t i) { return t[i] >= '0' && t[i] <= '9'; };
  if (t.size() != 5 || t[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4))
    return bad(piece, fmt::format("'{}' is not a time", t), "write HH:MM, as in 07:00");
  const int hour = (t[0] - '0') * 10 + (t[1] - '0');
  const int minute = (t[3] - '0') * 10 + (t[4] - '0');
  if (minute > 59 || hour * 60 + minute > minutes_of_day)
    return bad(piece, fmt::format("there is no time '{}'", t), "00:00 to 24:00");
  return hour * 60 + minute;
}

std::optional<Problem> parse_times(const Piece& piece, WeeklyWindow& window) {
  const auto ends = cut(piece, '-');
  if (ends.size() != 2) return bad(piece, fmt::format("'{}' is not a span of time", piece.text)).value();
  const auto start = parse_time(ends[0]);
  if (!start) return start.error();
  const auto end = parse_time(ends[1]);
  if (!end) return end.error();
  if (*start == minutes_of_day) return bad(ends[0], "24:00 can only end a window", "write 00:00").value();
  if (*start == *end)
    return bad(piece, "the window ends where it begins", "write 00:00-24:00 for the whole day").value();
  window.start_minute = static_cast<std::uint16_t>(*start);
  // An end at midnight has one spelling in the model.
  window.end_minute = static_cast<std::uint16_t>(*end == 0 ? minutes_of_day : *end);
  return std::nullopt;
}

std::string time_text(unsigned minute) {
  return fmt::format("{:02}:{:02}", minute / 60, minute % 60);
}

std::vector<std::string> zone_names() {
  std::vector<std::string> names;
  try {
    for (const auto& zone : date::get_tzdb().zones)
      if (known_zone(zone.name())) names.push_back(zone.name());
  } catch (const std::exception&) {
    // No tzdata: there is nothing to suggest, and every zone is unknown.
  }
  return names;
}

std::string zone_hint(std::string_view zone) {
  const auto near = did_you_mean(zone, zone_names());
  return near ? fmt::format("did you mean '{}'?", *near)
              : "use a name of the tz database, as in Europe/Berlin";
}

}  // namespace

bool known_zone(const std::string& name) {
  // These differ from machine to machine, or are second copies with leap seconds.
  for (const std::string_view local : {"localtime", "posixrules", "Factory"})
    if (name == local) return false;
  if (name.starts_with("posix/") || name.starts_with("right/")) return false;
  try {
    return date::locate_zone(name) != nullptr;
  } catch (const std::exception&) {
    return false;
  }
}

Word<WeeklyWindow> parse_window(std::string_view text) {
  const auto parts = cut({text, 0}, ' ');
  if (parts.size() != 3) return refuse(code::window, fmt::format("'{}' is not a weekly window", text), form);
  WeeklyWindow window;
  const auto days = parse_days(parts[0]);
  if (!days) return tl::unexpected(days.error());
  window.days = *days;
  if (auto problem = parse_times(parts[1], window)) return tl::unexpected(std::move(*problem));
  window.zone = parts[2].text;
  if (!known_zone(window.zone))
    return bad(parts[2], fmt::format("unknown time zone '{}'", window.zone), zone_hint(window.zone));
  return window;
}

std::string print_window(const WeeklyWindow& window) {
  const unsigned mask = window.days;
  std::string days;
  // A run that wraps prints as a range; so does the whole week.
  for (unsigned first = 0; first < 7 && days.empty(); ++first) {
    const auto count = static_cast<unsigned>(std::popcount(mask));
    unsigned run = 0;
    while (run < 7 && (mask >> ((first + run) % 7) & 1U) != 0) ++run;
    if (count > 1 && run == count)
      days = fmt::format("{}-{}", day_names[first], day_names[(first + run - 1) % 7]);
  }
  if (days.empty())
    for (unsigned day = 0; day < 7; ++day)
      if ((mask >> day & 1U) != 0) days += fmt::format("{}{}", days.empty() ? "" : ",", day_names[day]);
  return fmt::format("{} {}-{} {}", days, time_text(window.start_minute), time_text(window.end_minute),
                     window.zone);
}

const Codec<WeeklyWindow>& window_word() {
  static const Codec<WeeklyWindow> codec = [] {
    Shape shape;
    shape.what = "a weekly window such as Mon-Fri 07:00-19:00 Europe/Berlin";
    shape.pattern = R"(^[A-Z][a-z]{2}([,-][A-Z][a-z]{2})* \d\d:\d\d-\d\d:\d\d \S+$)";
    shape.environment = true;
    return word<WeeklyWindow>(
        std::move(shape), [](std::string_view text, Context&) { return parse_window(text); },
        [](const WeeklyWindow& window, const Printing&) { return print_window(window); });
  }();
  return codec;
}

}  // namespace durward::model

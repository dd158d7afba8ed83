#include "policy/window.h"

#include <date/tz.h>

#include <algorithm>
#include <exception>
#include <fstream>

namespace durward::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr seconds k_day = hours(24);
constexpr seconds k_horizon = 8 * k_day;  // a week, and the day a zone may skip

// The library ends the last period of a zone in the year 32767.
constexpr sys_seconds k_last_shift{seconds(900'000'000'000)};
constexpr unsigned k_minutes_per_day = 24 * 60;

seconds midnight_before(seconds local) {
  return std::chrono::floor<std::chrono::days>(local);
}

const date::time_zone* zone_of(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

// The window at a local time, given as seconds after 1970-01-01 00:00 on that clock.
bool holds_at(const model::WeeklyWindow& window, seconds local) {
  const seconds since_monday = local + 3 * k_day;  // 1970-01-01 was a Thursday
  const auto minute = std::chrono::floor<minutes>(since_monday).count();
  const auto week = static_cast<std::int64_t>(minutes_per_week);
  return contains_minute(window, static_cast<unsigned>((minute % week + week) % week));
}

// The least local time after `local` and at most `limit` at which holds_at() differs from `now`; `limit` if
// none.
seconds next_flip(const model::WeeklyWindow& window, seconds local, seconds limit, bool now) {
  const seconds low = minutes(std::min(window.start_minute, window.end_minute));
  const seconds high = minutes(std::max(window.start_minute, window.end_minute));
  for (seconds day = midnight_before(local); day < limit; day += k_day) {
    for (const seconds boundary : {day + low, day + high}) {
      if (boundary > local && boundary < limit && holds_at(window, boundary) != now) return boundary;
    }
  }
  return limit;
}

}  // namespace

// Offsets decide only which local times exist; whether the window holds is a matter of the local time alone.
bool contains_minute(const model::WeeklyWindow& window, unsigned minute) {
  const unsigned weekday = minute / k_minutes_per_day;
  const unsigned of_day = minute % k_minutes_per_day;
  const bool begins_today = (window.days >> weekday & 1U) != 0;
  if (window.start_minute < window.end_minute)
    return begins_today && window.start_minute <= of_day && of_day < window.end_minute;
  const bool began_yesterday = (window.days >> (weekday + 6) % 7 & 1U) != 0;
  return (begins_today && window.start_minute <= of_day) || (began_yesterday && of_day < window.end_minute);
}

bool contains(const model::WeeklyWindow& window, sys_seconds at) {
  const date::time_zone* zone = zone_of(window.zone);
  return zone != nullptr && holds_at(window, at.time_since_epoch() + zone->get_info(at).offset);
}

sys_seconds next_change(const model::WeeklyWindow& window, sys_seconds at) {
  const sys_seconds horizon = at + k_horizon;
  const date::time_zone* zone = zone_of(window.zone);
  if (zone == nullptr) return horizon;

  date::sys_info info = zone->get_info(at);
  const bool now = holds_at(window, at.time_since_epoch() + info.offset);
  for (sys_seconds from = at;;) {
    // Within one period of constant offset local time runs evenly, so a flip of wall time is a flip of real
    // time.
    const sys_seconds limit = std::min<sys_seconds>(info.end, horizon);
    const seconds flip =
        next_flip(window, from.time_since_epoch() + info.offset, limit.time_since_epoch() + info.offset, now);
    const sys_seconds change{flip - info.offset};
    if (change < limit || limit == horizon) return change;
    // The clocks change here: the local time may jump into the window, or out of it.
    from = limit;
    info = zone->get_info(from);
    if (holds_at(window, from.time_since_epoch() + info.offset) != now) return from;
  }
}

sys_seconds next_shift(const std::string& name, sys_seconds at) {
  const date::time_zone* zone = zone_of(name);
  if (zone == nullptr) return sys_seconds::max();
  const seconds offset = zone->get_info(at).offset;
  for (date::sys_info info = zone->get_info(at); info.end > at; info = zone->get_info(info.end)) {
    if (info.end >= k_last_shift) break;
    if (zone->get_info(info.end).offset != offset) return info.end;
  }
  return sys_seconds::max();
}

bool known_zone(const std::string& name) {
  return zone_of(name) != nullptr;
}

std::string tzdata_version() {
  // The library reads compiled zones, which carry no version; the text edition beside them opens with one.
  std::ifstream text("/usr/share/zoneinfo/tzdata.zi");
  for (std::string word; text.good() && word != "version";) text >> word;
  std::string version;
  if (text >> version) return version;
  std::ifstream plain("/usr/share/zoneinfo/+VERSION");
  if (plain >> version) return version;
  return "unknown";
}

}  // namespace durward::policy

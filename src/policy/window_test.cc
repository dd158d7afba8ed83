// Proves: weekly windows follow local wall time: half-open, across midnight and across the week's end,
// through skipped and repeated hours, in zones that shift by half an hour; and next_change is exact to the
// second.
#include "policy/window.h"

#include <date/tz.h>
#include <gtest/gtest.h>

#include <random>

#include "testing/model_builder.h"

namespace durward::policy {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using testing::window;

constexpr std::uint8_t k_monday = 1, k_saturday = 1U << 5, k_sunday = 1U << 6;

// "2026-03-29 01:00:00" in UTC.
sys_seconds utc(const char* text) {
  std::istringstream in(text);
  date::sys_seconds out;
  in >> date::parse("%F %T", out);
  EXPECT_FALSE(in.fail()) << text;
  return out;
}

std::string print(sys_seconds at) {
  return date::format("%F %T", at);
}

struct Row {
  const char* name;
  model::WeeklyWindow window;
  const char* at;  // UTC
  bool holds;
  const char* next;  // UTC
};

std::string name_of(const ::testing::TestParamInfo<Row>& row) {
  return row.param.name;
}

class Windows : public ::testing::TestWithParam<Row> {};

TEST_P(Windows, HoldsAndChanges) {
  const Row& row = GetParam();
  EXPECT_EQ(contains(row.window, utc(row.at)), row.holds);
  EXPECT_EQ(print(next_change(row.window, utc(row.at))), row.next);
}

const model::WeeklyWindow k_office = window(testing::monday_to_friday, 9 * 60, 17 * 60, "UTC");
const model::WeeklyWindow k_night = window(testing::every_day, 22 * 60, 6 * 60, "UTC");
const model::WeeklyWindow k_sunday_night = window(k_sunday, 22 * 60, 6 * 60, "UTC");
const model::WeeklyWindow k_all_sunday = window(k_sunday, 0, 1440, "UTC");
const model::WeeklyWindow k_always = window(testing::every_day, 0, 1440, "Europe/Berlin");

// 2026-06-01 is a Monday.
INSTANTIATE_TEST_SUITE_P(
    WithoutShifts, Windows,
    ::testing::Values(
        Row{"before", k_office, "2026-06-01 08:59:59", false, "2026-06-01 09:00:00"},
        Row{"start", k_office, "2026-06-01 09:00:00", true, "2026-06-01 17:00:00"},
        Row{"lastSecond", k_office, "2026-06-01 16:59:59", true, "2026-06-01 17:00:00"},
        Row{"endIsOutside", k_office, "2026-06-01 17:00:00", false, "2026-06-02 09:00:00"},
        Row{"overTheWeekend", k_office, "2026-06-05 17:00:00", false, "2026-06-08 09:00:00"},
        Row{"beforeMidnight", k_night, "2026-06-01 23:59:59", true, "2026-06-02 06:00:00"},
        Row{"afterMidnight", k_night, "2026-06-02 00:00:00", true, "2026-06-02 06:00:00"},
        Row{"morning", k_night, "2026-06-02 06:00:00", false, "2026-06-02 22:00:00"},
        Row{"onlyTheDayItBegins", k_sunday_night, "2026-06-07 05:59:59", false, "2026-06-07 22:00:00"},
        Row{"runsIntoMonday", k_sunday_night, "2026-06-08 05:59:59", true, "2026-06-08 06:00:00"},
        Row{"aWholeWeekOff", k_sunday_night, "2026-06-08 06:00:00", false, "2026-06-14 22:00:00"},
        Row{"toMidnight", k_all_sunday, "2026-06-07 12:00:00", true, "2026-06-08 00:00:00"},
        Row{"midnightIsMonday", k_all_sunday, "2026-06-08 00:00:00", false, "2026-06-14 00:00:00"},
        Row{"neverChanges", k_always, "2026-06-01 00:00:00", true, "2026-06-09 00:00:00"},
        Row{"neverChangesThroughAShift", k_always, "2026-10-24 00:00:00", true, "2026-11-01 00:00:00"},
        Row{"longAgo", k_office, "1969-12-29 09:00:00", true, "1969-12-29 17:00:00"}),
    name_of);

model::WeeklyWindow berlin(std::uint8_t days, unsigned from, unsigned to) {
  return window(days, from, to, "Europe/Berlin");
}
model::WeeklyWindow new_york(unsigned from, unsigned to) {
  return window(testing::every_day, from, to, "America/New_York");
}
model::WeeklyWindow lord_howe(unsigned from, unsigned to) {
  return window(testing::every_day, from, to, "Australia/Lord_Howe");
}

// Berlin: 2026-03-29 02:00 becomes 03:00 at 01:00 UTC; 2026-10-25 03:00 becomes 02:00 at 01:00 UTC.
INSTANTIATE_TEST_SUITE_P(
    Berlin, Windows,
    ::testing::Values(
        Row{"winterOffset", berlin(k_monday, 540, 1020), "2026-03-23 08:00:00", true, "2026-03-23 16:00:00"},
        Row{"summerOffset", berlin(k_monday, 540, 1020), "2026-03-30 07:00:00", true, "2026-03-30 15:00:00"},
        Row{"overTheShift", berlin(k_monday, 540, 1020), "2026-03-23 16:00:00", false, "2026-03-30 07:00:00"},
        // Inside the skipped hour: it does not exist that day.
        Row{"skippedWhole", berlin(k_sunday, 130, 170), "2026-03-28 12:00:00", false, "2026-04-05 00:10:00"},
        // Begins in the skipped hour: holds from the first instant after it.
        Row{"skippedStart", berlin(k_sunday, 150, 240), "2026-03-29 00:59:59", false, "2026-03-29 01:00:00"},
        Row{"skippedStartHolds", berlin(k_sunday, 150, 240), "2026-03-29 01:00:00", true,
            "2026-03-29 02:00:00"},
        // Ends in the skipped hour: ends when the clock jumps.
        Row{"skippedEnd", berlin(k_sunday, 60, 150), "2026-03-29 00:00:00", true, "2026-03-29 01:00:00"},
        Row{"nightOfTheSkip", berlin(k_saturday, 1320, 360), "2026-03-28 21:00:00", true,
            "2026-03-29 04:00:00"},
        // The hour from 02:00 to 03:00 comes twice.
        Row{"firstPass", berlin(k_sunday, 120, 150), "2026-10-25 00:00:00", true, "2026-10-25 00:30:00"},
        Row{"betweenPasses", berlin(k_sunday, 120, 150), "2026-10-25 00:30:00", false, "2026-10-25 01:00:00"},
        Row{"secondPass", berlin(k_sunday, 120, 150), "2026-10-25 01:00:00", true, "2026-10-25 01:30:00"},
        Row{"wholeRepeatedHour", berlin(k_sunday, 120, 180), "2026-10-25 00:00:00", true,
            "2026-10-25 02:00:00"},
        Row{"endsInRepeated", berlin(k_sunday, 60, 150), "2026-10-24 23:00:00", true, "2026-10-25 00:30:00"},
        Row{"endsInRepeatedAgain", berlin(k_sunday, 60, 150), "2026-10-25 00:30:00", false,
            "2026-10-25 01:00:00"},
        Row{"beginsAtThree", berlin(k_sunday, 180, 240), "2026-10-25 00:59:59", false,
            "2026-10-25 02:00:00"}),
    name_of);

// New York: 2026-03-08 02:00 becomes 03:00 at 07:00 UTC; 2026-11-01 02:00 becomes 01:00 at 06:00 UTC.
INSTANTIATE_TEST_SUITE_P(
    NewYork, Windows,
    ::testing::Values(
        Row{"skipped", new_york(120, 180), "2026-03-07 08:00:00", false, "2026-03-09 06:00:00"},
        Row{"jumpIntoIt", new_york(150, 300), "2026-03-08 06:00:00", false, "2026-03-08 07:00:00"},
        Row{"repeatedFirst", new_york(60, 90), "2026-11-01 05:00:00", true, "2026-11-01 05:30:00"},
        Row{"repeatedSecond", new_york(60, 90), "2026-11-01 05:30:00", false, "2026-11-01 06:00:00"},
        Row{"dayOf25Hours", new_york(0, 720), "2026-11-01 04:00:00", true, "2026-11-01 17:00:00"},
        Row{"dayOf23Hours", new_york(0, 720), "2026-03-08 05:00:00", true, "2026-03-08 16:00:00"}),
    name_of);

// Lord Howe: 2026-04-05 02:00 (+11) becomes 01:30 at 15:00 UTC of the 4th; 2026-10-04 02:00 (+10:30) becomes
// 02:30 at 15:30 UTC of the 3rd.
INSTANTIATE_TEST_SUITE_P(
    LordHowe, Windows,
    ::testing::Values(
        Row{"repeatedHalf", lord_howe(90, 120), "2026-04-04 14:30:00", true, "2026-04-04 15:30:00"},
        Row{"quarterFirst", lord_howe(90, 105), "2026-04-04 14:45:00", false, "2026-04-04 15:00:00"},
        Row{"quarterSecond", lord_howe(90, 105), "2026-04-04 15:00:00", true, "2026-04-04 15:15:00"},
        Row{"skippedHalf", lord_howe(120, 150), "2026-10-03 12:00:00", false, "2026-10-04 15:00:00"},
        Row{"endsInSkipped", lord_howe(60, 135), "2026-10-03 14:30:00", true, "2026-10-03 15:30:00"}),
    name_of);

// Samoa had no 30 December 2011: a window of that Friday did not come.
TEST(Window, ASkippedDayDoesNotExist) {
  const auto friday = window(1U << 4, 540, 600, "Pacific/Apia");
  const sys_seconds thursday = utc("2011-12-29 12:00:00");
  EXPECT_FALSE(contains(friday, thursday));
  EXPECT_EQ(print(next_change(friday, thursday)), "2012-01-05 19:00:00");
}

// The plain reading of the rule, from the library's calendar.
bool by_the_calendar(const model::WeeklyWindow& w, sys_seconds at) {
  const auto local = date::locate_zone(w.zone)->to_local(at);
  const auto day = date::floor<date::days>(local);
  const auto minute = std::chrono::floor<minutes>(local - day).count();
  const auto begins_on = [&](date::local_days d) {
    return (w.days >> (date::weekday(d).iso_encoding() - 1) & 1U) != 0;
  };
  if (w.start_minute < w.end_minute)
    return begins_on(day) && w.start_minute <= minute && minute < w.end_minute;
  return (begins_on(day) && w.start_minute <= minute) ||
         (begins_on(day - date::days(1)) && minute < w.end_minute);
}

TEST(Window, AgreesWithTheCalendarMinuteByMinute) {
  std::mt19937 random(1);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  const char* around[] = {"2026-03-25 00:00:00", "2026-10-20 00:00:00", "2026-03-05 00:00:00",
                          "2026-10-29 00:00:00", "2026-04-01 00:00:00", "2026-09-30 00:00:00"};
  for (const char* zone :
       {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"}) {
    for (const char* start : around) {
      const unsigned from = below(1440);
      const auto w =
          window(static_cast<std::uint8_t>(1 + below(127)), from, 1 + (from + 1 + below(1438)) % 1440, zone);
      ASSERT_NE(w.start_minute, w.end_minute);
      sys_seconds change = utc(start);
      for (sys_seconds at = utc(start); at < utc(start) + std::chrono::days(9); at += minutes(1)) {
        const bool holds = by_the_calendar(w, at);
        ASSERT_EQ(contains(w, at), holds) << zone << ' ' << print(at);
        ASSERT_EQ(contains(w, at + seconds(59)), holds) << zone << ' ' << print(at);
        if (at > utc(start) && holds != by_the_calendar(w, at - minutes(1))) {
          ASSERT_EQ(print(next_change(w, change)), print(at)) << zone;
          ASSERT_EQ(print(next_change(w, at - seconds(1))), print(at)) << zone;
          change = at;
        }
      }
    }
  }
}

TEST(Window, ShiftsOfAZone) {
  EXPECT_EQ(print(next_shift("Europe/Berlin", utc("2026-01-01 00:00:00"))), "2026-03-29 01:00:00");
  EXPECT_EQ(print(next_shift("Europe/Berlin", utc("2026-03-29 01:00:00"))), "2026-10-25 01:00:00");
  EXPECT_EQ(next_shift("UTC", utc("2026-01-01 00:00:00")), sys_seconds::max());
  EXPECT_EQ(next_shift("Asia/Kathmandu", utc("2026-01-01 00:00:00")), sys_seconds::max());
}

TEST(Window, ZonesAreKnownByName) {
  EXPECT_TRUE(known_zone("Europe/Berlin"));
  EXPECT_TRUE(known_zone("UTC"));
  EXPECT_FALSE(known_zone("Europe/Atlantis"));
  EXPECT_FALSE(known_zone(""));
  EXPECT_FALSE(contains(window(testing::every_day, 0, 1440, "Europe/Atlantis"), utc("2026-01-01 00:00:00")));
}

TEST(Window, TheReleaseOfTheRulesIsSaid) {
  EXPECT_NE(tzdata_version(), "");
}

}  // namespace
}  // namespace durward::policy

// Proves: what HAProxy logs becomes typed fields, and nothing a client sends can forge, widen or break them.
#include "accesslog/event.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/text.h"

namespace durward::accesslog {
namespace {

using namespace std::chrono_literals;

const std::string allowed =
    "dw1 17 4711 1893456000123 203.0.113.9 51234 https_0 -- 200 5120 12 1267-6B039141-0011 3 "
    "A1B2C3D4E5F60718 - "
    "0a1b2c3d4e5f p00c0ffee|be_pay_main|payments/read-refund|-|- B|900|0.2 GET pay.shop.example "
    "/v1/refunds/17";

TEST(AccessEvent, EveryFieldIsTyped) {
  const auto event = parse(allowed);
  ASSERT_TRUE(event) << event.error().message;
  AccessEvent want;
  want.seq = 17;
  want.pid = 4711;
  want.accepted = decltype(want.accepted)(1893456000123ms);
  want.client_ip = "203.0.113.9";
  want.client_port = 51234;
  want.frontend = "https_0";
  want.termination = "--";
  want.status = 200;
  want.bytes = 5120;
  want.duration = 12ms;
  want.request_id = "1267-6B039141-0011";
  want.class_id = 3;
  want.session = "a1b2c3d4e5f60718";
  want.generation = "0a1b2c3d4e5f";
  want.row = RouteRow{"p00c0ffee", "be_pay_main", "payments/read-refund", {"-", "-"}};
  want.verdict = {VerdictKind::allow_if_fresh, 900s, "", {0, 2}};
  want.method = "GET";
  want.host = "pay.shop.example";
  want.path = "/v1/refunds/17";
  EXPECT_EQ(*event, want);
}

TEST(AccessEvent, WhatHaproxyWritesForBadRequests) {
  const auto event =
      parse("dw1 2 4711 1893456000123 ::1 51234 https_0 PR 400 0 0 - - - - - - - <BADREQ> - <BADREQ>");
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->status, 400);
  EXPECT_EQ(event->method, "");
  EXPECT_EQ(event->path, "");
  EXPECT_FALSE(event->row);
  EXPECT_EQ(event->verdict.kind, VerdictKind::none);
  const auto handshake = parse("dw1 3 4711 1893456000123 - - https_0 CR -1 0 -1 - - - - - - - - - ");
  ASSERT_TRUE(handshake) << handshake.error().message;
  EXPECT_EQ(handshake->status, 0);
  EXPECT_FALSE(handshake->duration);
  EXPECT_FALSE(handshake->class_id);
}

std::string with(std::size_t field, const std::string& text) {
  std::vector<std::string> parts = split(allowed, ' ');
  parts[field] = text;
  return join(parts, " ");
}

TEST(AccessEvent, Verdicts) {
  const auto verdict = [](const std::string& text) { return parse(with(17, text)).value().verdict; };
  EXPECT_EQ(verdict("A|0.2"), (Verdict{VerdictKind::allow, {}, "", {0, 2}}));
  EXPECT_EQ(verdict("A|"), (Verdict{VerdictKind::allow, {}, "", {}}));
  EXPECT_EQ(verdict("D|1"), (Verdict{VerdictKind::deny, {}, "", {1}}));
  EXPECT_EQ(verdict("U|otp|900"), (Verdict{VerdictKind::step_up, 900s, "otp", {}}));
  EXPECT_EQ(verdict("U|2|900|"), (Verdict{VerdictKind::step_up, 900s, "2", {}}));
  EXPECT_EQ(verdict("U|-|900"), (Verdict{VerdictKind::step_up, 900s, "", {}}));
  EXPECT_EQ(verdict("U|otp|-"), (Verdict{VerdictKind::step_up, {}, "otp", {}}));
  EXPECT_EQ(verdict("L|"), (Verdict{VerdictKind::login, {}, "", {}}));
  EXPECT_EQ(verdict("L|-"), (Verdict{VerdictKind::login, {}, "", {}}));
  for (const char* bad : {"A", "Z|1", "AA|1", "A|x", "A|1..2", "B||0", "B|-|0", "U|o#|9", "U|otp|9|x", "L|x",
                          "A|99999999999", "|"}) {
    const auto event = parse(with(17, bad));
    if (std::string(bad) == "A") {
      EXPECT_TRUE(event);  // no rules named
      continue;
    }
    ASSERT_FALSE(event) << bad;
    EXPECT_EQ(event.error().message, "the field VERDICT is malformed") << bad;
  }
}

TEST(AccessEvent, EachFieldIsCheckedAndNamed) {
  const std::vector<std::string> names{
      "",       "SEQ",     "PID",         "TIME_MS",    "CLIENT_IP", "CLIENT_PORT", "FRONTEND", "TERMINATION",
      "STATUS", "BYTES",   "DURATION_MS", "REQUEST_ID", "CLASS",     "SESSION",     "WHY",      "GENERATION",
      "ROW",    "VERDICT", "METHOD"};
  for (std::size_t field = 1; field < names.size(); ++field) {
    for (const std::string& bad : {std::string("\x01"), std::string("<script>"), std::string(3'000, 'g'),
                                   std::string("\xff\xfe"), std::string()}) {
      if (bad.empty() && (names[field] == "VERDICT")) continue;
      const auto event = parse(with(field, bad));
      ASSERT_FALSE(event) << names[field] << " took '" << bad << "'";
      EXPECT_EQ(event.error().code, "ACL003");
      EXPECT_EQ(event.error().message, "the field " + names[field] + " is malformed");
    }
  }
  EXPECT_FALSE(parse(with(1, "0")));
  EXPECT_FALSE(parse(with(1, "-1")));
  EXPECT_FALSE(parse(with(1, "99999999999999999999")));
  EXPECT_FALSE(parse(with(5, "65536")));
  EXPECT_FALSE(parse(with(16, "a|b")));
  EXPECT_FALSE(parse(with(16, "a||c")));
}

TEST(AccessEvent, ShortOrForeignLines) {
  for (std::size_t length = 0; length < allowed.size(); ++length) {
    const auto event = parse(std::string_view(allowed).substr(0, length));
    if (length > allowed.find("pay.shop")) break;  // from there on a shorter path is a path
    ASSERT_FALSE(event) << length;
  }
  EXPECT_EQ(parse("dw1 1 2").error().code, "ACL002");
  EXPECT_EQ(parse("dw1 1 2 ").error().message, "the line ends before the field TIME_MS");
  EXPECT_EQ(parse("dw2 1 2 3").error().code, "ACL001");
  EXPECT_EQ(parse("").error().code, "ACL001");
  EXPECT_EQ(parse(std::string(line_bytes_max + 1, 'x')).error().code, "ACL001");
}

TEST(AccessEvent, AHostCannotForgeThePath) {
  const std::string head = allowed.substr(0, allowed.find("pay.shop"));
  const auto forged = parse(head + "pay.shop.example /admin /v1");
  ASSERT_TRUE(forged);
  EXPECT_EQ(forged->path, "/v1");
  EXPECT_EQ(forged->host, "pay.shop.example#20#2Fadmin");
  EXPECT_FALSE(forged->host_clean);
  const auto bytes = parse(head + "a\t\xff\"<b> /v1");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->host, "a#09#FF#22#3Cb#3E");
  const auto longer = parse(head + std::string(300, 'a') + " /v1");
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->host.size(), host_bytes_max);
  EXPECT_FALSE(longer->host_clean);
  EXPECT_TRUE(parse(head + "[2001:db8::1]:8443 /v1")->host_clean);
  EXPECT_FALSE(parse(head + "x /v\xc3\xa9"));
}

TEST(AccessEvent, LineNumbersDoNotDependOnTheRest) {
  EXPECT_EQ(line_number(allowed), (LineNumber{4711, 17}));
  EXPECT_EQ(line_number("dw1 17 4711 \xff\n"), (LineNumber{4711, 17}));
  EXPECT_EQ(line_number("dw1 17 4711"), std::nullopt);
  EXPECT_EQ(line_number("dw1 0 4711 "), std::nullopt);
  EXPECT_EQ(line_number("dw1 x 4711 "), std::nullopt);
  EXPECT_EQ(line_number("other"), std::nullopt);
}

TEST(AccessEvent, RandomDamageNeverParsesIntoSomethingUnbounded) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 20'000; ++round) {
    std::string line = allowed;
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % line.size();
      switch (random() % 4) {
        case 0:
          line[at] = static_cast<char>(random());
          break;
        case 1:
          line.erase(at, random() % 8);
          break;
        case 2:
          line.insert(at, std::string(random() % 40, static_cast<char>(random())));
          break;
        default:
          line.insert(at, " ");
      }
      if (line.empty()) line = "x";
    }
    const auto event = parse(line);
    if (!event) continue;
    EXPECT_EQ(line_number(line), (LineNumber{event->pid, event->seq}));
    for (const std::string* text : {&event->host, &event->path, &event->method, &event->frontend}) {
      for (const char c : *text) ASSERT_TRUE(c > 0x20 && c < 0x7f) << line;
    }
  }
}

}  // namespace
}  // namespace durward::accesslog

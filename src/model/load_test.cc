// Proves: addresses and networks have one reading, windows print as they are read, a
// source that fails is told, a large estate loads in well under the promised time, and hostile sizes are
// bounded.
#include "model/load.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "base/diagnostics.h"
#include "model/language.h"
#include "model/print.h"
#include "testing/memory_bundle.h"

namespace durward::model {
namespace {

constexpr const char* gateway = R"(apiVersion: durward/v1
kind: Gateway
metadata: {name: edge}
spec:
  listen: [{bind: ["0.0.0.0:8443"], tls: {certificates: certs}}]
  loginHost: login.example
  acr: [pwd, otp]
  apps: [{path: apps}]
---
apiVersion: durward/v1
kind: Role
metadata: {name: staff}
spec: {members: [{group: staff}]}
)";

std::string app(const std::string& name) {
  return fmt::format(R"(apiVersion: durward/v1
kind: App
metadata: {{name: {0}, owner: team-{0}, labels: {{data: pci}}}}
spec:
  hosts: ["{0}.shop.example"]
  upstreams:
    main: {{servers: ["10.20.4.11:8443", "10.20.4.12:8443"], health: {{path: /healthz}}, balance: leastconn}}
  routes:
    - {{id: list,   methods: [GET],  path: /v1/refunds}}
    - {{id: read,   methods: [GET],  path: "/v1/refunds/{{id}}"}}
    - {{id: create, methods: [POST], path: /v1/refunds}}
    - {{id: help,   methods: [GET],  path: "/help/{{**}}"}}
  access:
    - {{id: read,  allow: {{roles: [staff]}}, routes: [list, read]}}
    - {{id: write, allow: {{roles: [staff]}}, routes: [create],
       when: {{acr: otp, authAge: 15m, weekly: "Mon-Fri 07:00-19:00 Europe/Berlin"}}}}
    - {{id: help,  allow: anyone, routes: [help]}}
    - {{id: office, deny: anyone, methods: [POST], unless: {{source: [10.0.0.0/8]}}}}
)",
                     name);
}

TEST(Load, TenThousandAppsInWellUnderTheTimePromised) {
  std::map<std::string, std::string> files{{"bundle.yaml", gateway}};
  for (int i = 0; i < 10'000; ++i) files[fmt::format("apps/{:05}.yaml", i)] = app(fmt::format("app-{}", i));
  testing::MemoryBundle source(std::move(files));
  Diagnostics diagnostics;
  const auto begin = std::chrono::steady_clock::now();
  const ModelPtr model = load(source, "", diagnostics);
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(model);
  EXPECT_TRUE(diagnostics.all().empty()) << render_text(diagnostics.all().front());
  EXPECT_EQ(model->all_apps().size(), 10'000U);
  RecordProperty("load_ms",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  // Optimised: about half a second. The bound leaves room for sanitizers and busy machines.
  EXPECT_LT(took, std::chrono::seconds(20));
}

TEST(Load, ASourceThatFailsIsToldWithItsHint) {
  struct Broken : BundleSource {
    Result<std::vector<SourceFilePtr>> read(const std::string&) override {
      return fail("SYS002", "cannot read 'bundle'", "check its permissions");
    }
  } source;
  Diagnostics diagnostics;
  EXPECT_EQ(load(source, "", diagnostics), nullptr);
  EXPECT_EQ(render_text(diagnostics), "error[MDL042]: cannot read 'bundle'\n  hint: check its permissions\n");
}

TEST(Load, EmptyRoot) {
  testing::MemoryBundle source(std::map<std::string, std::string>{});
  Diagnostics diagnostics;
  EXPECT_EQ(load(source, "", diagnostics), nullptr);
  ASSERT_EQ(diagnostics.all().size(), 1U);
  EXPECT_EQ(diagnostics.all()[0].message, "no documents in the bundle");
}

TEST(Load, DiagnosticsOutliveAModelThatCouldNotBeMade) {
  const std::map<std::string, std::string> files{{"bundle.yaml", "kind: [\n"}};
  testing::MemoryBundle source(files);
  Diagnostics diagnostics;
  EXPECT_EQ(load(source, "", diagnostics), nullptr);
  EXPECT_NE(render_text(diagnostics).find("bundle.yaml:1:"), std::string::npos);
}

TEST(Load, TooManyAppsEndInOneDiagnostic) {
  std::string text = gateway;
  for (std::size_t i = 0; i < apps_max + 5; ++i)
    text += fmt::format(
        "---\napiVersion: durward/v1\nkind: App\nmetadata: {{name: a{}}}\nspec: {{apps: [{{path: x}}]}}\n",
        i);
  std::map<std::string, std::string> files;
  // Several files: one may hold no more documents than bundle::documents_max.
  files["bundle.yaml"] = gateway;
  const std::size_t half = text.find("---\napiVersion", text.size() / 2);
  files["a.yaml"] = text.substr(std::string(gateway).size(), half - std::string(gateway).size());
  files["b.yaml"] = text.substr(half);
  testing::MemoryBundle source(std::move(files));
  Diagnostics diagnostics;
  (void)load(source, "", diagnostics);
  const auto& all = diagnostics.all();
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& d) { return d.code == code::limit.id; }), 1);
}

// Swaps, drops and doubles pieces of a rich estate: whatever comes, it ends in a model or in diagnostics with
// a place, and what loads without an error reads back as it was printed.
TEST(Load, SurvivesMutilatedBundles) {
  const std::string whole = std::string(gateway) + "---\n" + app("pay") + R"(---
apiVersion: durward/v1
kind: Environment
metadata: {name: prod}
spec: {domain: a.example, vars: {x: "1"}, set: {app/pay: {routes.read.timeout: 5s, access.write.when.acr: pwd}}}
)";
  const auto lines = split(whole, '\n');
  const std::vector<std::string> pieces{
      "{",  "}",      "[",       "]",         ": ",       ", ",   "{env.x}", "null",  "anyone",
      "10", "{**}",   "roles",   "spec",      "metadata", "id",   "- ",      "\"\"",  "a.b",
      "~",  "source", "anyOf: ", "0.0.0.0/0", "x: {}",    "apps", "'",       "when: "};
  std::mt19937 random(11);
  int loaded = 0;
  for (int round = 0; round < 3'000; ++round) {
    auto cut = lines;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      std::string& line = cut[random() % cut.size()];
      const std::size_t at = random() % (line.size() + 1);
      switch (random() % 4) {
        case 0:
          line.insert(at, pieces[random() % pieces.size()]);
          break;
        case 1:
          line.erase(at, random() % 6);
          break;
        case 2:
          line.clear();
          break;
        default:
          line = cut[random() % cut.size()];
      }
    }
    const std::map<std::string, std::string> files{{"bundle.yaml", join(cut, "\n")},
                                                   {"apps/app.yaml", app("web")}};
    testing::MemoryBundle source(files);
    Diagnostics diagnostics;
    const ModelPtr model = load(source, "", diagnostics);
    ASSERT_TRUE(model || diagnostics.has_errors()) << files.at("bundle.yaml");
    (void)render_text(diagnostics);
    if (!model || diagnostics.has_errors()) continue;
    ++loaded;
    std::map<std::string, std::string> printed;
    for (const PrintedFile& file : print_files(*model))
      printed[file.directory + (file.directory.empty() ? "" : "/") + "a.yaml"] = file.text;
    testing::MemoryBundle again(printed);
    Diagnostics second;
    const ModelPtr reread = load(again, model->environment, second);
    ASSERT_TRUE(reread && !second.has_errors()) << files.at("bundle.yaml") << render_text(second);
    ASSERT_EQ(print(*reread), print(*model)) << files.at("bundle.yaml");
  }
  EXPECT_GT(loaded, 100) << "the mutations break everything: nothing is proven";
}

// ---- addresses -------------------------------------------------------------------------------------

TEST(Address, OneReading) {
  EXPECT_EQ(IpAddress::parse("192.0.2.7")->text(), "192.0.2.7");
  EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->text(), "2001:db8::1");
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.7"), IpAddress::parse("192.0.2.7"));
  for (const char* bad : {"", "192.0.2", "192.0.2.07", "0x7f.1", "1", "192.0.2.7 ", "[::1]", "::1%eth0",
                          "192.0.2.7:80", "::ffff:192.0.2.256", "12345::"})
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  EXPECT_FALSE(IpAddress::parse(std::string_view("192.0.2.7\0", 10)));
}

TEST(Address, NetworksContainWhatTheyShould) {
  const auto in = [](const char* network, const char* address) {
    return Cidr::parse(network)->contains(*IpAddress::parse(address));
  };
  EXPECT_TRUE(in("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(in("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(in("10.0.0.0/9", "10.127.255.255"));
  EXPECT_FALSE(in("10.0.0.0/9", "10.128.0.0"));
  EXPECT_TRUE(in("192.0.2.7", "::ffff:192.0.2.7"));
  EXPECT_FALSE(in("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(in("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(in("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_FALSE(in("::a00:0/104", "10.0.0.0"));  // one family never holds the other
  EXPECT_EQ(Cidr::parse("::ffff:10.0.0.0/104")->text(), "10.0.0.0/8");
  EXPECT_EQ(Cidr::parse("2001:db8::1/128")->text(), "2001:db8::1");
  for (const char* bad : {"10.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "::ffff:10.0.0.0/80", "10.0.0.1/8",
                          "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/33", "2001:db8::/129", "/8"})
    EXPECT_FALSE(Cidr::parse(bad)) << bad;
}

// ---- windows ---------------------------------------------------------------------------------------

TEST(Windows, PrintAsTheyAreRead) {
  for (const char* text : {"Mon 07:00-19:00 UTC", "Mon-Fri 00:00-24:00 Europe/Berlin",
                           "Sat-Mon 22:00-06:00 UTC", "Mon,Wed 01:00-02:00 UTC", "Mon-Sun 00:01-00:00 UTC"}) {
    const auto window = parse_window(text);
    ASSERT_TRUE(window) << text;
    const auto again = parse_window(print_window(*window));
    ASSERT_TRUE(again) << print_window(*window);
    EXPECT_EQ(*again, *window) << print_window(*window);
  }
  const auto night = parse_window("Fri 22:00-00:00 UTC");
  EXPECT_EQ(night->end_minute, 1440);  // midnight has one spelling
  EXPECT_EQ(night->days, 1U << 4);
  EXPECT_FALSE(known_zone("localtime"));
  EXPECT_FALSE(known_zone(""));
}

}  // namespace
}  // namespace durward::model

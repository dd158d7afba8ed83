// Proves: addresses and networks have one reading, the schema's patterns accept what the decoder accepts, a
// source that fails is told, a large estate loads in well under the promised time, and hostile sizes are
// bounded.
#include "model/load.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/diagnostics.h"
#include "model/language.h"
#include "model/print.h"
#include "model/schema.h"
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
    - {{id: write, allow: {{roles: [staff]}}, routes: [create], when: {{acr: otp, authAge: 15m, weekly: "Mon-Fri 07:00-19:00 Europe/Berlin"}}}}
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

// ---- words and schema ------------------------------------------------------------------------------

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

// Every word that loads must pass the editor's pattern, or editors would paint good bundles red.
TEST(Schema, PatternsAcceptWhatTheDecoderAccepts) {
  const auto accepts = [](const ShapePtr& shape, const std::vector<std::string>& texts) {
    const std::regex pattern(shape->pattern, std::regex::ECMAScript);
    for (const std::string& text : texts)
      EXPECT_TRUE(std::regex_search(text, pattern)) << shape->what << ": " << text;
  };
  accepts(name_word().shape, {"a", "0-9", std::string(63, 'z')});
  accepts(host_word().shape, {"localhost", "xn--bcher-kva.example", "a-1.b.c"});
  accepts(method_word().shape, {"GET", "M-SEARCH", "X!#$%&'*+.^_`|~"});
  accepts(path_template_word().shape, {"/", "/a", "/a/", "/{id}/x", "/help/{**}", "/~u/-._~!$&'()*+,=:@"});
  accepts(cidr_word().shape, {"10.0.0.0/8", "2001:db8::/32", "::ffff:1.2.3.4", "192.0.2.7"});
  accepts(window_word().shape,
          {"Mon 07:00-19:00 UTC", "Mon,Wed,Fri 00:00-24:00 America/Argentina/Buenos_Aires"});
  accepts(milliseconds_word(Duration(1), time_max).shape, {"500ms", "1s", "15m", "10h", "7d"});
  accepts(size_word(0, body_bytes_max).shape, {"0", "10485760", "64KiB", "10MiB", "1GiB"});
  accepts(bind_word().shape, {"0.0.0.0:80", "[::]:8443"});
  accepts(server_word().shape, {"ledger:80", "10.0.0.1:8443", "[2001:db8::1]:1"});
  accepts(issuer_word().shape, {"https://id.example/realms/corp/", "http://[::1]:9443", "http://localhost"});
  accepts(email_word().shape, {"Ann.O'Neil+x@example.com"});
  accepts(user_word().shape, {"idp/corp", "app/*", "app/pay"});
  accepts(role_pattern_word().shape, {"*", "shop-*", "shop"});
  accepts(tree_path_word().shape, {"apps/pay", "a_b/c.d"});
  accepts(token_word().shape, {"urn:corp:pwd", "https://claims.example/groups", "openid"});
  accepts(health_path_word().shape, {"/", "/healthz?x=1"});
}

// Walks the schema: every reference resolves, every property is described, every object is closed.
void check_schema(const nlohmann::json& node, const std::string& where) {
  if (node.contains("properties") && where.find("$defs") != std::string::npos) {
    EXPECT_EQ(node["additionalProperties"], false) << where;
    for (const auto& [key, property] : node["properties"].items()) {
      EXPECT_FALSE(property.value("description", "").empty()) << where << "." << key;
      check_schema(property, where + "." + key);
    }
    for (const auto& key : node.value("required", nlohmann::json::array()))
      EXPECT_TRUE(node["properties"].contains(key)) << where << " requires " << key;
  }
  for (const char* inner : {"items", "additionalProperties"})
    if (node.contains(inner) && node[inner].is_object()) check_schema(node[inner], where + "." + inner);
  for (const auto& option : node.value("anyOf", nlohmann::json::array())) check_schema(option, where + "|");
}

TEST(Schema, IsClosedDescribedAndStable) {
  const std::string text = json_schema();
  EXPECT_EQ(text, json_schema());
  const auto schema = nlohmann::json::parse(text);
  EXPECT_EQ(schema["$defs"].size(), 6U);
  for (const auto& [kind, definition] : schema["$defs"].items()) check_schema(definition, "$defs." + kind);
  for (const auto& choice : schema["allOf"]) {
    const std::string reference = choice["then"]["$ref"];
    EXPECT_TRUE(schema.contains(nlohmann::json::json_pointer(reference.substr(1)))) << reference;
  }
  const auto& app_keys = schema["$defs"]["App"]["properties"]["spec"]["properties"];
  EXPECT_TRUE(app_keys.contains("routes"));
  EXPECT_FALSE(app_keys.contains("boundary")) << "a key of a later release is not offered";
}

}  // namespace
}  // namespace durward::model

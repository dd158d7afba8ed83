// Proves: the schema's patterns accept what the decoder accepts; the schema is closed, described and the same
// each time.

// g++ 12 takes std::regex's state for uninitialised under the sanitizers.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "model/schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "model/language.h"

namespace durward::model {
namespace {

// Every word that loads must pass the editor's pattern, or editors would paint good bundles red.
TEST(Schema, PatternsAcceptWhatTheDecoderAccepts) {
  const auto accepts = [](const ShapePtr& shape, const std::vector<std::string>& texts) {
    const std::regex pattern(shape->pattern, std::regex::ECMAScript);
    for (const std::string& text : texts)
      EXPECT_TRUE(std::regex_search(text, pattern)) << shape->what << ": " << text;
  };
  accepts(name_word().shape, {"a", "0-9", std::string(63, 'z')});
  accepts(host_word().shape, {"localhost", "xn--bcher-kva.example", "a-1.b.c"});
  accepts(method_word().shape, {"GET", "M-SEARCH", "VERSION-CONTROL"});
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

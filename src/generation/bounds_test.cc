// Proves: every bound of the generation is an error with its place and its mend, and what stays below it is
// none. The real bounds are too high for a test, so most are passed with lower ones.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "generation/generation.h"
#include "generation/routes.h"
#include "model/load.h"
#include "testing/memory_bundle.h"

namespace durward::generation {
namespace {

constexpr const char* root = R"(
apiVersion: durward/v1
kind: Gateway
metadata: {name: edge}
spec:
  listen: [{bind: ["127.0.0.1:8443"], tls: {certificates: certs}}]
  loginHost: login.example
)";

std::string app(const std::string& routes) {
  return fmt::format(R"(
---
apiVersion: durward/v1
kind: App
metadata: {{name: a, owner: team}}
spec:
  hosts: [a.example]
  upstreams: {{main: {{servers: ["127.0.0.1:1"]}}}}
  routes:
{}  access: [{{id: all, allow: signedIn}}]
)",
                     routes);
}

struct Made {
  std::unique_ptr<testing::MemoryBundle> source;  // spans point into it
  Diagnostics diagnostics;
  policy::PolicySetPtr policies;

  std::vector<std::string> codes() const {
    std::vector<std::string> out;
    for (const auto& d : diagnostics.all())
      if (d.severity == Severity::error) out.push_back(d.code);
    return out;
  }
};

Made make(const std::string& text) {
  Made made;
  made.source =
      std::make_unique<testing::MemoryBundle>(std::map<std::string, std::string>{{"bundle.yaml", text}});
  auto model = model::load(*made.source, "", made.diagnostics);
  EXPECT_FALSE(made.diagnostics.has_errors()) << render_text(made.diagnostics);
  made.policies = policy::compile(model, made.diagnostics);
  return made;
}

std::string path_route(const std::string& path) {
  return fmt::format("    - {{id: r, methods: [GET], path: \"{}\"}}\n", path);
}

TEST(Bounds, ParametersOfAPath) {
  std::string path;
  for (int i = 0; i < 7; ++i) path += fmt::format("/{{p{}}}", i);
  Made fits = make(root + app(path_route(path)));
  compile_routes(*fits.policies, fits.diagnostics);
  EXPECT_TRUE(fits.codes().empty());
  Made over = make(root + app(path_route(path + "/{one_more}")));
  compile_routes(*over.policies, over.diagnostics);
  EXPECT_EQ(over.codes(), std::vector<std::string>{"GEN001"});
  EXPECT_NE(render_text(over.diagnostics).find("bundle.yaml:"), std::string::npos);
}

TEST(Bounds, SegmentsBeforeAParameter) {
  std::string path;
  for (int i = 0; i < 15; ++i) path += "/s";
  Made fits = make(root + app(path_route(path + "/{p}")));
  compile_routes(*fits.policies, fits.diagnostics);
  EXPECT_TRUE(fits.codes().empty());
  Made over = make(root + app(path_route(path + "/s/{p}")));
  compile_routes(*over.policies, over.diagnostics);
  EXPECT_EQ(over.codes(), std::vector<std::string>{"GEN002"});
}

TEST(Bounds, OverlappingTemplatesOfAHost) {
  const std::string text =
      root + app("    - {id: r, path: \"/{a}/x/{b}\"}\n    - {id: s, path: \"/y/{c}/{d}\"}\n");
  Made fits = make(text);
  compile_routes(*fits.policies, fits.diagnostics);
  EXPECT_TRUE(fits.codes().empty());
  Made over = make(text);
  compile_routes(*over.policies, over.diagnostics, {.states_per_host = 1});
  ASSERT_FALSE(over.codes().empty());
  EXPECT_EQ(over.codes().front(), "GEN003");
}

TEST(Bounds, RowsOfTheEstateAreReportedOnce) {
  Made over = make(root + app("    - {id: r, path: /a/b/c}\n    - {id: s, path: /d/e/f}\n"));
  compile_routes(*over.policies, over.diagnostics, {.rows = 2});
  EXPECT_EQ(over.codes(), std::vector<std::string>{"GEN004"});
}

TEST(Bounds, IdleLifetimes) {
  std::string providers;
  for (int i = 0; i < 9; ++i)
    providers += fmt::format(R"(
---
apiVersion: durward/v1
kind: IdentityProvider
metadata: {{name: p{0}}}
spec:
  issuer: https://id{0}.example
  client: {{id: durward, secret: s}}
  session: {{idle: {1}m, absolute: 10h}}
)",
                             i, i + 1);
  const std::string credential = R"(
---
apiVersion: durward/v1
kind: Credential
metadata: {name: s}
spec: {from: {env: SECRET}, usedBy: [idp/p0, idp/p1, idp/p2, idp/p3, idp/p4, idp/p5, idp/p6, idp/p7, idp/p8]}
)";
  Made over = make(root + providers + credential + app(path_route("/")));
  EXPECT_EQ(generate(over.policies, {}, {}, over.diagnostics), nullptr);
  EXPECT_EQ(over.codes(), std::vector<std::string>{"GEN005"});
}

}  // namespace
}  // namespace durward::generation

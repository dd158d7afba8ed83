// Proves: the draft routes each request where HAProxy's ordered rules would have sent it, wherever it says
// that it carries them; addresses become deny rules with the same meaning; no password gets into a file, a
// note or a diagnostic.
#include "importer/draft.h"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

#include "importer/report.h"
#include "model/load.h"
#include "testing/memory_bundle.h"

namespace durward::importer {
namespace {

struct Made {
  Draft draft;
  Diagnostics diagnostics;
  std::unique_ptr<testing::MemoryBundle> source;
  model::ModelPtr model;
  // Which app has the path under the host, by its template; "" none.
  std::string app(const std::string& host, const std::string& path, const std::string& method = "GET") const {
    for (const auto* app : model->all_apps())
      for (const auto& has : app->hosts)
        for (const auto& route : app->routes) {
          bool takes = route.methods.empty();
          for (const auto& one : route.methods) takes = takes || one.value == method;
          if (has.value == host && route.path.value.text == path && takes) return app->name.value;
        }
    return "";
  }
  std::string file(const std::string& path) const {
    for (const auto& one : draft.files)
      if (one.path == path) return one.text;
    return "";
  }
};

Made make(const std::string& text, const std::map<std::string, std::string>& files = {},
          Variables variables = {}) {
  Made out;
  Input input;
  input.file = std::make_shared<SourceFile>(SourceFile{"haproxy.cfg", text});
  input.variables = std::move(variables);
  input.read = [&](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? Result<std::string>(fail("SYS001", "none")) : found->second;
  };
  out.draft = make_draft(input, out.diagnostics);
  std::map<std::string, std::string> bundle;
  for (const auto& file : out.draft.files) bundle[file.path] = file.text;
  out.source = std::make_unique<testing::MemoryBundle>(bundle);
  Diagnostics found;
  out.model = model::load(*out.source, "", found);
  if (!out.model || found.has_errors())
    throw std::runtime_error(render_text(found) + render_text(out.diagnostics));
  return out;
}

const std::string backends =
    "backend web\n server a 10.0.0.1:80\nbackend api\n server a 10.0.0.2:80\nbackend admin\n server a "
    "10.0.0.3:80\n";

std::string frontend(const std::string& rules) {
  return "defaults\n mode http\nfrontend www\n bind :443 ssl crt x.pem\n acl shop hdr(host) "
         "shop.example.com\n" +
         rules + backends;
}

TEST(Draft, TheFirstRuleThatMatchesWins) {
  const Made made =
      make(frontend(" use_backend api if shop { path_beg /a/b }\n use_backend admin if shop { path_beg /a }\n"
                    " default_backend web\n"));
  EXPECT_EQ(made.app("shop.example.com", "/a/b/{**}"), "api");
  EXPECT_EQ(made.app("shop.example.com", "/a/{**}"), "admin");
  EXPECT_EQ(made.app("shop.example.com", "/{**}"), "web");
}

TEST(Draft, AWiderRuleAboveANarrowerOneKeepsItsRequests) {
  const Made made =
      make(frontend(" use_backend admin if shop { path_beg /a }\n use_backend api if shop { path_beg /a/b }\n"
                    " default_backend web\n"));
  EXPECT_EQ(made.app("shop.example.com", "/a/{**}"), "admin");
  EXPECT_EQ(made.app("shop.example.com", "/a/b/{**}"), "") << "more specific, and yet the other backend's";
  EXPECT_EQ(made.draft.lines.at(6).outcome(), Outcome::reported);
}

TEST(Draft, NegationsAlternativesAndUnlessAreFollowed) {
  const Made made = make(frontend(" use_backend api unless shop or { path /x }\n default_backend web\n"));
  EXPECT_EQ(made.app("shop.example.com", "/{**}"), "web");
  EXPECT_EQ(made.app("www.import.invalid", "/{**}"), "api");
  EXPECT_EQ(made.app("www.import.invalid", "/x"), "web-2") << "the backend's other hosts have other routes";
}

TEST(Draft, MethodsPartRoutes) {
  const Made made = make(frontend(" use_backend api if shop { method POST PUT }\n default_backend web\n"));
  EXPECT_EQ(made.app("shop.example.com", "/{**}", "POST"), "api");
  EXPECT_EQ(made.app("shop.example.com", "/{**}", "GET"), "web");
  EXPECT_EQ(made.app("shop.example.com", "/{**}", "HEAD"), "web");
}

TEST(Draft, MapsAreRead) {
  const Made made = make(frontend(" use_backend %[req.hdr(host),lower,map(/m,web)]\n"),
                         {{"/m", "# hosts\nx.example.com api\ny.example.com   admin # no comment there\n"}});
  EXPECT_EQ(made.app("x.example.com", "/{**}"), "api");
  EXPECT_EQ(made.app("shop.example.com", "/{**}"), "");
  EXPECT_EQ(made.app("www.import.invalid", "/{**}"), "web");
}

TEST(Draft, AddressesThatGuardBecomeARoleAndADeny) {
  const Made made =
      make(frontend(" acl office src 10.0.0.0/8\n http-request deny if { path_beg /admin } !office\n"
                    " default_backend web\n"));
  const std::string text = made.file("apps/web.yaml");
  EXPECT_NE(text.find("allow: {roles: [office]}, routes: [admin, admin-below]"), std::string::npos) << text;
  EXPECT_NE(text.find("deny: anyone, routes: [admin, admin-below], unless: {source: [10.0.0.0/8]}"),
            std::string::npos);
  ASSERT_FALSE(made.draft.questions.empty());
  bool asked = false;
  for (const auto& question : made.draft.questions)
    asked = asked || question.text ==
                         "haproxy.cfg:6 acl office src 10.0.0.0/8 guards /admin, /admin/{**} of app web: "
                         "which role are the people behind these addresses? (drafted as role 'office')";
  EXPECT_TRUE(asked) << report_text(made.draft, "haproxy.cfg");
}

TEST(Draft, AllowBeforeDenyIsFollowed) {
  const Made made =
      make(frontend(" http-request allow if { src 192.0.2.0/24 }\n http-request deny\n"
                    " default_backend web\n"));
  EXPECT_NE(made.file("apps/web.yaml").find("deny: anyone, unless: {source: [192.0.2.0/24]}"),
            std::string::npos)
      << made.file("apps/web.yaml");
}

TEST(Draft, WhatIsDeniedToEverybodyStaysShut) {
  const Made made = make(frontend(" http-request deny if { path /secret }\n default_backend web\n"));
  EXPECT_NE(made.file("apps/web.yaml").find("{id: closed, deny: anyone, routes: [secret]}"),
            std::string::npos);
}

TEST(Draft, APasswordBecomesARoleAndIsNeverShown) {
  const Made made =
      make("userlist staff\n user ann insecure-password hunter2\n user bob password $6$hashed\n" +
           frontend(" http-request auth realm x unless { http_auth(staff) }\n stats auth admin:hunter2\n"
                    " default_backend web\n http-request set-header Authorization \"Basic hunter2\n"));
  std::string all = report_text(made.draft, "haproxy.cfg") + render_text(made.diagnostics);
  for (const auto& file : made.draft.files) all += file.text;
  EXPECT_EQ(all.find("hunter2"), std::string::npos) << all;
  EXPECT_EQ(all.find("hashed"), std::string::npos);
  EXPECT_NE(made.file("apps/web.yaml").find("roles: [staff]"), std::string::npos)
      << made.file("apps/web.yaml");
  EXPECT_EQ(made.file("apps/web.yaml").find("web-users"), std::string::npos);
}

TEST(Draft, WhoeverPassesByALoginMayComeFromEverywhere) {
  const Made made =
      make("userlist staff\n user ann password x\n" +
           frontend(" http-request allow if { http_auth(staff) }\n http-request allow if { src 192.0.2.7 }\n"
                    " http-request deny\n default_backend web\n"));
  const std::string text = made.file("apps/web.yaml");
  EXPECT_NE(text.find("allow: {roles: [addresses-9, staff]}"), std::string::npos) << text;
  EXPECT_EQ(text.find("deny"), std::string::npos) << text;
}

TEST(Draft, ARefusalOfSomeLoginsIsFollowedWhereEverybodyHasOne) {
  const Made made = make("userlist staff\n user ann password x\n" +
                         frontend(" acl in http_auth(staff)\n acl office src 10.0.0.0/8\n"
                                  " http-request auth unless in\n http-request deny if !office in\n"
                                  " default_backend web\n"));
  const std::string text = made.file("apps/web.yaml");
  EXPECT_NE(text.find("deny: anyone, unless: {source: [10.0.0.0/8]}"), std::string::npos) << text;
  EXPECT_NE(text.find("staff"), std::string::npos) << text;
}

TEST(Draft, WhatABackendWantsOfAddressAndLoginIsBothWanted) {
  const Made made = make("userlist staff\n user ann password x\n" +
                         frontend(" acl office src 10.0.0.0/8\n"
                                  " use_backend admin if { path_beg /admin/ } office { http_auth(staff) }\n"
                                  " default_backend web\n"));
  const std::string text = made.file("apps/admin.yaml");
  EXPECT_NE(text.find("allow: {roles: [office]}"), std::string::npos) << text;
  EXPECT_NE(text.find("deny: {roles: {noneOf: [staff]}}"), std::string::npos) << text;
  EXPECT_NE(text.find("unless: {source: [10.0.0.0/8]}"), std::string::npos) << text;
}

TEST(Draft, VariablesAreFilledInOrAskedFor) {
  const std::string text = frontend(" default_backend env\n") + "backend env\n server a \"${HOST}:80\"\n";
  EXPECT_NE(make(text, {}, {{"HOST", "10.9.8.7"}}).file("apps/env.yaml").find("10.9.8.7:80"),
            std::string::npos);
  const Made made = make(text);
  EXPECT_NE(made.file("apps/env.yaml").find("env.import.invalid:80"), std::string::npos);
  EXPECT_EQ(made.diagnostics.all().at(0).code, "IMP004");
}

TEST(Draft, NamedDefaultsAreInherited) {
  const Made made = make(
      "defaults base\n mode http\n timeout server 10s\ndefaults slow from base\n timeout server 2m\n"
      "frontend www from base\n bind :443 ssl crt x\n default_backend web\n"
      "backend web from slow\n server a 10.0.0.1:80\n");
  EXPECT_NE(made.file("bundle.yaml").find("server: 10s"), std::string::npos);
  EXPECT_NE(made.file("apps/web.yaml").find("timeout: 2m"), std::string::npos) << made.file("apps/web.yaml");
}

}  // namespace
}  // namespace durward::importer

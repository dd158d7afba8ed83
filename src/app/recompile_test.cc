// Proves: compiling again after any change gives what compiling from nothing gives, byte for byte, errors and
// warnings included; what has not changed is not compiled again; a file that was only touched has not
// changed.
#include "app/recompile.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace durward::app {
namespace {

namespace fs = std::filesystem;

constexpr unsigned apps = 6;

class Recompiling : public ::testing::Test {
 protected:
  Recompiling() {
    std::string pattern = (fs::temp_directory_path() / "durward-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    write("gateway.yaml",
          "apiVersion: durward/v1\nkind: Gateway\nmetadata: {name: edge}\nspec:\n"
          "  listen: [{bind: [\"127.0.0.1:8443\"], tls: {certificates: certs}}]\n"
          "  loginHost: login.test\n  acr: [pwd, otp]\n  apps: [{path: a}, {path: b}]\n");
    std::string roles;
    for (const char* name : {"r0", "r1", "r2"})
      roles += fmt::format(
          "---\napiVersion: durward/v1\nkind: Role\nmetadata: {{name: {0}}}\n"
          "spec: {{members: [{{group: {0}}}]}}\n",
          name);
    write("roles.yaml", roles);
    for (unsigned i = 0; i < apps; ++i) write(file_of(i), app(i, ""));
  }
  ~Recompiling() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(root_ + "/" + name).parent_path());
    std::ofstream(root_ + "/" + name, std::ios::trunc) << text;
  }
  static std::string file_of(unsigned i) {
    return fmt::format("{}/app{}.yaml", i == 5 ? "b/inner" : i % 2 == 0 ? "a" : "b", i);
  }
  // Apps 4 and 5 share a host with app 0; app 5 is a child of app 1.
  static std::string app(unsigned i, const std::string& more) {
    return fmt::format(
        "apiVersion: durward/v1\nkind: App\nmetadata: {{name: app{0}}}\nspec:\n  hosts: [h{1}.test]\n{3}"
        "  upstreams:\n    main: {{servers: [\"127.0.0.1:8000\"]}}\n  routes:\n"
        "    - {{id: one, methods: [GET, POST], path: \"/app{0}/{{id}}\"}}\n"
        "    - {{id: rest, path: \"/app{0}/{{id}}/x/{{**}}\"}}\n{2}",
        i, i < 4 ? i : 0, more.empty() ? "  access:\n    - {id: base, allow: {roles: [r0]}}\n" : more,
        i == 1 ? "  apps: [{path: inner}]\n" : "");
  }
  std::string random_access(std::mt19937& random) {
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    std::string out;
    if (below(3) == 0)
      out += fmt::format("    - {{id: more, methods: [GET], path: \"/extra{}/{{a}}/{{b}}\"}}\n", below(9));
    out += "  access:\n";
    const char* conditions[] = {"", ", when: {acr: otp}", ", when: {authAge: 5m}",
                                ", when: {weekly: \"Mon-Fri 08:00-18:00 Europe/Berlin\"}",
                                ", when: {source: [10.0.0.0/8]}"};
    for (unsigned i = 0; i <= below(3); ++i)
      out +=
          fmt::format("    - {{id: rule{}, allow: {{roles: [r{}]}}{}}}\n", i, below(3), conditions[below(5)]);
    if (below(3) == 0)
      out += "    - {id: no, deny: anyone, methods: [POST], unless: {source: [192.168.0.0/16]}}\n";
    return out;
  }

  CompileInput input() const {
    CompileInput out;
    out.bundle = root_;
    return out;
  }
  // Against a compilation from nothing.
  void expect_same(const char* what) {
    const CompileInput input = this->input();
    const Compiled again = recompiler_.compile(input);
    const Compiled fresh = compile(input);
    ASSERT_EQ(render_text(again.diagnostics), render_text(fresh.diagnostics)) << what;
    ASSERT_EQ(again.usable(), fresh.usable()) << what;
    if (!fresh.usable()) return;
    EXPECT_EQ(again.generation->config, fresh.generation->config) << what;
    EXPECT_EQ(again.generation->maps, fresh.generation->maps) << what;
    EXPECT_EQ(again.generation->rule_ids, fresh.generation->rule_ids) << what;
    EXPECT_EQ(again.generation->name, fresh.generation->name) << what;
    EXPECT_EQ(again.policies->vocabulary, fresh.policies->vocabulary) << what;
    EXPECT_EQ(again.policies->methods, fresh.policies->methods) << what;
    EXPECT_EQ(again.policies->routes.size(), fresh.policies->routes.size()) << what;
    for (const auto& row : again.policies->routes)
      EXPECT_EQ(again.policies->policies.at(row.policy->name), row.policy) << what;
    EXPECT_EQ(again.policies->policies.size(), fresh.policies->policies.size()) << what;
  }

  std::string root_;
  Recompiler recompiler_;
};

TEST_F(Recompiling, AnyChangeOfAccessIsCompiledAloneAndComesToTheSame) {
  expect_same("first");
  std::mt19937 random(7);
  for (unsigned round = 0; round < 60; ++round) {
    for (unsigned changes = 0; changes <= round % 3; ++changes) {
      const auto i = static_cast<unsigned>(random() % apps);
      write(file_of(i), app(i, random_access(random)));
    }
    expect_same(fmt::format("round {}", round).c_str());
  }
  EXPECT_GT(recompiler_.reused(), 30U);
}

TEST_F(Recompiling, WhatHasNotChangedIsNotCompiled) {
  expect_same("first");
  const CompileInput input = this->input();
  const auto one = recompiler_.compile(input);
  write(file_of(1), app(1, ""));  // touched
  const auto two = recompiler_.compile(input);
  EXPECT_EQ(one.generation, two.generation);
  EXPECT_EQ(one.model, two.model);
  EXPECT_EQ(recompiler_.reused(), 2U);
}

TEST_F(Recompiling, OtherChangesAreCompiledWhole) {
  expect_same("first");
  const std::size_t before = recompiler_.reused();
  write("roles.yaml",
        "apiVersion: durward/v1\nkind: Role\nmetadata: {name: r0}\nspec: {members: [{group: g}]}\n");
  expect_same("a role");
  write("a/new.yaml", app(9, ""));
  expect_same("an app more");
  write(file_of(2),
        "apiVersion: durward/v1\nkind: App\nmetadata: {name: app2}\nspec: {hosts: [other.test]}\n");
  expect_same("a host");
  write(file_of(3), app(3, "  access:\n    - {id: base, allow: {roles: [nobody]}}\n"));
  expect_same("an error");
  write(file_of(3), "{");
  expect_same("a worse one");
  write(file_of(2), app(2, ""));
  write(file_of(3), app(3, ""));
  expect_same("mended");
  fs::remove(root_ + "/a/new.yaml");
  expect_same("an app fewer");
  EXPECT_EQ(recompiler_.reused(), before);
}

TEST_F(Recompiling, AnErrorAcrossAppsIsFound) {
  expect_same("first");
  std::string taken = app(4, "");  // its template is app 0's, on the host they share
  for (auto at = taken.find("/app4/"); at != std::string::npos; at = taken.find("/app4/"))
    taken.replace(at, 6, "/app0/");
  write(file_of(4), taken);
  expect_same("one route, two owners");
  EXPECT_FALSE(compile(input()).usable());
}

}  // namespace
}  // namespace durward::app

// Proves: each bundle of tests/golden/generation gives these bytes and maps, the same twice, and HAProxy
// takes them without a warning. DURWARD_ACCEPT=1 rewrites the cases and skips.
//
// simple.case has the whole haproxy.cfg; the others only the lines that differ from it, by section.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "base/text.h"
#include "generation/generation.h"
#include "generation/rows.h"
#include "model/load.h"
#include "sys/file_store.h"
#include "sys/process.h"
#include "testing/documents.h"
#include "testing/golden_case.h"
#include "testing/memory_bundle.h"

namespace durward::generation {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const fs::path k_cases = fs::path(DURWARD_SOURCE_DIR) / "tests/golden/generation";
constexpr const char* k_base = "simple.case";

// What every case begins with; a case's own documents follow it.
std::string defaults() {
  return std::string(testing::credential_document) + testing::role_document("support") +
         testing::role_document("admin");
}

constexpr std::string_view k_root = R"(apiVersion: durward/v1
kind: Gateway
metadata: {name: edge}
spec:
  listen:
    - {bind: ["0.0.0.0:8443", "[::]:8443"], tls: {certificates: certs}}
    - {bind: ["0.0.0.0:8080"], redirect: https}
  loginHost: login.example
  acr: [pwd, otp, webauthn]
---
)";

// Holds a self-signed certificate, made once, wherever a configuration names one.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "durward-golden-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    for (const char* directory : {"run", "runtime", "certs/0", "generations/x/maps", "generations/x/pages"})
      fs::create_directories(root_ / directory);
    for (const char* map : runtime_maps) put("runtime/" + std::string(map), "");
    const std::string key = (root_ / "key.pem").string();
    const auto made =
        sys::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-subj", "/CN=app.example", "-days", "30", "-keyout", key, "-out", authority()},
                 60s);
    EXPECT_TRUE(made && made->exit_code == 0);
    put("certs/0/app.pem", sys::read_file(authority()).value() + sys::read_file(key).value());
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  std::string authority() const { return (root_ / "authority.pem").string(); }

  // HAProxy's own words, empty when it is content.
  std::string check(const Generation& generation) {
    for (const auto& [name, rows] : generation.maps) put("generations/x/maps/" + name, map_text(rows));
    for (const auto& [name, page] : generation.pages) put("generations/x/pages/" + name, page);
    put("generations/x/haproxy.cfg", generation.config);
    const char* chosen = std::getenv("DURWARD_HAPROXY");
    const auto ran = sys::run(
        {"/usr/bin/env", "DURWARD_RUN=" + (root_ / "run").string(), chosen != nullptr ? chosen : "haproxy",
         "-c", "-dW", "-f", (root_ / "generations/x/haproxy.cfg").string()},
        60s);
    if (!ran) return ran.error().message;
    return ran->exit_code == 0 ? "" : ran->output;
  }

 private:
  void put(const std::string& name, const std::string& bytes) {
    const auto done = sys::write_file((root_ / name).string(), bytes);
    EXPECT_TRUE(done);
  }
  fs::path root_;
};

struct Compiled {
  GenerationPtr generation;
  std::string diagnostics;
};

Compiled compile(const testing::GoldenCase& golden, const std::string& authority) {
  std::map<std::string, std::string> files{{"a-defaults.yaml", defaults()}};
  bool has_gateway = false;
  for (const auto& section : golden.sections()) {
    if (section.name.ends_with(".yaml")) files[section.name] = section.text;
    has_gateway |= section.text.find("kind: Gateway") != std::string::npos;
  }
  if (!has_gateway) files["a-defaults.yaml"].append(k_root).append(testing::provider_document);
  testing::MemoryBundle bundle(std::move(files));
  Diagnostics diagnostics;
  Compiled out;
  const auto model = model::load(bundle, "", diagnostics);
  if (model && !diagnostics.has_errors()) {
    const auto policies = policy::compile(model, diagnostics);
    out.generation = generate(policies, {}, {{"internal-ca", authority}}, diagnostics);
  }
  out.diagnostics = render_text(diagnostics);
  return out;
}

// Names change with tzdata and paths with the machine.
std::string masked(std::string text, const Generation& generation, const std::string& authority) {
  const auto mask = [&](const std::string& what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
      text.replace(at, what.size(), with);
  };
  mask(generation.name, "GENERATION");
  mask(authority, "/authority.pem");
  const auto pages = text.find("proc.pages str(");
  if (pages != std::string::npos) text.replace(pages + 15, 12, "PAGES");
  return text;
}

// The lines that do something, by section; where they come from is not compared.
std::map<std::string, std::vector<std::string>> sections_of(const std::string& config) {
  std::map<std::string, std::vector<std::string>> out;
  std::string section;
  for (auto& line : split(config, '\n')) {
    line.resize(std::min(line.size(), line.find("  # from ")));
    if (line.empty() || line.starts_with("    # from ")) continue;
    if (line.front() != ' ') section = line;
    out[section].push_back(line);
  }
  return out;
}

// "-line" for what only `base` has, "+line" for what only `other` has, under their sections.
std::string differences(const std::string& base, const std::string& other) {
  const auto before = sections_of(base);
  auto after = sections_of(other);
  std::string out;
  for (const auto& [section, lines] : before) {
    if (!after.contains(section)) out += "-" + section + "\n";
    after.try_emplace(section);
  }
  for (const auto& [section, lines] : after) {
    const auto found = before.find(section);
    std::multiset<std::string> missing;
    if (found != before.end() && !lines.empty()) missing.insert(found->second.begin(), found->second.end());
    std::string changes;
    for (const auto& line : lines) {
      const auto same = missing.find(line);
      if (same != missing.end())
        missing.erase(same);
      else
        changes += (line == section ? "" : "+") + line + "\n";
    }
    for (const auto& line : missing) changes += "-" + line + "\n";
    if (!changes.empty() && !changes.starts_with(section)) out += section + "\n";
    out += changes;
  }
  return out;
}

class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { scratch_ = std::make_unique<Scratch>(); }
  static void TearDownTestSuite() { scratch_.reset(); }
  static std::unique_ptr<Scratch> scratch_;
};
std::unique_ptr<Scratch> Golden::scratch_;

TEST_P(Golden, Case) {
  testing::GoldenCase golden(k_cases / GetParam());
  const std::string authority = scratch_->authority();
  const Compiled made = compile(golden, authority);
  std::map<std::string, std::string> actual{{"diagnostics", made.diagnostics}};
  if (made.generation) {
    const auto& generation = *made.generation;
    EXPECT_EQ(scratch_->check(generation), "");
    const Compiled again = compile(golden, authority);
    EXPECT_EQ(again.generation->name, generation.name);
    EXPECT_EQ(again.generation->config, generation.config);
    EXPECT_EQ(again.generation->maps, generation.maps);
    actual["haproxy.cfg"] = masked(generation.config, generation, authority);
    if (GetParam() != k_base) {
      const Compiled base = compile(testing::GoldenCase(k_cases / k_base), authority);
      actual["haproxy.cfg"] =
          differences(masked(base.generation->config, *base.generation, authority), actual["haproxy.cfg"]);
    }
    for (const auto& [name, rows] : generation.maps)
      if (name != "reasons.map") actual[name] = map_text(rows);
    actual["rule_ids"] = map_text(generation.rule_ids);
  }
  golden.judge(actual);
}

INSTANTIATE_TEST_SUITE_P(Generation, Golden, ::testing::ValuesIn(testing::golden_names(k_cases)),
                         testing::golden_test_name);

}  // namespace
}  // namespace durward::generation

// Proves: each case of tests/golden/policy says what it says: findings to the caret and the hint, and
// verdicts in words; every code of this module has a case. DURWARD_ACCEPT=1 rewrites the cases and skips.
//
// A line of -- verdicts -- is "METHOD HOST/PATH [anonymous] [roles=a,b] [unknown=a,b] [acr=LEVEL]
// [age=SECONDS] [from=ADDRESS] [at=INSTANT] -> what comes out". Without acr a session is below the ladder;
// without at it is Monday noon in UTC.
#include <date/date.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "model/load.h"
#include "policy/codes.h"
#include "policy/compile.h"
#include "policy/evaluate.h"
#include "testing/documents.h"
#include "testing/golden_case.h"
#include "testing/memory_bundle.h"

namespace durward::policy {
namespace {

const std::filesystem::path k_cases = std::filesystem::path(DURWARD_SOURCE_DIR) / "tests/golden/policy";

// What every case begins with; a case's own documents follow it.
std::string defaults() {
  using testing::role_document;
  return testing::root_documents() + role_document("support") + role_document("admin") +
         role_document("maker", ", excludes: [checker]") + role_document("checker");
}

struct Ask {
  model::Subject subject;
  Request request;
};

void read_word(const model::Model& estate, const std::string& word, Ask& ask) {
  const auto equals = word.find('=');
  const std::string key = word.substr(0, equals),
                    value = equals == std::string::npos ? "" : word.substr(equals + 1);
  const auto& ladder = estate.gateway.acr;
  if (key == "anonymous") {
    ask.subject = {};
  } else if (key == "roles" || key == "unknown") {
    for (const auto& role : split(value, ','))
      (key == "roles" ? ask.subject.roles : ask.subject.unknown_roles).insert(role);
  } else if (key == "acr") {
    for (std::size_t i = 0; i < ladder.size(); ++i)
      if (ladder[i].value == value) ask.subject.acr = static_cast<int>(i);
  } else if (key == "age") {
    ask.subject.auth_time = ask.request.at - std::chrono::seconds(std::stol(value));
  } else if (key == "from") {
    ask.request.source = model::IpAddress::parse(value);
  } else if (key == "at") {
    std::istringstream in(value);
    date::sys_seconds at;
    in >> date::parse("%FT%TZ", at);
    EXPECT_FALSE(in.fail()) << value;
    ask.request.at = at;
  } else {
    ADD_FAILURE() << "no such word: " << word;
  }
}

Ask read_ask(const model::Model& estate, const std::string& line) {
  const auto words = split(line, ' ');
  Ask ask;
  ask.subject.signed_in = true;
  ask.request.at = date::sys_days{date::year{2026} / 6 / 1} + std::chrono::hours(12);
  ask.request.method = words.at(0);
  const auto slash = words.at(1).find('/');
  ask.request.host = words.at(1).substr(0, slash);
  ask.request.path = words.at(1).substr(std::min(slash, words.at(1).size()));
  for (std::size_t i = 2; i < words.size(); ++i) read_word(estate, words[i], ask);
  return ask;
}

std::string outcome(const model::Model& estate, const Verdict& verdict) {
  std::string out = to_string(verdict.reason);
  if (!verdict.rules.empty()) out += " by " + join(verdict.rules, ",");
  if (verdict.acr_needed)
    out += " acr=" + estate.gateway.acr[static_cast<std::size_t>(*verdict.acr_needed)].value;
  if (verdict.age_needed) out += fmt::format(" age={}", verdict.age_needed->count());
  return out;
}

std::string verdicts(const model::Model& estate, const std::string& asked) {
  std::string out;
  std::istringstream lines(asked);
  for (std::string line; std::getline(lines, line);) {
    const std::string question = line.substr(0, line.find(" -> "));
    const Ask ask = read_ask(estate, question);
    out += question + " -> " + outcome(estate, evaluate(estate, ask.subject, ask.request)) + "\n";
  }
  return out;
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, Case) {
  testing::GoldenCase golden(k_cases / GetParam());
  std::map<std::string, std::string> files;
  std::string asked;
  for (const auto& section : golden.sections()) {
    if (section.name.ends_with(".yaml")) files[section.name] = section.text;
    if (section.name == "verdicts") asked = section.text;
  }
  files["a-defaults.yaml"] = defaults();
  testing::MemoryBundle bundle(std::move(files));
  Diagnostics diagnostics;
  const auto model = model::load(bundle, "", diagnostics);
  ASSERT_TRUE(model && !diagnostics.has_errors()) << render_text(diagnostics);
  compile(model, diagnostics);
  diagnostics.sort();
  golden.judge({{"diagnostics", render_text(diagnostics)}, {"verdicts", verdicts(*model, asked)}});
}

INSTANTIATE_TEST_SUITE_P(Policy, Golden, ::testing::ValuesIn(testing::golden_names(k_cases)),
                         testing::golden_test_name);

TEST(Codes, EachHasAGoldenCase) {
  std::string all;
  for (const auto& name : testing::golden_names(k_cases)) {
    const testing::GoldenCase golden(k_cases / name);
    for (const auto& section : golden.sections())
      if (section.name == "diagnostics") all += section.text;
  }
  for (const auto& code : codes)
    EXPECT_NE(all.find("[" + std::string(code.id) + "]"), std::string::npos) << code.id << ": " << code.title;
}

}  // namespace
}  // namespace durward::policy

// Proves: each case of tests/golden/access says in words who gains and who loses by a bundle, from two
// bundles and the people who are logged in. DURWARD_ACCEPT=1 rewrites the cases and skips.
//
// `-- before.yaml --` and `-- after.yaml --` follow the documents that every case begins with. A line of
// `-- people --` is "NAME ROLE,… [LEVEL]", then nothing, "-> ROLE,… [LEVEL]" as they are judged afterwards,
// or
// "-> out". Without that section it is as offline.
#include <date/date.h>
#include <gtest/gtest.h>

#include "api/control.h"
#include "base/text.h"
#include "cli/plan_text.h"
#include "model/load.h"
#include "testing/documents.h"
#include "testing/golden_case.h"
#include "testing/memory_bundle.h"

namespace durward::cli {
namespace {

const std::filesystem::path k_cases = std::filesystem::path(DURWARD_SOURCE_DIR) / "tests/golden/access";

std::string defaults() {
  using testing::role_document;
  return testing::root_documents() + role_document("support") +
         role_document("maker", ", excludes: [checker]") + role_document("checker");
}

struct Estate {
  std::unique_ptr<testing::MemoryBundle> source;
  Diagnostics diagnostics;
  policy::PolicySetPtr policies;
};

Estate estate_of(const std::string& text) {
  Estate out;
  out.source = std::make_unique<testing::MemoryBundle>(
      std::map<std::string, std::string>{{"a-defaults.yaml", defaults()}, {"bundle.yaml", text}});
  const auto model = model::load(*out.source, "", out.diagnostics);
  if (model && !out.diagnostics.has_errors()) out.policies = policy::compile(model, out.diagnostics);
  EXPECT_FALSE(out.diagnostics.has_errors()) << render_text(out.diagnostics);
  return out;
}

model::Subject subject_of(const std::string& words, const model::Model& model) {
  model::Subject out;
  out.signed_in = true;
  for (const auto& word : split(words, ' ')) {
    const auto& ladder = model.gateway.acr;
    const auto level =
        std::find_if(ladder.begin(), ladder.end(), [&](const auto& l) { return l.value == word; });
    if (level != ladder.end())
      out.acr = static_cast<int>(level - ladder.begin());
    else if (!word.empty())
      for (const auto& role : split(word, ',')) out.roles.insert(role);
  }
  return out;
}

app::LoggedIn person_of(const std::string& line, const model::Model& model) {
  const auto arrow = line.find(" -> ");
  const auto blank = line.find(' ');
  app::LoggedIn out;
  out.name = line.substr(0, blank);
  out.before =
      subject_of(line.substr(blank + 1, arrow == std::string::npos ? arrow : arrow - blank - 1), model);
  if (arrow == std::string::npos)
    out.after = out.before;
  else if (line.substr(arrow + 4) != "out")
    out.after = subject_of(line.substr(arrow + 4), model);
  return out;
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, Case) {
  testing::GoldenCase golden(k_cases / GetParam());
  std::map<std::string, std::string> given;
  for (const auto& section : golden.sections()) given[section.name] = section.text;
  const Estate before = estate_of(given["before.yaml"]), after = estate_of(given["after.yaml"]);
  ASSERT_TRUE(before.policies && after.policies);
  std::optional<std::vector<app::LoggedIn>> people;
  if (given.contains("people")) {
    people.emplace();
    for (const auto& line : split(given["people"], '\n'))
      if (!line.empty()) people->push_back(person_of(line, *before.policies->model));
  }
  const auto at = date::sys_days{date::year{2026} / 6 / 1} + std::chrono::hours(12);
  const auto report = app::compare_access(*before.policies, *after.policies, at, people);
  golden.judge({{"access", access_text(api::to_json(report))}});
}

INSTANTIATE_TEST_SUITE_P(Plan, Golden, ::testing::ValuesIn(testing::golden_names(k_cases)),
                         testing::golden_test_name);

}  // namespace
}  // namespace durward::cli

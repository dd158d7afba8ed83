// Proves: each case of tests/golden/import is drafted as it says: the files, what became of each line, the
// questions, the diagnostics to the caret; every draft loads without an error; every diagnostic code has a
// case. DURWARD_ACCEPT=1 rewrites the cases and skips.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/diagnostics.h"
#include "importer/codes.h"
#include "importer/draft.h"
#include "model/load.h"
#include "testing/golden_case.h"
#include "testing/memory_bundle.h"

namespace durward::importer {
namespace {

namespace fs = std::filesystem;

const fs::path cases_directory = fs::path(DURWARD_SOURCE_DIR) / "tests/golden/import";

std::string lines_text(const Draft& draft) {
  std::string out;
  for (std::size_t i = 0; i < draft.lines.size(); ++i) {
    const Line& line = draft.lines[i];
    if (line.blank) continue;
    out += fmt::format("{} {} {}\n", i + 1, outcome_word(line.outcome()), line.keyword);
    for (const Note& note : line.notes) out += fmt::format("    {}: {}\n", kind_word(note.kind), note.text);
  }
  return out;
}

// The draft as any bundle: it loads, and its rules compile.
void expect_valid(const Draft& draft) {
  std::map<std::string, std::string> files;
  for (const DraftFile& file : draft.files) files[file.path] = file.text;
  testing::MemoryBundle source(files);
  Diagnostics diagnostics;
  const auto model = model::load(source, "", diagnostics);
  ASSERT_TRUE(model && !diagnostics.has_errors()) << render_text(diagnostics);
  for (const auto* app : model->all_apps())
    for (const auto& rule : app->access)
      EXPECT_TRUE(rule.effect == model::Effect::deny || rule.audience.who == model::Who::roles)
          << app->name.value;
  for (const auto& [name, role] : model->roles)
    for (const auto& member : role.members) {
      EXPECT_EQ(member.kind, model::MemberLiteral::Kind::person) << name;
      EXPECT_TRUE(member.value.value.ends_with(".import.invalid")) << name;
    }
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, Case) {
  testing::GoldenCase golden(cases_directory / GetParam());
  std::map<std::string, std::string> given;
  std::set<std::string> names;
  for (const auto& section : golden.sections()) {
    given[section.name] = section.text;
    names.insert(section.name);
  }
  Input input;
  input.file = std::make_shared<SourceFile>(SourceFile{"haproxy.cfg", given["haproxy.cfg"]});
  input.read = [&](const std::string& path) -> Result<std::string> {
    const auto found = given.find("file " + path);
    return found == given.end() ? Result<std::string>(fail("SYS001", "no such file")) : found->second;
  };
  Diagnostics diagnostics;
  const Draft draft = make_draft(input, diagnostics);
  std::map<std::string, std::string> actual{{"diagnostics", render_text(diagnostics)}};
  if (names.contains("lines")) actual["lines"] = lines_text(draft);
  std::string questions;
  for (const Question& question : draft.questions) questions += question.text + "\n";
  if (names.contains("questions")) actual["questions"] = questions;
  for (const DraftFile& file : draft.files)
    if (names.contains(file.path)) actual[file.path] = file.text;
  if (!draft.files.empty()) expect_valid(draft);
  golden.judge(actual);
}

INSTANTIATE_TEST_SUITE_P(Import, Golden, ::testing::ValuesIn(testing::golden_names(cases_directory)),
                         testing::golden_test_name);

TEST(Codes, EachHasAGoldenCase) {
  std::string all;
  for (const std::string& name : testing::golden_names(cases_directory)) {
    const testing::GoldenCase golden(cases_directory / name);
    for (const auto& section : golden.sections())
      if (section.name == "diagnostics") all += section.text;
  }
  for (const Code& one : codes) {
    if (std::string_view(one.id) == code::limit.id) continue;  // bounds_test.cc has it
    EXPECT_NE(all.find("[" + std::string(one.id) + "]"), std::string::npos) << one.id << ": " << one.title;
  }
}

TEST(Codes, AreUniqueAndInOrder) {
  for (std::size_t i = 0; i < codes.size(); ++i) EXPECT_EQ(codes[i].id, fmt::format("IMP{:03}", i + 1));
}

}  // namespace
}  // namespace durward::importer

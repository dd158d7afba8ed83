// Proves: each case of tests/golden/bundle says what it says, to the caret and the hint; what loads prints
// and reads back as the same model; every diagnostic code has a case. DURWARD_ACCEPT=1 rewrites the cases and
// skips.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/diagnostics.h"
#include "model/codes.h"
#include "model/load.h"
#include "model/print.h"
#include "testing/documents.h"
#include "testing/golden_case.h"
#include "testing/memory_bundle.h"

namespace durward::model {
namespace {

namespace fs = std::filesystem;

const fs::path cases_directory = fs::path(DURWARD_SOURCE_DIR) / "tests/golden/bundle";
constexpr std::string_view defaults_mark = "<<defaults>>\n";

// The least that loads, but for what a case is about.
std::string least() {
  using namespace testing;
  std::string out = std::string(gateway_document).append(provider_document) + role_document("staff");
  out.append(credential_document);
  return out.substr(0, out.rfind("---\n"));  // what follows it is the case's to say
}
const std::string defaults = least();

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  if (at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

// <<xNN>> in a case stands for the byte, so that cases stay readable text.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "<<x") == 0 && i + 7 <= text.size() && text.compare(i + 5, 2, ">>") == 0) {
      out += static_cast<char>(std::stoi(text.substr(i + 3, 2), nullptr, 16));
      i += 6;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Loaded {
  std::unique_ptr<testing::MemoryBundle> source;
  Diagnostics diagnostics;
  ModelPtr model;
};

void load_files(std::map<std::string, std::string> files, const std::string& environment, Loaded& out) {
  out.source = std::make_unique<testing::MemoryBundle>(std::move(files));
  out.model = load(*out.source, environment, out.diagnostics);
}

std::string printed_defaults() {
  Loaded loaded;
  load_files({{"bundle.yaml", defaults}}, "", loaded);
  const auto text = print_files(*loaded.model).at(0).text;
  return text;
}

void expect_round_trip(const Model& model) {
  std::map<std::string, std::string> files;
  for (const PrintedFile& file : print_files(model))
    files[file.directory.empty() ? "bundle.yaml" : file.directory + "/app.yaml"] = file.text;
  Loaded again;
  load_files(files, model.environment, again);
  ASSERT_TRUE(again.model && !again.diagnostics.has_errors())
      << render_text(again.diagnostics) << print(model);
  EXPECT_EQ(print(*again.model), print(model));
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, Case) {
  testing::GoldenCase golden(cases_directory / GetParam());
  std::map<std::string, std::string> files;
  std::string environment;
  std::set<std::string> names;
  for (const auto& s : golden.sections()) {
    names.insert(s.name);
    if (s.name.ends_with(".yaml") || s.name.ends_with(".yml"))
      files[s.name] = unescaped(replaced(s.text, defaults_mark, defaults));
    if (s.name == "environment") environment = s.text.substr(0, s.text.find('\n'));
  }
  EXPECT_TRUE(names.contains("diagnostics") || names.contains("model"))
      << "the case has neither -- diagnostics -- nor -- model --";
  Loaded loaded;
  load_files(files, environment, loaded);
  std::map<std::string, std::string> actual{{"diagnostics", render_text(loaded.diagnostics)}};
  const bool usable = loaded.model && !loaded.diagnostics.has_errors();
  if (usable) expect_round_trip(*loaded.model);
  // A case about a diagnostic need not show the model.
  if (names.contains("model"))
    actual["model"] = usable ? replaced(print(*loaded.model), printed_defaults(), defaults_mark) : "";
  golden.judge(actual);
}

INSTANTIATE_TEST_SUITE_P(Bundle, Golden, ::testing::ValuesIn(testing::golden_names(cases_directory)),
                         testing::golden_test_name);

TEST(Codes, EachHasAGoldenCase) {
  std::string all;
  for (const std::string& name : testing::golden_names(cases_directory)) {
    const testing::GoldenCase golden(cases_directory / name);
    for (const auto& s : golden.sections())
      if (s.name == "diagnostics") all += s.text;
  }
  const auto expect_case = [&](const Code& c) {
    EXPECT_NE(all.find("[" + std::string(c.id) + "]"), std::string::npos) << c.id << ": " << c.title;
  };
  for (const Code& c : bundle::codes) expect_case(c);
  for (const Code& c : codes) expect_case(c);
}

TEST(Codes, AreUniqueAndInOrder) {
  for (std::size_t i = 0; i < codes.size(); ++i) EXPECT_EQ(codes[i].id, fmt::format("MDL{:03}", i + 1));
  for (std::size_t i = 0; i < bundle::codes.size(); ++i)
    EXPECT_EQ(bundle::codes[i].id, fmt::format("BND{:03}", i + 1));
}

}  // namespace
}  // namespace durward::model

// Proves: whatever bytes a configuration holds, the importer ends, accounts for every line that has words,
// and drafts only what loads and lets nobody in. DURWARD_IMPORT_ROUNDS is how many mutations are tried.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "importer/draft.h"
#include "model/load.h"
#include "testing/golden_case.h"
#include "testing/memory_bundle.h"

namespace durward::importer {
namespace {

namespace fs = std::filesystem;

constexpr int rounds_usual = 1'500;

std::vector<std::string> seeds() {
  const fs::path folder = fs::path(DURWARD_SOURCE_DIR) / "tests/golden/import";
  std::vector<std::string> out;
  for (const std::string& name : testing::golden_names(folder)) {
    const testing::GoldenCase golden(folder / name);
    for (const auto& section : golden.sections())
      if (section.name == "haproxy.cfg" && section.text.size() < 8'000) out.push_back(section.text);
  }
  return out;
}

// Some bytes changed, a piece taken out, doubled or moved, or a piece of another configuration put in.
std::string mutated(std::string text, const std::vector<std::string>& all, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random() % n); };
  static const std::string loved = "{}[]()!|,:/\\\"'#$%\n\t -.*@0";
  for (std::size_t changes = 1 + below(6); changes > 0 && !text.empty(); --changes) {
    const std::size_t at = below(text.size()), length = below(std::min<std::size_t>(80, text.size() - at));
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text[at] = loved[below(loved.size())];
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(below(text.size()), text.substr(at, length));
        break;
      case 4:
        text.insert(at, 1, loved[below(loved.size())]);
        break;
      default: {
        const std::string& other = all[below(all.size())];
        const std::size_t from = below(other.size());
        text.insert(at, other.substr(from, below(120)));
      }
    }
  }
  return text;
}

void check(const std::string& text) {
  Input input;
  input.file = std::make_shared<SourceFile>(SourceFile{"haproxy.cfg", text});
  input.read = [](const std::string& path) -> Result<std::string> {
    if (path.size() % 2 == 0) return fail("SYS001", "no such file");
    return std::string("a.example.com web\n/x api\n# no\n10.0.0.0/8\n\xff\x01\n");
  };
  Diagnostics diagnostics;
  const Draft draft = make_draft(input, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << render_text(diagnostics) << text;
  ASSERT_EQ(draft.lines.size(), count_lines(text));
  for (std::size_t i = 0; i < draft.lines.size(); ++i)
    ASSERT_TRUE(draft.lines[i].blank || !draft.lines[i].notes.empty()) << "line " << i + 1 << " of\n" << text;
  if (draft.files.empty()) return;
  std::map<std::string, std::string> files;
  for (const DraftFile& file : draft.files) files[file.path] = file.text;
  testing::MemoryBundle source(files);
  Diagnostics found;
  const auto model = model::load(source, "", found);
  ASSERT_TRUE(model && !found.has_errors()) << render_text(found) << text;
  for (const auto* app : model->all_apps())
    for (const auto& rule : app->access)
      ASSERT_TRUE(rule.effect == model::Effect::deny || rule.audience.who == model::Who::roles) << text;
  for (const auto& [name, role] : model->roles)
    ASSERT_TRUE(role.members.size() == 1 && role.members[0].value.value.ends_with(".import.invalid")) << name;
}

TEST(Mutations, NeverCrashAndAccountForEveryLine) {
  const char* given = std::getenv("DURWARD_IMPORT_ROUNDS");
  const int rounds = given == nullptr ? rounds_usual : std::atoi(given);
  const auto all = seeds();
  ASSERT_FALSE(all.empty());
  std::mt19937_64 random(20'261'123);
  for (int round = 0; round < rounds && !HasFatalFailure(); ++round)
    check(mutated(all[static_cast<std::size_t>(random()) % all.size()], all, random));
}

TEST(Mutations, AnyBytesAreTaken) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300 && !HasFatalFailure(); ++round) {
    std::string text(random() % 400, '\0');
    for (char& c : text) c = static_cast<char>(random());
    check(text);
  }
}

TEST(Mutations, EqualInputGivesEqualBytes) {
  for (const std::string& text : seeds()) {
    Input input;
    input.file = std::make_shared<SourceFile>(SourceFile{"haproxy.cfg", text});
    input.read = [](const std::string&) -> Result<std::string> { return fail("SYS001", "no such file"); };
    Diagnostics first, second;
    const Draft a = make_draft(input, first), b = make_draft(input, second);
    ASSERT_EQ(a.files.size(), b.files.size());
    for (std::size_t i = 0; i < a.files.size(); ++i) ASSERT_EQ(a.files[i].text, b.files[i].text);
  }
}

}  // namespace
}  // namespace durward::importer

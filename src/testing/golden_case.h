// One-file golden cases: "-- NAME --" opens a section that runs to the next one. Some sections are given,
// others are expected; DURWARD_ACCEPT=1 rewrites those, and the test then skips, so that accepting is never
// passing.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace durward::testing {

struct GoldenSection {
  std::string name;
  std::string text;
};

class GoldenCase {
 public:
  explicit GoldenCase(std::filesystem::path path) : path_(std::move(path)) {
    std::ifstream in(path_, std::ios::binary);
    for (std::string line; std::getline(in, line);) {
      if (line.size() > 6 && line.starts_with("-- ") && line.ends_with(" --")) {
        sections_.push_back({line.substr(3, line.size() - 6), ""});
      } else if (!sections_.empty()) {
        sections_.back().text += line + "\n";
      }
    }
  }

  const std::vector<GoldenSection>& sections() const { return sections_; }

  // Compares the sections that `actual` has; one that the case does not have is expected to be empty.
  void judge(const std::map<std::string, std::string>& actual) {
    for (const auto& [name, text] : actual) {
      const auto has_name = [&n = name](const auto& section) { return section.name == n; };
      const auto found = std::find_if(sections_.begin(), sections_.end(), has_name);
      if (found != sections_.end()) {
        if (!accepting()) {
          EXPECT_EQ(found->text, text) << path_ << ": " << name;
        }
        found->text = text;
      } else {
        EXPECT_EQ(text, "") << path_ << ": has no section " << name;
      }
    }
    if (!accepting()) return;
    std::ofstream out(path_, std::ios::binary);
    for (const auto& section : sections_) out << "-- " << section.name << " --\n" << section.text;
    GTEST_SKIP() << "rewritten";
  }

 private:
  static bool accepting() { return std::getenv("DURWARD_ACCEPT") != nullptr; }

  std::filesystem::path path_;
  std::vector<GoldenSection> sections_;
};

// File names of the cases in a folder, sorted; for ::testing::ValuesIn.
inline std::vector<std::string> golden_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".case") names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

inline std::string golden_test_name(const ::testing::TestParamInfo<std::string>& test) {
  std::string name = test.param.substr(0, test.param.find('.'));
  const auto other = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; };
  std::replace_if(name.begin(), name.end(), other, '_');
  return name;
}

}  // namespace durward::testing

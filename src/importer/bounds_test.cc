// Proves: what is too large to be a golden case ends in IMP006, with a place, and the rest is drafted.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>

#include "importer/draft.h"
#include "importer/routing.h"

namespace durward::importer {
namespace {

struct Made {
  Draft draft;
  Diagnostics diagnostics;
  bool limited() const {
    return std::any_of(diagnostics.all().begin(), diagnostics.all().end(),
                       [](const Diagnostic& d) { return d.code == "IMP006" && d.span.known(); });
  }
};

Made make(const std::string& text) {
  Made out;
  Input input;
  input.file = std::make_shared<SourceFile>(SourceFile{"haproxy.cfg", text});
  input.read = [](const std::string&) -> Result<std::string> {
    std::string rows;
    for (std::size_t i = 0; i <= values_max; ++i) rows += fmt::format("/p{}\n", i);
    return rows;
  };
  out.draft = make_draft(input, out.diagnostics);
  return out;
}

std::string config(const std::string& rules) {
  return "defaults\n mode http\nfrontend www\n bind :443 ssl crt x\n" + rules +
         " default_backend web\nbackend web\n server a 10.0.0.1:80\nbackend api\n server a 10.0.0.2:80\n";
}

TEST(Bounds, OfTheFile) {
  const Made lines = make(std::string(lines_max + 1, '\n'));
  EXPECT_TRUE(lines.limited() && lines.diagnostics.has_errors());
  const Made bytes = make(std::string(config_bytes_max + 1, '#'));
  EXPECT_TRUE(bytes.limited() && bytes.diagnostics.has_errors());
}

TEST(Bounds, OfHosts) {
  std::string rules;
  for (std::size_t i = 0; i < hosts_max + 5; ++i)
    rules += fmt::format(" use_backend api if {{ hdr(host) h{}.example.com }}\n", i);
  const Made made = make(config(rules));
  EXPECT_TRUE(made.limited());
  EXPECT_GT(made.draft.apps, 0U);
}

TEST(Bounds, OfPaths) {
  std::string rules;
  for (std::size_t i = 0; i < paths_max + 5; ++i)
    rules += fmt::format(" use_backend api if {{ path /p{} }}\n", i);
  const Made made = make(config(rules));
  EXPECT_TRUE(made.limited());
  EXPECT_LE(made.draft.routes, paths_max + 2);
  EXPECT_GT(made.draft.routes, paths_max - 5);
}

TEST(Bounds, OfValues) {
  const Made made = make(config(" use_backend api if { path -f many }\n"));
  EXPECT_TRUE(made.limited());
  EXPECT_FALSE(made.diagnostics.has_errors());
}

}  // namespace
}  // namespace durward::importer

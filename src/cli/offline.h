// What the offline commands share: where the bundle is, compiling it, and showing what is wrong with it.
#pragma once

#include "app/compile.h"
#include "cli/terminal.h"

namespace durward::cli {

struct BundleOptions {
  std::string bundle = ".";
  std::string environment;
  std::string haproxy = "2.6";  // version to generate for, MAJOR.MINOR
};

void add_bundle_options(CLI::App& command, BundleOptions& options);
// Prints the diagnostics; the caller looks at usable().
app::Compiled compile_and_show(const Globals& globals, const BundleOptions& options);
// For commands whose answer is not about the bundle itself: the diagnostics as JSON where that is wanted.
int unusable(const Globals& globals, const app::Compiled& compiled);  // Exit::error
Json to_json(const Diagnostics& diagnostics);

}  // namespace durward::cli

#include "cli/offline.h"

#include <fmt/format.h>

#include <cstdio>

#include "api/control.h"

namespace durward::cli {

void add_bundle_options(CLI::App& command, BundleOptions& options) {
  command.add_option("--bundle", options.bundle, "directory of the root bundle")->capture_default_str();
  command.add_option("--env", options.environment,
                     "environment to resolve it for (the only one, when there is one)");
}

int unusable(const Globals& globals, const app::Compiled& compiled) {
  if (globals.json()) print_json(Json{{"diagnostics", to_json(compiled.diagnostics)}});
  return Exit::error;
}

Json to_json(const Diagnostics& diagnostics) {
  return api::to_json(diagnostics);
}

app::Compiled compile_and_show(const Globals& globals, const BundleOptions& options) {
  app::CompileInput input;
  input.bundle = options.bundle;
  input.environment = options.environment;
  std::sscanf(options.haproxy.c_str(), "%d.%d", &input.platform.version_major, &input.platform.version_minor);
  app::Compiled compiled = app::compile(input);
  if (!compiled.diagnostics.all().empty() && !globals.json())
    print_error(render_text(compiled.diagnostics, {.color = stderr_is_terminal()}) + "\n");
  return compiled;
}

}  // namespace durward::cli

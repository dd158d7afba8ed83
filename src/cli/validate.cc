#include <fmt/format.h>

#include "cli/offline.h"

namespace durward::cli {

void add_validate(Program& program) {
  auto options = std::make_shared<BundleOptions>();
  auto* command = program.add("validate", "Check a bundle: every error with its place and its mend");
  add_bundle_options(*command, *options);
  command->callback([&program, options] {
    program.chosen = [&program, options] {
      const auto compiled = compile_and_show(program.globals, *options);
      const auto& all = compiled.diagnostics;
      const std::size_t warnings = all.all().size() - all.errors();
      if (program.globals.json()) {
        print_json(Json{{"valid", compiled.usable()},
                        {"errors", all.errors()},
                        {"warnings", warnings},
                        {"generation", compiled.generation ? Json(compiled.generation->name) : Json()},
                        {"diagnostics", to_json(all)}});
      } else if (compiled.usable()) {
        print(fmt::format("valid: {}, {}, {}, {}; generation {}\n",
                          counted(compiled.model->all_apps().size(), "app", "apps"),
                          counted(compiled.policies->routes.size(), "route", "routes"),
                          counted(compiled.policies->policies.size(), "policy", "policies"),
                          counted(warnings, "warning", "warnings"), compiled.generation->name));
      } else {
        print_error(fmt::format("{}, {}\n", counted(all.errors(), "error", "errors"),
                                counted(warnings, "warning", "warnings")));
      }
      return compiled.usable() ? Exit::ok : Exit::error;
    };
  });
}

}  // namespace durward::cli

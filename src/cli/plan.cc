#include <fmt/format.h>

#include <filesystem>

#include "api/control.h"
#include "app/access.h"
#include "cli/client.h"
#include "cli/offline.h"
#include "cli/plan_text.h"
#include "sys/clock.h"

namespace durward::cli {
namespace {

struct Options {
  std::string bundle, environment, from;
};

Json body_of(const Options& options) {
  Json body = Json::object();
  // The daemon has a working directory of its own.
  if (!options.bundle.empty())
    body["bundle"] = std::filesystem::absolute(options.bundle).lexically_normal().string();
  if (!options.environment.empty()) body["environment"] = options.environment;
  return body;
}

void show_warnings(const Globals& globals, const Json& answer) {
  if (globals.json()) return;
  for (const auto& d : answer["diagnostics"])
    print_error(fmt::format("{}[{}]: {} ({}:{}:{})\n", d["severity"].get<std::string>(),
                            d["code"].get<std::string>(), d["message"].get<std::string>(),
                            d.value("file", ""), d.value("line", 0), d.value("column", 0)));
}

// Who may do what can change without a row for HAProxy: by who holds a role.
bool pending(const Json& answer) {
  if (answer["plan"]["change"] != "nothing") return true;
  if (!answer.contains("access")) return false;
  const Json& access = answer["access"];
  return !access["routes"].empty() || !access["definitions"].empty();
}

int show(const Globals& globals, const Json& answer) {
  if (globals.json())
    print_json(answer);
  else
    print(plan_text(answer));
  return pending(answer) ? Exit::changes_pending : Exit::ok;
}

// One bundle against another, without a gateway.
int compare(const Globals& globals, const Options& options) {
  const BundleOptions was{.bundle = options.from, .environment = options.environment};
  const BundleOptions is{.bundle = options.bundle.empty() ? "." : options.bundle,
                         .environment = options.environment};
  const auto before = compile_and_show(globals, was);
  const auto after = before.usable() ? compile_and_show(globals, is) : app::Compiled();
  if (!after.usable()) return unusable(globals, before.usable() ? after : before);
  const auto plan = dataplane::diff(before.generation.get(), *after.generation);
  const auto access =
      app::compare_access(*before.policies, *after.policies, sys::SystemClock().now_seconds(), std::nullopt);
  return show(globals, {{"diagnostics", to_json(after.diagnostics)},
                        {"generation", after.generation->name},
                        {"plan", api::to_json(plan)},
                        {"access", api::to_json(access)},
                        {"applied", false}});
}

int plan(const Globals& globals, const Options& options) {
  if (!options.from.empty()) return compare(globals, options);
  if (globals.state.empty())
    return report(globals, {"CLI013", "compare with what?",
                            "--state DIR for a running Durward, or --from DIR for another bundle"});
  const auto answer = ask_or_report(globals, "POST", "/v1/plan", body_of(options));
  if (!answer) return Exit::error;
  show_warnings(globals, *answer);
  return show(globals, *answer);
}

int apply(const Globals& globals, const Options& options) {
  const auto answer = ask_or_report(globals, "POST", "/v1/apply", body_of(options));
  if (!answer) return Exit::error;
  show_warnings(globals, *answer);
  if (globals.json())
    print_json(*answer);
  else
    print(plan_text(*answer) + "applied\n");
  return Exit::ok;
}

void add_options(CLI::App& command, Options& options) {
  command.add_option("--bundle", options.bundle,
                     "directory of the root bundle (what the daemon was started with)");
  command.add_option("--env", options.environment, "environment (what the daemon was started with)");
}

}  // namespace

void add_plan(Program& program) {
  auto options = std::make_shared<Options>();
  auto* command =
      program.add("plan", "Who would gain or lose access by a bundle, and what HAProxy would be told");
  auto* state =
      command->add_option("--state", program.globals.state, "state directory of the running Durward")
          ->envname("DURWARD_STATE");
  add_options(*command, *options);
  command->add_option("--from", options->from, "compare with this bundle instead, offline")->excludes(state);
  command->callback([&program, options] {
    program.chosen = [&program, options] { return plan(program.globals, *options); };
  });
}

void add_apply(Program& program) {
  auto options = std::make_shared<Options>();
  auto* command = program.add("apply", "Put a bundle in force", true);
  add_options(*command, *options);
  command->callback([&program, options] {
    program.chosen = [&program, options] { return apply(program.globals, *options); };
  });
}

}  // namespace durward::cli

#include <fmt/format.h>

#include <filesystem>

#include "cli/client.h"

namespace durward::cli {
namespace {

struct Options {
  std::string bundle, environment;
};

Json body_of(const Options& options) {
  Json body = Json::object();
  // The daemon has a working directory of its own.
  if (!options.bundle.empty())
    body["bundle"] = std::filesystem::absolute(options.bundle).lexically_normal().string();
  if (!options.environment.empty()) body["environment"] = options.environment;
  return body;
}

std::string text_of(const Json& answer) {
  const auto& plan = answer["plan"];
  const auto change = plan["change"].get<std::string>();
  if (change == "nothing")
    return fmt::format("nothing changes; generation {}\n", answer["generation"].get<std::string>());
  std::string out = fmt::format("generation {}\n", answer["generation"].get<std::string>());
  for (const auto& line : plan["config"]) out += "  " + line.get<std::string>() + "\n";
  for (const auto& map : plan["maps"])
    out += fmt::format("  {}: {} rows come, {} change, {} go\n", map["map"].get<std::string>(),
                       map["added"].get<std::size_t>(), map["changed"].get<std::size_t>(),
                       map["removed"].get<std::size_t>());
  out += plan["reload"].get<bool>() ? fmt::format("reload: {}\n", plan["reason"].get<std::string>())
                                    : std::string("no reload: only maps change\n");
  return out;
}

void show_warnings(const Globals& globals, const Json& answer) {
  if (globals.json()) return;
  for (const auto& d : answer["diagnostics"])
    print_error(fmt::format("{}[{}]: {} ({}:{}:{})\n", d["severity"].get<std::string>(),
                            d["code"].get<std::string>(), d["message"].get<std::string>(),
                            d.value("file", ""), d.value("line", 0), d.value("column", 0)));
}

void add(Program& program, const char* name, const char* text, const char* path, bool pending) {
  auto options = std::make_shared<Options>();
  auto* command = program.add(name, text, true);
  command->add_option("--bundle", options->bundle,
                      "directory of the root bundle (what the daemon was started with)");
  command->add_option("--env", options->environment, "environment (what the daemon was started with)");
  command->callback([&program, options, path, pending] {
    program.chosen = [&program, options, path, pending]() -> int {
      const auto answer = ask_or_report(program.globals, "POST", path, body_of(*options));
      if (!answer) return Exit::error;
      show_warnings(program.globals, *answer);
      if (program.globals.json())
        print_json(*answer);
      else
        print(text_of(*answer) + (pending ? "" : "applied\n"));
      const bool changes = (*answer)["plan"]["change"] != "nothing";
      return pending && changes ? Exit::changes_pending : Exit::ok;
    };
  });
}

}  // namespace

void add_plan(Program& program) {
  add(program, "plan", "What applying a bundle would change, and whether HAProxy has to reload and why",
      "/v1/plan", true);
}

void add_apply(Program& program) {
  add(program, "apply", "Put a bundle in force", "/v1/apply", false);
}

}  // namespace durward::cli

#include <fmt/format.h>

#include "base/text.h"
#include "cli/terminal.h"

namespace durward::cli {
namespace {

// The command that was being read when the line turned out wrong.
const CLI::App& deepest(const CLI::App& app) {
  for (const auto* command : app.get_subcommands())
    if (!command->get_name().empty()) return deepest(*command);
  return app;
}

std::string full_name(const CLI::App& command) {
  return command.get_parent() == nullptr ? command.get_name()
                                         : full_name(*command.get_parent()) + " " + command.get_name();
}

// What the parser does not know comes first: that something else is missing is often its echo.
Error unknown_word(const CLI::App& command, const std::string& word, const std::string& help) {
  if (word.starts_with("-")) {
    const std::string option = word.substr(0, word.find('='));
    const auto meant = did_you_mean(option, options_of(command));
    return {"CLI014", fmt::format("unknown option '{}'", option),
            meant ? fmt::format("did you mean '{}'?", *meant) : help};
  }
  std::vector<std::string> commands;
  for (const auto* sub : command.get_subcommands({}))
    if (!sub->get_name().empty()) commands.push_back(sub->get_name());
  if (commands.empty()) return {"CLI014", fmt::format("unexpected argument '{}'", word), help};
  const auto meant = did_you_mean(word, commands);
  return {"CLI014", fmt::format("unknown command '{}'", word),
          meant ? fmt::format("did you mean '{}'?", *meant) : help};
}

int usage_error(const Program& program, const CLI::ParseError& error) {
  const CLI::App& command = deepest(program.app);
  const std::string help = fmt::format("`{} --help` lists what there is", full_name(command));
  const auto extras = program.app.remaining(true);
  if (!extras.empty()) return report(program.globals, unknown_word(command, extras.front(), help));
  std::string message = error.what();
  while (message.ends_with('\n') || message.ends_with('.')) message.pop_back();
  if (message == "A subcommand is required") message = "which command?";
  return report(program.globals, {"CLI014", message, help});
}

}  // namespace

CLI::App* Program::add(const std::string& name, const std::string& text, bool state) {
  auto* command = app.add_subcommand(name, text);
  command->add_option("--output", globals.output, "text or json")->check(CLI::IsMember({"text", "json"}));
  if (state)
    command->add_option("--state", globals.state, "state directory of the running Durward")
        ->envname("DURWARD_STATE")
        ->required();
  return command;
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> out;
  for (const auto* option : command.get_options())
    for (const auto& name : option->get_lnames()) out.push_back("--" + name);
  for (const auto* group : command.get_subcommands({}))
    if (group->get_name().empty())
      for (const auto& name : options_of(*group)) out.push_back(name);
  return out;
}

int run(int argc, char** argv) {
  Program program;
  program.app.require_subcommand(1);
  for (const auto add :
       {add_up, add_validate, add_plan, add_apply, add_status, add_can, add_explain, add_render, add_sessions,
        add_revoke, add_token, add_log, add_doctor, add_import, add_schema, add_version, add_completion})
    add(program);
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return usage_error(program, error);
    program.app.exit(error);  // --help
    return Exit::ok;
  }
  return program.chosen ? program.chosen() : static_cast<int>(Exit::error);
}

}  // namespace durward::cli

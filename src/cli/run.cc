#include "cli/terminal.h"

namespace durward::cli {

CLI::App* Program::add(const std::string& name, const std::string& text, bool state) {
  auto* command = app.add_subcommand(name, text);
  command->add_option("--output", globals.output, "text or json")->check(CLI::IsMember({"text", "json"}));
  if (state)
    command->add_option("--state", globals.state, "state directory of the running Durward")
        ->envname("DURWARD_STATE")
        ->required();
  return command;
}

int run(int argc, char** argv) {
  Program program;
  program.app.require_subcommand(1);
  for (const auto add :
       {add_up, add_validate, add_plan, add_apply, add_status, add_can, add_explain, add_render, add_sessions,
        add_revoke, add_token, add_log, add_doctor, add_schema, add_version, add_completion})
    add(program);
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = program.app.exit(error);
    return code == 0 ? Exit::ok : Exit::error;
  }
  return program.chosen ? program.chosen() : static_cast<int>(Exit::error);
}

}  // namespace durward::cli

#include <fmt/format.h>

#include "base/text.h"
#include "cli/terminal.h"

namespace durward::cli {
namespace {

// Made from the same table as the parser, so that it cannot fall behind.
std::string bash(const CLI::App& app) {
  std::vector<std::string> commands;
  std::string cases;
  const auto add = [&](const std::string& name, const CLI::App& command) {
    std::vector<std::string> words = options_of(command);
    for (const auto* sub : command.get_subcommands({})) {
      if (sub->get_name().empty()) continue;  // a group of options
      words.push_back(sub->get_name());
      for (const auto& option : options_of(*sub)) words.push_back(option);
    }
    cases += fmt::format("    {}) words=\"{}\" ;;\n", name, join(words, " "));
  };
  for (const auto* command : app.get_subcommands({})) {
    commands.push_back(command->get_name());
    add(command->get_name(), *command);
  }
  return fmt::format(
      "_durward() {{\n  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" words=\"{}\"\n"
      "  if [ \"$COMP_CWORD\" -gt 1 ]; then\n    case \"${{COMP_WORDS[1]}}\" in\n{}    esac\n  fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  [ ${{#COMPREPLY[@]}} -eq 0 ] && COMPREPLY=($(compgen -f -- \"$current\"))\n}}\ncomplete -F _durward "
      "durward\n",
      join(commands, " "), cases);
}

}  // namespace

void add_completion(Program& program) {
  auto shell = std::make_shared<std::string>("bash");
  auto* command =
      program.app.add_subcommand("completion", "Completion for a shell: source <(durward completion bash)");
  command->add_option("shell", *shell, "bash (zsh reads it through bashcompinit)")
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->capture_default_str();
  command->callback([&program, shell] {
    program.chosen = [&program, shell] {
      if (*shell == "zsh") print("autoload -U +X bashcompinit && bashcompinit\n");
      print(bash(program.app));
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

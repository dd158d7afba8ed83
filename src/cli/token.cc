#include <fmt/format.h>

#include "cli/client.h"

namespace durward::cli {

void add_token(Program& program) {
  struct Options {
    std::string person, session, host, name, life = "1h";
  };
  auto options = std::make_shared<Options>();
  auto* token = program.app.add_subcommand("token", "Bearer tokens for API clients");
  token->require_subcommand(1);
  auto* command =
      token->add_subcommand("create", "Make a token for one host, from a live login; it is shown once");
  command->add_option("--state", program.globals.state, "state directory of the running Durward")
      ->envname("DURWARD_STATE")
      ->required();
  command->add_option("--output", program.globals.output, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  auto* whose = command->add_option_group("whose", "exactly one of");
  whose->add_option("--person", options->person, "the live login of the person with this verified e-mail");
  whose->add_option("--session", options->session, "a login, by the ID that `durward sessions` shows");
  whose->require_option(1);
  command->add_option("--host", options->host, "the app host it is good for")->required();
  command->add_option("--for", options->life, "how long: 30s, 15m, 8h, 7d")->capture_default_str();
  command->add_option("--name", options->name, "what it is for, as `durward sessions` shows it")->required();
  command->callback([&program, options] {
    program.chosen = [&program, options]() -> int {
      const auto life = parse_duration(options->life);
      if (!life)
        return report(program.globals,
                      {"CLI012", "'" + options->life + "' is not a duration", "30s, 15m, 8h or 7d"});
      const auto answer = ask_or_report(program.globals, "POST", "/v1/token",
                                        {{"person", options->person},
                                         {"session", options->session},
                                         {"host", options->host},
                                         {"name", options->name},
                                         {"seconds", life->count()}});
      if (!answer) return Exit::error;
      if (program.globals.json())
        print_json(*answer);
      else
        print(fmt::format("{}\n", (*answer)["token"].get<std::string>()));
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

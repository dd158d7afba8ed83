#include <fmt/format.h>

#include "cli/client.h"

namespace durward::cli {

void add_revoke(Program& program) {
  struct Options {
    std::string person, session;
    bool all = false;
  };
  auto options = std::make_shared<Options>();
  auto* command =
      program.add("revoke", "End logins now: sessions refused, open streams cut, before it returns", true);
  auto* whom = command->add_option_group("whom", "exactly one of");
  whom->add_option("--person", options->person, "everything of the person with this verified e-mail");
  whom->add_option("--session", options->session, "one login, by the ID that `durward sessions` shows");
  whom->add_flag("--all", options->all, "everyone");
  whom->require_option(1);
  command->callback([&program, options] {
    program.chosen = [&program, options]() -> int {
      Json body = Json::object();
      if (!options->person.empty()) body["person"] = options->person;
      if (!options->session.empty()) body["session"] = options->session;
      if (options->all) body["all"] = true;
      const auto answer = ask_or_report(program.globals, "POST", "/v1/revoke", body);
      if (!answer) return Exit::error;
      if (program.globals.json())
        print_json(*answer);
      else
        print(fmt::format("{} ended, {} with them\n", counted((*answer)["logins"].size(), "login", "logins"),
                          counted((*answer)["sessions"].get<std::size_t>(), "session", "sessions")));
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

#include "base/text.h"
#include "cli/client.h"

namespace durward::cli {

void add_sessions(Program& program) {
  auto* command = program.add("sessions", "Who is logged in, where, and until when", true);
  command->callback([&program] {
    program.chosen = [&program]() -> int {
      const auto answer = ask_or_report(program.globals, "GET", "/v1/sessions");
      if (!answer) return Exit::error;
      if (program.globals.json()) {
        print_json(*answer);
        return Exit::ok;
      }
      if (answer->empty()) {
        print("nobody is logged in\n");
        return Exit::ok;
      }
      Table table{{"ID", "KIND", "WHO", "PROVIDER", "ROLES", "HOSTS", "LAST SEEN", "ENDS"}, {}};
      for (const auto& login : *answer)
        table.rows.push_back({login["id"], login["kind"],
                              login.value("email", login["subject"].get<std::string>()), login["provider"],
                              join(login["roles"], ","), join(login["hosts"], ","), login["last_seen"],
                              login["ends"]});
      print(table.text());
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

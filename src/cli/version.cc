#include "cli/terminal.h"
#include "policy/window.h"

namespace durward::cli {

void add_version(Program& program) {
  auto* command = program.add("version", "Which Durward this is");
  command->callback([&program] {
    program.chosen = [&program] {
      if (program.globals.json())
        print_json(Json{{"version", DURWARD_VERSION}, {"tzdata", policy::tzdata_version()}});
      else
        print("durward " DURWARD_VERSION " (tzdata " + policy::tzdata_version() + ")\n");
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

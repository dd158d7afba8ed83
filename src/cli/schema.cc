#include "model/schema.h"

#include "cli/terminal.h"

namespace durward::cli {

void add_schema(Program& program) {
  auto* command = program.add("schema", "The JSON Schema of the bundle language, for editors");
  command->callback([&program] {
    program.chosen = [] {
      print(model::json_schema());
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

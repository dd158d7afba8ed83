#include <fmt/format.h>

#include "cli/client.h"

namespace durward::cli {

void add_status(Program& program) {
  auto* command = program.add("status", "What is in force, and whether HAProxy agrees", true);
  command->callback([&program] {
    program.chosen = [&program]() -> int {
      const auto answer = ask_or_report(program.globals, "GET", "/v1/status");
      if (!answer) return Exit::error;
      const Json& s = *answer;
      if (program.globals.json()) {
        print_json(s);
      } else {
        const auto text = [&](const char* name) { return s[name].get<std::string>(); };
        std::string out =
            fmt::format("{}  generation {}  bundle {}\n", s["ready"].get<bool>() ? "ready" : "NOT READY",
                        text("generation"), text("bundle"));
        if (!text("problem").empty()) out += fmt::format("problem: {}\n", text("problem"));
        out += fmt::format("haproxy {}  worker {}  reloads {}  resyncs {}  draining {}\n",
                           s["haproxy"]["version"].get<std::string>(), s["haproxy"]["worker"].get<int>(),
                           s["haproxy"]["reloads"].get<int>(), s["haproxy"]["resyncs"].get<int>(),
                           s["haproxy"]["old_workers"].size());
        out += fmt::format("sessions {}  classes {}  verdicts {}\n", s["sessions"].get<std::size_t>(),
                           s["classes"].get<std::size_t>(), s["verdicts"].get<std::size_t>());
        out += fmt::format("with Durward gone, everything lapses within {} s ({} s left)\n",
                           s["lease"].value("seconds", 0), s["lease"]["seconds_left"].get<std::int64_t>());
        if (s.contains("apps"))
          for (const auto& app : s["apps"])
            out += fmt::format("  app {}: {} routes\n", app["name"].get<std::string>(),
                               app["routes"].get<std::size_t>());
        print(out);
      }
      return s["ready"].get<bool>() ? Exit::ok : Exit::error;
    };
  });
}

}  // namespace durward::cli

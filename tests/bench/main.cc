// durward_bench: measures what the project promises. Progress goes to stderr; the last line of stdout is,
// with
// --json, one JSON object.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bench.h"
#include "product.h"

namespace {

using durward::bench::Figure;
using durward::bench::Options;

bool chosen(const Figure& figure, const Options& options) {
  if (options.soak_minutes > 0 || figure.name == "soak")
    return options.soak_minutes > 0 && figure.name == "soak";
  if (options.only.empty()) return options.full || !figure.full_only;
  if (figure.name.find(options.only) != std::string::npos) return true;
  for (const auto& bar : figure.bars)
    if (bar.number.find(options.only) != std::string::npos) return true;
  return false;
}

void list() {
  for (const auto& figure : durward::bench::figures()) {
    fmt::print("{}{}: {}\n", figure.name, figure.full_only ? " (--full)" : "", figure.says);
    for (const auto& bar : figure.bars)
      fmt::print("    {}{}\n", bar.number,
                 bar.at_most < 0 ? "" : fmt::format(": at most {:g} {}", bar.at_most, bar.unit));
  }
}

int measure(durward::bench::Run& run) {
  bool any = false;
  for (const auto& figure : durward::bench::figures()) {
    if (!chosen(figure, run.options())) continue;
    any = true;
    run.say(fmt::format("{}: {}", figure.name, figure.says));
    if (const auto done = figure.measure(run); !done) {
      run.say(fmt::format("{}: {} {}", figure.name, done.error().code, done.error().message));
      if (!done.error().hint.empty()) run.say("  " + done.error().hint);
      return 1;
    }
  }
  if (!any) run.say("no figure has that name; --list names them");
  return any ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  // Not for people: the product in a process of its own, as Product::start() begins it.
  if (argc == 5 && std::string_view(argv[1]) == "--product")
    return durward::bench::serve_product(argv[2], argv[3], argv[4]);
  Options options;
  const char* haproxy = std::getenv("DURWARD_HAPROXY");
  options.haproxy = haproxy != nullptr ? haproxy : "haproxy";
  bool json = false, names = false;
  CLI::App app("Measures what the project promises; docs/performance.md explains each figure.",
               "durward_bench");
  app.add_flag("--json", json, "the last line of the output is one JSON object");
  app.add_flag("--full", options.full, "with what takes long: a million sessions");
  app.add_flag("--list", names, "name the figures and their bars");
  app.add_option("--only", options.only, "figures or numbers whose name contains this");
  app.add_option("--rounds", options.rounds, "rounds of each side, instead of each figure's own choice");
  app.add_option("--soak", options.soak_minutes,
                 "run everything at once for so many minutes, and nothing else");
  app.add_option("--seed", options.seed, "of every random draw");
  app.add_option("--durward", options.durward, "the durward program to measure as a process of its own");
  CLI11_PARSE(app, argc, argv);
  if (names) {
    list();
    return 0;
  }
  durward::bench::Run run(options);
  if (const int failed = measure(run); failed != 0) return failed;
  if (json) fmt::print("{}\n", run.result().dump());
  return 0;
}

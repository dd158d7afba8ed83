#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "cli/offline.h"
#include "sys/file_store.h"

namespace durward::cli {
namespace {

Status write_all(const generation::Generation& generation, const std::string& directory) {
  for (const auto* sub : {"", "/maps", "/pages"})
    if (auto made = sys::make_directories(directory + sub, 0755); !made) return made;
  for (const auto& [name, rows] : generation.maps)
    if (auto done = sys::write_file(directory + "/maps/" + name, generation::map_text(rows), 0644); !done)
      return done;
  for (const auto& [name, page] : generation.pages)
    if (auto done = sys::write_file(directory + "/pages/" + name, page, 0644); !done) return done;
  return sys::write_file(directory + "/haproxy.cfg", generation.config, 0644);
}

std::vector<std::string> names_of(const std::map<std::string, generation::SharedRows>& maps) {
  std::vector<std::string> out;
  for (const auto& [name, rows] : maps) out.push_back(name);
  return out;
}

// Empty when `text` is a version that a configuration can be written for.
std::string haproxy_version_problem(const std::string& text) {
  const auto parts = split(text, '.');
  std::vector<unsigned> numbers;
  for (const auto& part : parts) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc() || end != part.data() + part.size()) break;
    numbers.push_back(number);
  }
  if (numbers.size() != parts.size() || numbers.size() < 2 || numbers.size() > 3)
    return fmt::format("'{}' is not a version such as 2.6 or 3.0", text);
  const bool old = numbers[0] < 2 || (numbers[0] == 2 && numbers[1] < 6);
  return old ? fmt::format("'{}' is older than 2.6, the oldest that Durward writes for", text) : "";
}

}  // namespace

void add_render(Program& program) {
  struct Options {
    BundleOptions bundle;
    std::string out, map;
  };
  auto options = std::make_shared<Options>();
  auto* command = program.add("render", "Print the haproxy.cfg of a bundle, or write the whole generation");
  add_bundle_options(*command, options->bundle);
  command->add_option("--haproxy-version", options->bundle.haproxy, "HAProxy to write for, MAJOR.MINOR")
      ->check(haproxy_version_problem)
      ->capture_default_str();
  command->add_option("--out", options->out, "write haproxy.cfg, maps and pages into this directory");
  command->add_option("--map", options->map, "print this map instead, for example routes.map");
  command->callback([&program, options] {
    program.chosen = [&program, options]() -> int {
      const auto compiled = compile_and_show(program.globals, options->bundle);
      if (!compiled.usable()) return unusable(program.globals, compiled);
      const auto& generation = *compiled.generation;
      if (!options->out.empty()) {
        if (auto written = write_all(generation, options->out); !written)
          return report(program.globals, written.error());
      }
      if (program.globals.json()) {
        Json maps = Json::object();
        for (const auto& [name, rows] : generation.maps) maps[name] = generation::map_text(rows);
        print_json(Json{{"generation", generation.name}, {"config", generation.config}, {"maps", maps}});
      } else if (!options->map.empty()) {
        const auto found = generation.maps.find(options->map);
        if (found == generation.maps.end())
          return report(program.globals, {"CLI003", "there is no map '" + options->map + "'",
                                          suggest(options->map, names_of(generation.maps))});
        print(generation::map_text(found->second));
      } else if (options->out.empty()) {
        print(generation.config);
      } else {
        print(fmt::format("generation {} written to {}\n", generation.name, options->out));
      }
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

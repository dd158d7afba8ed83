#include <date/date.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "accesslog/event.h"
#include "accesslog/segment_reader.h"
#include "base/text.h"
#include "cli/terminal.h"
#include "dataplane/haproxy.h"
#include "sys/file_store.h"

namespace durward::cli {
namespace {

struct Options {
  std::size_t lines = 20;
  bool follow = false;
};

// The log holds ordinals; the generation it was written under knows the names of the rules, while it is kept.
class RuleNames {
 public:
  explicit RuleNames(dataplane::Paths paths) : paths_(std::move(paths)) {}

  struct Named {
    std::vector<std::string> rules;  // sorted; "#2" where the name is lost
    bool known = true;
  };
  Named of(const accesslog::AccessEvent& event, const std::string& row) {
    Named out;
    const auto& kept = load(event.generation);
    const auto found = kept.rows.find(row);
    out.known = kept.there;
    const auto ordinals = found == kept.rows.end() ? std::vector<std::string>() : split(found->second, ';');
    for (const auto ordinal : event.verdict.rules) {
      if (ordinal >= ordinals.size())
        out.rules.push_back(fmt::format("#{}", ordinal));
      else
        for (const auto& id : split(ordinals[ordinal], ',')) out.rules.push_back(id);
    }
    std::sort(out.rules.begin(), out.rules.end());
    return out;
  }

 private:
  struct Kept {
    bool there = false;
    std::map<std::string, std::string> rows;
  };

  const Kept& load(const std::string& generation) {
    auto [entry, fresh] = known_.try_emplace(generation);
    auto& kept = entry->second;
    if (!fresh || generation.empty()) return kept;
    const auto text = sys::read_file(paths_.generations() + "/" + generation + "/rule_ids");
    kept.there = text.has_value();
    for (const auto& line : split(text.value_or(""), '\n'))
      if (const auto space = line.find(' '); space != std::string::npos)
        kept.rows.emplace(line.substr(0, space), line.substr(space + 1));
    return kept;
  }
  dataplane::Paths paths_;
  std::map<std::string, Kept> known_;
};

std::string row_text(const accesslog::RouteRow& row) {
  std::string out = row.policy + "|" + row.backend + "|" + row.route;
  for (const auto& flag : row.flags) out += "|" + flag;
  return out;
}

Json to_json(const accesslog::AccessEvent& event, RuleNames& names) {
  Json out = {{"time_ms", event.accepted.time_since_epoch().count()},
              {"sequence", event.seq},
              {"pid", event.pid},
              {"request_id", event.request_id},
              {"client", event.client_ip},
              {"method", event.method},
              {"host", event.host},
              {"path", event.path},
              {"status", event.status},
              {"outcome", event.why.empty() ? "allowed" : event.why},
              {"session", event.session},
              {"generation", event.generation}};
  if (event.class_id) out["class"] = *event.class_id;
  if (event.duration) out["duration_ms"] = event.duration->count();
  out["bytes"] = event.bytes;
  if (event.row) {
    out["route"] = event.row->route;
    out["policy"] = event.row->policy;
    const auto [rules, known] = names.of(event, row_text(*event.row));
    out["rule"] = rules.empty() ? Json() : Json(rules.front());
    out["rules"] = rules;
    if (!known) out["rules_named"] = false;
  }
  return out;
}

std::string time_text(std::int64_t ms) {
  return date::format("%FT%TZ",
                      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(ms)));
}

std::string text_of(const Json& event) {
  const auto text = [&](const char* name) {
    const auto found = event.find(name);
    const bool set =
        found != event.end() && found->is_string() && !found->get_ref<const std::string&>().empty();
    return set ? found->get<std::string>() : std::string("-");
  };
  return fmt::format("{} {} {} {} {}{} {} session={} route={} rule={} {} ms\n",
                     time_text(event["time_ms"].get<std::int64_t>()), text("client"),
                     event["status"].get<int>(), text("method"), text("host"), text("path"), text("outcome"),
                     text("session"), text("route"), text("rule"), event.value("duration_ms", 0));
}

struct Line {
  std::string text;
  std::string lost = {};  // the generation whose rules have no names any more
};

Line show(const Globals& globals, const accesslog::ReadItem& item, RuleNames& names) {
  if (item.damaged_bytes > 0) {
    const Json json = {
        {"damaged_bytes", item.damaged_bytes}, {"segment", item.segment}, {"offset", item.offset}};
    return {globals.json()
                ? json.dump() + "\n"
                : fmt::format("!! {} damaged bytes in segment {}\n", item.damaged_bytes, item.segment)};
  }
  if (item.record.kind == accesslog::RecordKind::header) return {};
  if (item.record.kind == accesslog::RecordKind::event) {
    const Json json = {{"time_ms", item.record.received_ms}, {"event", item.record.payload}};
    return {globals.json()
                ? json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"
                : fmt::format("{} -- {}\n", time_text(item.record.received_ms), item.record.payload)};
  }
  const auto event = accesslog::parse(item.record.payload);
  if (!event)
    return {globals.json() ? Json{{"unreadable", event.error().message}}.dump() + "\n"
                           : "!! unreadable line\n"};
  const Json json = to_json(*event, names);
  return {globals.json() ? json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : text_of(json),
          json.value("rules_named", true) ? "" : event->generation};
}

// Says once, beside the first line that is shown of it, that a generation's names are gone.
class Printer {
 public:
  explicit Printer(std::string generations) : generations_(std::move(generations)) {}
  void print(const Line& line) {
    if (!line.lost.empty() && said_.insert(line.lost).second)
      print_error(
          fmt::format("note: generation {} is no longer in {}: its rules are shown by number, as the policy "
                      "counts them\n",
                      line.lost, generations_));
    cli::print(line.text);
  }

 private:
  std::string generations_;
  std::set<std::string> said_;
};

int tail(const Globals& globals, const Options& options) {
  const dataplane::Paths paths{globals.state};
  Printer printer(paths.generations());
  RuleNames names(paths);
  auto reader = accesslog::SegmentReader::open(paths.log());
  if (!reader) return report(globals, reader.error());
  std::vector<Line> last;  // a ring of the newest lines until the end is reached
  std::size_t next = 0;
  bool caught_up = false;
  for (;;) {
    auto item = reader->next();
    if (!item) return report(globals, item.error());
    if (*item) {
      Line line = show(globals, **item, names);
      if (line.text.empty()) continue;
      if (caught_up)
        printer.print(line);
      else if (last.size() < options.lines)
        last.push_back(std::move(line));
      else if (options.lines > 0)
        last[next++ % options.lines] = std::move(line);
      continue;
    }
    if (!caught_up)
      for (std::size_t i = 0; i < last.size(); ++i) printer.print(last[(next + i) % last.size()]);
    caught_up = true;
    if (!options.follow) return Exit::ok;
    reader->wait(std::chrono::seconds(1));
  }
}

}  // namespace

void add_log(Program& program) {
  auto options = std::make_shared<Options>();
  auto* log = program.app.add_subcommand("log", "The access log");
  log->require_subcommand(1);
  auto* command = log->add_subcommand("tail", "The newest lines: who was let where, and why not");
  command->add_option("--state", program.globals.state, "state directory of Durward")
      ->envname("DURWARD_STATE")
      ->required();
  command->add_option("--output", program.globals.output, "text or json (one object a line)")
      ->check(CLI::IsMember({"text", "json"}));
  command->add_option("--lines,-n", options->lines, "how many")->capture_default_str();
  command->add_flag("--follow,-f", options->follow, "go on as lines come");
  command->callback([&program, options] {
    program.chosen = [&program, options] { return tail(program.globals, *options); };
  });
}

}  // namespace durward::cli

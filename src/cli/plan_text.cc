#include "cli/plan_text.h"

#include <fmt/format.h>

#include "app/access.h"
#include "base/text.h"

namespace durward::cli {
namespace {

std::vector<std::string> strings(const Json& list) {
  return list.get<std::vector<std::string>>();
}

std::string people_text(const Json& names) {
  auto shown = strings(names);
  const std::size_t all = shown.size();
  if (all > people_shown_max) {
    shown.resize(people_shown_max);
    shown.push_back(fmt::format("and {} more", all - people_shown_max));
  }
  return join(shown, ", ");
}

std::string route_line(const Json& route) {
  std::vector<std::string> urls;
  for (const auto& host : strings(route["hosts"])) urls.push_back(host + route["path"].get<std::string>());
  return fmt::format("{} {} {}  ({}/{}, {})\n", route["opens"].get<bool>() ? "!" : " ",
                     app::method_words(strings(route["methods"])), join(urls, " "),
                     route["app"].get<std::string>(), route["route"].get<std::string>(),
                     route["at"].get<std::string>());
}

std::string share_text(const Json& share) {
  std::string who = share["who"].get<std::string>();
  if (share["open"].get<bool>()) who = "OPEN: " + who;
  const auto when = strings(share["when"]);
  return when.empty() ? who : who + "; " + join(when, "; ");
}

// One direction: "+" or "-", what the rules say, then who is logged in.
std::string side_text(const Json& route, const char* sign, const char* key, const char* may) {
  std::string out;
  for (const auto& share : route[key]) out += fmt::format("    {} {}\n", sign, share_text(share));
  if (route.value(may, false))
    out += fmt::format("    {} more people than can be said: the rules differ in too many ways\n", sign);
  if (!route.contains("people") || route["people"][key].empty()) return out;
  if (out.empty())
    return fmt::format("    {} {} (by the roles they hold then)\n", sign, people_text(route["people"][key]));
  return out + fmt::format("      logged in now: {}\n", people_text(route["people"][key]));
}

std::string changes_text(const Json& route) {
  return side_text(route, "+", "gain", "may_gain") + side_text(route, "-", "lose", "may_lose");
}

}  // namespace

std::string access_text(const Json& access) {
  std::string out = "access: " + access["summary"].get<std::string>();
  if (access.contains("people"))
    out += fmt::format(" ({} logged in)",
                       counted(access["people"]["logged_in"].get<std::size_t>(), "person", "people"));
  out += "\n";
  // Routes that change alike stand together.
  const auto& routes = access["routes"];
  std::size_t shown = 0;
  for (; shown < routes.size() && shown < routes_shown_max; ++shown) {
    out += route_line(routes[shown]);
    const std::string changes = changes_text(routes[shown]);
    const bool more = shown + 1 < routes.size() && shown + 1 < routes_shown_max;
    if (!more || changes_text(routes[shown + 1]) != changes) out += changes;
  }
  if (shown < routes.size())
    out += fmt::format("  and {} more routes; --output json has them all\n", routes.size() - shown);
  for (const auto& line : strings(access["definitions"])) out += "  " + line + "\n";
  if (access.contains("people") && !access["people"]["logged_out"].empty())
    out += fmt::format("  logged out: {}\n", people_text(access["people"]["logged_out"]));
  if (!access["complete"].get<bool>())
    out += "  some paths were not looked at: a host has more kinds of them than are compared\n";
  return out;
}

std::string plan_text(const Json& answer) {
  const auto& plan = answer["plan"];
  const auto change = plan["change"].get<std::string>();
  const bool nothing = change == "nothing";
  std::string out = fmt::format("generation {}{}\n", answer["generation"].get<std::string>(),
                                nothing ? ": nothing changes for HAProxy" : "");
  if (answer.contains("access")) out += access_text(answer["access"]);
  if (nothing) return out;
  for (const auto& line : plan["config"]) out += "  " + line.get<std::string>() + "\n";
  for (const auto& map : plan["maps"])
    out += fmt::format("  {}: {} rows come, {} change, {} go\n", map["map"].get<std::string>(),
                       map["added"].get<std::size_t>(), map["changed"].get<std::size_t>(),
                       map["removed"].get<std::size_t>());
  out += plan["reload"].get<bool>() ? fmt::format("reload: {}\n", plan["reason"].get<std::string>())
                                    : std::string("no reload: only maps change\n");
  return out;
}

}  // namespace durward::cli

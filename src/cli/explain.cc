#include <fmt/format.h>

#include "base/text.h"
#include "cli/offline.h"
#include "cli/question.h"
#include "model/words.h"
#include "policy/evaluate.h"
#include "sys/clock.h"

namespace durward::cli {
namespace {

struct Options {
  BundleOptions bundle;
  Question question;
};

std::string names(const std::vector<Spanned<std::string>>& list) {
  std::vector<std::string> out;
  for (const auto& item : list) out.push_back(item.value);
  return join(out, ", ");
}

std::string who(const model::Audience& audience) {
  switch (audience.who) {
    case model::Who::anyone:
      return "anyone";
    case model::Who::anonymous:
      return "anonymous";
    case model::Who::signed_in:
      return "signedIn";
    case model::Who::roles:
      break;
  }
  std::string out = "roles";
  if (!audience.any_of.empty()) out += " any of [" + names(audience.any_of) + "]";
  if (!audience.all_of.empty()) out += " all of [" + names(audience.all_of) + "]";
  if (!audience.none_of.empty()) out += " none of [" + names(audience.none_of) + "]";
  return out;
}

std::string windows(const std::vector<model::WeeklyWindow>& list) {
  std::vector<std::string> out;
  for (const auto& window : list) out.push_back(model::print_window(window));
  return join(out, " or ");
}

std::string conditions(const char* word, const std::optional<model::Conditions>& set,
                       const model::Model& model) {
  if (!set) return "";
  std::vector<std::string> parts;
  if (set->acr) parts.push_back("acr " + model.gateway.acr[static_cast<std::size_t>(set->acr->value)].value);
  if (set->auth_age) parts.push_back("authAge " + duration_text(set->auth_age->value));
  if (set->weekly) parts.push_back("weekly " + windows(set->weekly->value));
  if (set->source) {
    std::vector<std::string> networks;
    for (const auto& cidr : set->source->value) networks.push_back(cidr.text());
    parts.push_back("source " + join(networks, " "));
  }
  return fmt::format(", {} {}", word, join(parts, " and "));
}

bool concerns(const model::AccessRule& rule, const model::Route& route) {
  if (rule.routes.empty()) return true;
  for (const auto& id : rule.routes)
    if (id.value == route.id.value) return true;
  return false;
}

std::string text_of(const policy::Verdict& verdict, const model::Model& model) {
  std::string out;
  if (verdict.route) {
    const auto& route = *verdict.route;
    out += fmt::format("route   {}/{}  {} {}  ({})\n", verdict.app->name.value, route.id.value,
                       route.methods.empty() ? "any method" : names(route.methods), route.path.value.text,
                       route.span.where());
    out += fmt::format("to      upstream {}\n", route.upstream.value);
    for (const auto& rule : verdict.app->access) {
      if (!concerns(rule, route)) continue;
      const bool decided =
          std::find(verdict.rules.begin(), verdict.rules.end(), rule.id.value) != verdict.rules.end();
      out += fmt::format("{}  {} {}: {}{}{}{}  ({})\n", decided ? "rule *" : "rule  ",
                         rule.effect == model::Effect::allow ? "allow" : "deny ", rule.id.value,
                         who(rule.audience), rule.methods.empty() ? "" : ", methods " + names(rule.methods),
                         conditions("when", rule.when, model), conditions("unless", rule.unless, model),
                         rule.span.where());
    }
  }
  out +=
      fmt::format("answer  {}\n        {}\n",
                  verdict.allow ? "allowed" : fmt::format("denied ({})", policy::to_string(verdict.reason)),
                  policy::describe(verdict.reason));
  return out;
}

}  // namespace

void add_explain(Program& program) {
  auto options = std::make_shared<Options>();
  auto* command =
      program.add("explain", "Explain a URL: its route, every rule that concerns it, and what decides");
  auto& question = options->question;
  command->add_option("url", question.url, "https://HOST/PATH")->required();
  command->add_option("--as", question.subject, "'anonymous' (the default), or a name or e-mail")
      ->capture_default_str();
  command->add_option("--method", question.method, "method")->capture_default_str();
  command->add_option("--roles", question.roles, "roles held")->delimiter(',');
  command->add_option("--acr", question.acr, "login level");
  command->add_option("--auth-age", question.auth_age, "how long ago they logged in");
  command->add_option("--source", question.source, "client address");
  command->add_option("--at", question.at, "time");
  add_bundle_options(*command, options->bundle);
  command->callback([&program, options] {
    program.chosen = [&program, options]() -> int {
      const auto compiled = compile_and_show(program.globals, options->bundle);
      if (!compiled.usable()) return Exit::error;
      const auto asked = prepare(options->question, *compiled.model, sys::SystemClock().now_seconds());
      if (!asked) return report(program.globals, asked.error());
      const auto verdict = policy::evaluate(*compiled.model, asked->subject, asked->request);
      if (program.globals.json())
        print_json(to_json(verdict, *compiled.model));
      else
        print(text_of(verdict, *compiled.model));
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

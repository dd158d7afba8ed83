#include <fmt/format.h>

#include "base/text.h"
#include "cli/offline.h"
#include "cli/question.h"
#include "model/phrases.h"
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
  std::string out = model::who_word(audience.who);
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
  if (set->auth_age) parts.push_back("authAge " + model::duration_text(set->auth_age->value));
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
  return std::any_of(rule.routes.begin(), rule.routes.end(),
                     [&](const auto& id) { return id.value == route.id.value; });
}

// The rules that concern the verdict's route, in the order of the bundle, and whether each decides.
struct Concerned {
  const model::AccessRule* rule;
  bool decides;
};

std::vector<Concerned> concerned(const policy::Verdict& verdict) {
  std::vector<Concerned> out;
  if (!verdict.route) return out;
  for (const auto& rule : verdict.app->access)
    if (concerns(rule, *verdict.route))
      out.push_back({&rule, std::find(verdict.rules.begin(), verdict.rules.end(), rule.id.value) !=
                                verdict.rules.end()});
  return out;
}

// "anyone, methods POST, unless source 10.0.0.0/8"
std::string rule_text(const model::AccessRule& rule, const model::Model& model) {
  return who(rule.audience) + (rule.methods.empty() ? "" : ", methods " + names(rule.methods)) +
         conditions("when", rule.when, model) + conditions("unless", rule.unless, model);
}

const char* effect(const model::AccessRule& rule) {
  return rule.effect == model::Effect::allow ? "allow" : "deny";
}

std::string needs(const policy::Verdict& verdict, const model::Model& model) {
  std::string out;
  if (verdict.acr_needed)
    out += fmt::format("needs   login level {} or above\n",
                       model.gateway.acr[static_cast<std::size_t>(*verdict.acr_needed)].value);
  if (verdict.age_needed)
    out += fmt::format("needs   a login at most {} old\n", model::duration_text(*verdict.age_needed));
  return out;
}

std::string text_of(const policy::Verdict& verdict, const model::Model& model) {
  std::string out;
  if (verdict.route) {
    const auto& route = *verdict.route;
    out += fmt::format("route   {}/{}  {} {}  ({})\n", verdict.app->name.value, route.id.value,
                       route.methods.empty() ? "any method" : names(route.methods), route.path.value.text,
                       route.span.where());
    out += fmt::format("to      upstream {}\n", route.upstream.value);
    for (const auto& [rule, decides] : concerned(verdict))
      out += fmt::format("{}  {:<5} {}: {}  ({})\n", decides ? "rule *" : "rule  ", effect(*rule),
                         rule->id.value, rule_text(*rule, model), rule->span.where());
  }
  out +=
      fmt::format("answer  {}\n        {}\n",
                  verdict.allow ? "allowed" : fmt::format("denied ({})", policy::to_string(verdict.reason)),
                  policy::describe(verdict.reason));
  return out + needs(verdict, model);
}

void add_place(Json& out, const SourceSpan& span) {
  if (!span.known()) return;
  out["file"] = span.file->path;
  out["line"] = span.line;
  out["column"] = span.column;
}

// The verdict as `can` gives it; with where the route stands, and every rule that concerns it.
Json json_of(const policy::Verdict& verdict, const model::Model& model) {
  Json out = to_json(verdict, model);
  out["description"] = policy::describe(verdict.reason);
  if (verdict.route) {
    const auto& route = *verdict.route;
    Json place = {{"path", route.path.value.text}, {"upstream", route.upstream.value}};
    place["methods"] = Json::array();
    for (const auto& method : route.methods) place["methods"].push_back(method.value);
    add_place(place, route.span);
    out["matched_route"] = place;
  }
  out["rules_considered"] = Json::array();
  for (const auto& [rule, decides] : concerned(verdict)) {
    Json item = {{"id", rule->id.value},
                 {"effect", effect(*rule)},
                 {"decides", decides},
                 {"text", rule_text(*rule, model)}};
    add_place(item, rule->span);
    out["rules_considered"].push_back(item);
  }
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
  add_subject_options(*command, question);
  add_bundle_options(*command, options->bundle);
  command->callback([&program, options] {
    program.chosen = [&program, options]() -> int {
      const auto compiled = compile_and_show(program.globals, options->bundle);
      if (!compiled.usable()) return unusable(program.globals, compiled);
      const auto asked = prepare(options->question, *compiled.model, sys::SystemClock().now_seconds());
      if (!asked) return report(program.globals, asked.error());
      const auto verdict = policy::evaluate(*compiled.model, asked->subject, asked->request);
      if (program.globals.json())
        print_json(json_of(verdict, *compiled.model));
      else
        print(text_of(verdict, *compiled.model));
      return Exit::ok;
    };
  });
}

}  // namespace durward::cli

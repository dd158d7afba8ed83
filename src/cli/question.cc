#include "cli/question.h"

#include <date/date.h>
#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "base/text.h"

namespace durward::cli {
namespace {

auto wrong(std::string message, std::string hint = {}) {
  return fail("CLI010", std::move(message), std::move(hint));
}

std::optional<std::chrono::seconds> age_of(const std::string& text) {
  if (auto duration = parse_duration(text)) return duration;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

std::optional<std::chrono::sys_seconds> instant_of(const std::string& text) {
  std::istringstream in(text);
  date::sys_seconds at;
  in >> date::parse(text.ends_with('Z') ? "%FT%TZ" : "%FT%T%Ez", at);
  if (in.fail() || in.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
  return at;
}

Status split_url(const std::string& url, policy::Request& request) {
  std::string_view rest = url;
  for (const std::string_view scheme : {"https://", "http://"})
    if (lower_ascii(rest.substr(0, scheme.size())) == scheme) {
      rest.remove_prefix(scheme.size());
      const auto slash = rest.find_first_of("/?");
      request.host = std::string(rest.substr(0, slash));
      rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
      // The path stays as it was written: whether it is ambiguous is part of the answer.
      request.path = rest.empty() || rest.front() == '?' ? "/" : std::string(rest.substr(0, rest.find('?')));
      return {};
    }
  return wrong("'" + url + "' is not a URL", "https://HOST/PATH");
}

Status add_roles(const Question& question, const model::Model& model, model::Subject& subject) {
  std::vector<std::string> known;
  for (const auto& [name, role] : model.roles) known.push_back(name);
  for (const auto* list : {&question.roles, &question.unknown_roles})
    for (const auto& role : *list) {
      if (!model.roles.contains(role)) return wrong("there is no role '" + role + "'", suggest(role, known));
      (list == &question.roles ? subject.roles : subject.unknown_roles).insert(role);
    }
  for (const auto& [name, role] : model.roles)
    for (const auto& member : role.members)
      if (member.kind == model::MemberLiteral::Kind::person &&
          member.value.value == lower_ascii(question.subject))
        subject.roles.insert(name);
  return {};
}

}  // namespace

void add_subject_options(CLI::App& command, Question& question) {
  command.add_option("--roles", question.roles, "roles held, comma-separated")->delimiter(',');
  command.add_option("--unknown-roles", question.unknown_roles, "roles that cannot be told")->delimiter(',');
  command.add_option("--acr", question.acr, "login level, a word of the gateway's ladder");
  command.add_option("--auth-age", question.auth_age, "how long ago they logged in: 30s, 5m, 2h");
  command.add_option("--source", question.source, "client address (unknown when left out)");
  command.add_option("--at", question.at, "time, 2026-11-23T09:00:00Z (now when left out)");
}

Result<Asked> prepare(const Question& question, const model::Model& model, std::chrono::sys_seconds now) {
  Asked out;
  out.request.method = question.method;
  if (auto split = split_url(question.url, out.request); !split) return tl::unexpected(split.error());
  out.request.at = now;
  if (!question.at.empty()) {
    const auto at = instant_of(question.at);
    if (!at) return wrong("'" + question.at + "' is not a time", "2026-11-23T09:00:00Z or …+01:00");
    out.request.at = *at;
  }
  if (!question.source.empty()) {
    out.request.source = model::IpAddress::parse(question.source);
    if (!out.request.source)
      return wrong("'" + question.source + "' is not an address", "10.1.2.3 or 2001:db8::1");
  }
  auto& subject = out.subject;
  subject.signed_in = question.subject != "anonymous";
  if (!subject.signed_in) {
    if (!question.roles.empty() || !question.unknown_roles.empty() || !question.acr.empty() ||
        !question.auth_age.empty())
      return wrong("someone anonymous has no roles, level or login age", "name a subject");
    return out;
  }
  subject.sub = question.subject;
  subject.email = lower_ascii(question.subject);
  if (auto added = add_roles(question, model, subject); !added) return tl::unexpected(added.error());
  if (!question.acr.empty()) {
    std::vector<std::string> ladder;
    for (const auto& level : model.gateway.acr) ladder.push_back(level.value);
    const auto found = std::find(ladder.begin(), ladder.end(), question.acr);
    if (found == ladder.end())
      return wrong("'" + question.acr + "' is not a level of the gateway", suggest(question.acr, ladder));
    subject.acr = static_cast<int>(found - ladder.begin());
  }
  if (!question.auth_age.empty()) {
    const auto age = age_of(question.auth_age);
    if (!age) return wrong("'" + question.auth_age + "' is not an age", "30s, 5m, 2h or seconds");
    subject.auth_time = out.request.at - *age;
  }
  return out;
}

Result<Question> question_from_json(const std::string& line) {
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) return wrong("not a JSON object");
  Question out;
  const std::map<std::string, std::string*> texts = {{"subject", &out.subject}, {"acr", &out.acr},
                                                     {"source", &out.source},   {"at", &out.at},
                                                     {"method", &out.method},   {"url", &out.url}};
  for (const auto& [key, value] : object.items()) {
    if (const auto text = texts.find(key); text != texts.end()) {
      if (!value.is_string()) return wrong("'" + key + "' is not a string");
      *text->second = value.get<std::string>();
    } else if (key == "auth_age") {
      if (!value.is_string() && !value.is_number_unsigned())
        return wrong("'auth_age' is neither seconds nor \"5m\"");
      out.auth_age =
          value.is_string() ? value.get<std::string>() : std::to_string(value.get<std::uint64_t>());
    } else if (key == "roles" || key == "unknown_roles") {
      if (!value.is_array()) return wrong("'" + key + "' is not a list of strings");
      for (const auto& role : value) {
        if (!role.is_string()) return wrong("'" + key + "' is not a list of strings");
        (key == "roles" ? out.roles : out.unknown_roles).push_back(role.get<std::string>());
      }
    } else {
      return wrong("unknown key '" + key + "'", suggest(key, {"subject", "roles", "unknown_roles", "acr",
                                                              "auth_age", "source", "at", "method", "url"}));
    }
  }
  if (out.url.empty()) return wrong("'url' is missing");
  return out;
}

Json to_json(const policy::Verdict& verdict, const model::Model& model) {
  Json out = {{"allow", verdict.allow}, {"reason", policy::to_string(verdict.reason)}};
  out["app"] = verdict.app ? Json(verdict.app->name.value) : Json();
  out["route"] = verdict.route ? Json(verdict.route->id.value) : Json();
  out["rule"] = verdict.rules.empty() ? Json() : Json(verdict.rule());
  out["rules"] = verdict.rules;
  if (verdict.acr_needed)
    out["acr_needed"] = model.gateway.acr[static_cast<std::size_t>(*verdict.acr_needed)].value;
  if (verdict.age_needed) out["age_needed_seconds"] = verdict.age_needed->count();
  return out;
}

}  // namespace durward::cli

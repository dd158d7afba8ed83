#include "judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace durward::differential {
namespace {

using policy::Reason;

int status_for(Reason reason) {
  switch (reason) {
    case Reason::allowed:
      return 200;
    case Reason::bad_request:
      return 400;
    case Reason::no_host:
    case Reason::no_route:
      return 404;
    case Reason::denied_by_rule:
    case Reason::no_rule:
      return 403;
    case Reason::login_required:
    case Reason::acr_required:
    case Reason::auth_age_required:
      return 401;
  }
  return 0;
}

// Before any rule: a connection opened for one name is not to be used for another.
bool misdirected(const Probe& probe) {
  return probe.h2 && !probe.sni.empty() && lower_ascii(probe.sni) != plain_host(probe.request.host);
}

std::string reason_in_log(const accesslog::AccessEvent& event) {
  if (event.why.empty()) return event.status == 400 ? "bad_request" : "allowed";
  return event.why.starts_with("bad_") ? "bad_request" : event.why;
}

std::string member(const std::string& json, const std::string& name) {
  const std::string key = "\"" + name + "\":\"";
  const auto at = json.find(key);
  if (at == std::string::npos) return "?";
  const auto begin = at + key.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

// The ids behind the ordinals, as a reader of the log finds them.
std::vector<std::string> rules_in_log(const accesslog::AccessEvent& event,
                                      const generation::Generation& generation) {
  std::vector<std::string> out;
  if (!event.why.empty() && event.why != "denied_by_rule") return out;
  const auto& row = *event.row;
  std::string key = row.policy + "|" + row.backend + "|" + row.route;
  for (const auto& flag : row.flags) key += "|" + flag;
  for (const auto& [route_row, ids] : generation.rule_ids) {
    if (route_row != key) continue;
    const auto ordinals = split(ids, ';');
    const auto& named = event.verdict.rules;
    for (std::size_t i = 0; i < ordinals.size(); ++i) {
      if (std::find(named.begin(), named.end(), i) == named.end()) continue;
      for (const auto& id : split(ordinals[i], ',')) out.push_back(id);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Comparison {
 public:
  Comparison(const Outcome& outcome, const accesslog::AccessEvent* event, const Candidate& candidate)
      : outcome_(outcome), event_(event), candidate_(candidate), verdict_(candidate.verdict) {}

  std::string run() {
    if (candidate_.refused) {
      const int came = outcome_.answer ? outcome_.answer->status : 0;
      if (came != 400 && came != 401 && came != 403 && came != 421 && came != 503)
        differ("status", "a refusal", std::to_string(came));
      return out_;
    }
    const bool turned_away = verdict_.reason != Reason::bad_request && misdirected(outcome_.probe);
    const std::string reason = turned_away ? "misdirected" : policy::to_string(verdict_.reason);
    const int status = turned_away ? 421 : status_for(verdict_.reason);
    if (!event_ && !outcome_.id.empty()) {
      equal("status", std::to_string(status), std::to_string(outcome_.answer->status));
      if (!turned_away && verdict_.route != nullptr) answered();
      return out_;
    }
    if (!event_) {
      // HAProxy's own parser, before there is a request: no line with an id.
      const bool parser = !outcome_.answer || outcome_.answer->status == 400;
      if (verdict_.reason != Reason::bad_request || !parser) differ("answer", reason, "none that is logged");
      return out_;
    }
    equal("reason in the log", reason, reason_in_log(*event_));
    equal("status", std::to_string(status), std::to_string(outcome_.answer->status));
    equal("status in the log", std::to_string(status), std::to_string(event_->status));
    if (!turned_away && verdict_.route != nullptr) judged();
    return out_;
  }

 private:
  void judged() {
    const std::string route = verdict_.app->name.value + "/" + verdict_.route->id.value;
    if (!event_->row) return differ("route in the log", route, "none");
    equal("route in the log", route, event_->row->route);
    // What is open to anyone is let through without a verdict, so the log names no rules.
    const bool open = event_->row->policy.starts_with('o');
    equal("rules in the log", open ? "" : join(verdict_.rules, ","),
          join(rules_in_log(*event_, *candidate_.generation), ","));
    answered();
  }
  void answered() {
    if (outcome_.answer->status != 403 || outcome_.probe.request.method == "HEAD") return;
    const std::string route = verdict_.app->name.value + "/" + verdict_.route->id.value;
    equal("reason", policy::to_string(verdict_.reason), member(outcome_.answer->body, "reason"));
    equal("route", route, member(outcome_.answer->body, "route"));
    equal("rule", verdict_.rule(), member(outcome_.answer->body, "rule"));
  }
  void equal(const char* what, const std::string& wanted, const std::string& got) {
    if (wanted != got) differ(what, wanted, got);
  }
  void differ(const char* what, const std::string& wanted, const std::string& got) {
    out_ += fmt::format("  {}: '{}' expected, '{}' came\n", what, wanted, got);
  }

  const Outcome& outcome_;
  const accesslog::AccessEvent* event_;
  const Candidate& candidate_;
  const policy::Verdict& verdict_;
  std::string out_;
};

}  // namespace

Candidate candidate(const generation::GenerationPtr& generation, const model::Subject& subject,
                    const Probe& probe, std::string about) {
  return {policy::evaluate(*generation->policies->model, subject, probe.request), generation,
          std::move(about), false};
}

std::string difference(const Outcome& outcome, const accesslog::AccessEvent* event) {
  std::string out;
  if (!event && !outcome.id.empty() && !outcome.unlogged) return "  no line in the log\n";
  for (const auto& right : outcome.right) {
    const std::string differs = Comparison(outcome, event, right).run();
    if (differs.empty()) return "";
    out += describe(right) + differs;
  }
  return out;
}

std::string describe(const Candidate& candidate) {
  const auto& verdict = candidate.verdict;
  const std::string route =
      verdict.route ? verdict.app->name.value + "/" + verdict.route->id.value : std::string("no route");
  return fmt::format("{}: {} on {} by [{}]\n", candidate.about, policy::to_string(verdict.reason), route,
                     join(verdict.rules, ","));
}

std::string describe(const Probe& probe) {
  const auto& subject = probe.subject;
  std::string who = subject.signed_in ? fmt::format("acr {}, roles", subject.acr) : "nobody";
  for (const auto& role : subject.roles) who += " " + role;
  for (const auto& role : subject.unknown_roles) who += " ?" + role;
  if (subject.auth_time)
    who += fmt::format(", authenticated {} s ago", (probe.request.at - *subject.auth_time).count());
  if (subject.signed_in && !probe.ends) who += ", without a session here";
  if (probe.ends) who += fmt::format(", session ends in {} s", (*probe.ends - probe.request.at).count());
  return fmt::format("at {} from {} as {}\n{}{}\n", probe.request.at.time_since_epoch().count(),
                     probe.request.source->text(), who,
                     probe.h2 ? fmt::format("HTTP/2, handshake for '{}'\n", probe.sni) : "", as_curl(probe));
}

}  // namespace durward::differential

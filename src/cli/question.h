// A question to the policy as people put it: a subject in words, a method and a URL.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "model/model.h"
#include "model/subject.h"
#include "policy/evaluate.h"

namespace durward::cli {

struct Question {
  std::string subject = "anonymous";  // "anonymous", or a name or e-mail: signed in
  std::vector<std::string> roles, unknown_roles;
  std::string acr;       // a word of the gateway's ladder; empty = below it
  std::string auth_age;  // "5m" or seconds; empty = unknown
  std::string source;    // address; empty = unknown
  std::string at;        // "2026-11-23T09:00:00Z"; empty = now
  std::string method = "GET";
  std::string url;
};

// --roles, --unknown-roles, --acr, --auth-age, --source, --at: the same for every command that asks.
void add_subject_options(CLI::App& command, Question& question);

struct Asked {
  model::Subject subject;
  policy::Request request;
};

// Errors: CLI010 names what is wrong with the question, with a did-you-mean for roles and levels.
Result<Asked> prepare(const Question& question, const model::Model& model, std::chrono::sys_seconds now);
Result<Question> question_from_json(const std::string& line);
Json to_json(const policy::Verdict& verdict, const model::Model& model);

}  // namespace durward::cli

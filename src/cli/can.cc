#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "cli/offline.h"
#include "cli/question.h"
#include "model/phrases.h"
#include "policy/evaluate.h"
#include "sys/clock.h"

namespace durward::cli {
namespace {

constexpr std::size_t batch_line_bytes_max = 64U << 10;

struct Options {
  BundleOptions bundle;
  Question question;
  std::string batch;
};

int answer_one(const Globals& globals, const Question& question, const model::Model& model) {
  const auto asked = prepare(question, model, sys::SystemClock().now_seconds());
  if (!asked) return report(globals, asked.error());
  const auto verdict = policy::evaluate(model, asked->subject, asked->request);
  if (globals.json()) {
    print_json(to_json(verdict, model));
  } else {
    std::string text =
        verdict.allow ? "allowed" : fmt::format("denied ({})", policy::to_string(verdict.reason));
    if (verdict.route) text += fmt::format(": {}/{}", verdict.app->name.value, verdict.route->id.value);
    if (!verdict.rules.empty()) text += fmt::format(", rule {}", verdict.rule());
    text += fmt::format("\n  {}\n", policy::describe(verdict.reason));
    if (verdict.acr_needed)
      text += fmt::format("  needs login level {} or above\n",
                          model.gateway.acr[static_cast<std::size_t>(*verdict.acr_needed)].value);
    if (verdict.age_needed)
      text += fmt::format("  needs a login at most {} old\n", model::duration_text(*verdict.age_needed));
    print(text);
  }
  return verdict.allow ? Exit::ok : Exit::policy_violation;
}

// One JSON request a line in, one JSON verdict a line out, in order; a bad line gives {"error": …} in its
// place.
int answer_many(const Globals& globals, const std::string& file, const model::Model& model) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened)
      return report(globals, {"CLI011", "cannot read " + file, "a file with one JSON request a line, or -"});
  }
  std::istream& in = file == "-" ? std::cin : opened;
  const auto now = sys::SystemClock().now_seconds();
  std::string line, out;
  bool bad = false;
  while (std::getline(in, line)) {
    if (line.empty()) continue;
    auto question = line.size() > batch_line_bytes_max
                        ? Result<Question>(fail("CLI010", "the line is too long"))
                        : question_from_json(line);
    auto asked = question ? prepare(*question, model, now) : tl::unexpected(question.error());
    if (asked) {
      out += to_json(policy::evaluate(model, asked->subject, asked->request), model).dump() + "\n";
    } else {
      bad = true;
      Json error = {
          {"code", asked.error().code}, {"message", asked.error().message}, {"hint", asked.error().hint}};
      out += Json{{"error", error}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    if (out.size() > (1U << 20)) print(std::exchange(out, ""));
  }
  print(out);
  return bad ? Exit::error : Exit::ok;
}

}  // namespace

void add_can(Program& program) {
  auto options = std::make_shared<Options>();
  auto* command =
      program.add("can", "Say whether someone may do something, with the route, the rule and the reason");
  auto& question = options->question;
  command->add_option("subject", question.subject, "'anonymous', or a name or e-mail (signed in)");
  command->add_option("method", question.method, "GET, POST, …");
  command->add_option("url", question.url, "https://HOST/PATH");
  add_bundle_options(*command, options->bundle);
  add_subject_options(*command, question);
  command->add_option("--batch", options->batch, "judge many: a file with one JSON request a line, or -");
  command->callback([&program, options] {
    program.chosen = [&program, options]() -> int {
      const auto compiled = compile_and_show(program.globals, options->bundle);
      if (!compiled.usable()) return unusable(program.globals, compiled);
      if (!options->batch.empty()) return answer_many(program.globals, options->batch, *compiled.model);
      if (options->question.url.empty())
        return report(program.globals,
                      {"CLI010", "which URL?", "durward can SUBJECT METHOD URL, or --batch FILE"});
      return answer_one(program.globals, options->question, *compiled.model);
    };
  });
}

}  // namespace durward::cli

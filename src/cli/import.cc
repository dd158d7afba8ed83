#include <fmt/format.h>

#include "base/text.h"
#include "cli/offline.h"
#include "importer/draft.h"
#include "importer/report.h"
#include "sys/file_store.h"

namespace durward::cli {
namespace {

struct Options {
  std::string file, out, root;
  std::vector<std::string> variables;
  bool json = false;
};

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
}

// Files that the configuration names: below --root; else absolute ones where they are, others beside it.
importer::FileReader reader(const Options& options) {
  return [options](const std::string& path) -> Result<std::string> {
    if (path.find('\0') != std::string::npos) return fail("SYS001", "not a path");
    if (!options.root.empty()) return sys::read_file(options.root + "/" + path);
    return sys::read_file(path.starts_with('/') ? path : directory_of(options.file) + "/" + path);
  };
}

Json line_json(std::size_t number, const importer::Line& line) {
  Json notes = Json::array();
  for (const auto& note : line.notes)
    notes.push_back({{"kind", importer::kind_word(note.kind)}, {"text", note.text}});
  return {{"line", number},
          {"section", line.section},
          {"keyword", line.keyword},
          {"outcome", importer::outcome_word(line.outcome())},
          {"notes", notes}};
}

Json draft_json(const importer::Draft& draft, const Diagnostics& diagnostics, const std::string& source) {
  const importer::Counts counts = importer::count(draft.lines);
  Json lines = Json::array(), questions = Json::array(), files = Json::object();
  for (std::size_t i = 0; i < draft.lines.size(); ++i) lines.push_back(line_json(i + 1, draft.lines[i]));
  for (const auto& question : draft.questions)
    questions.push_back({{"about", importer::about_word(question.about)},
                         {"line", question.line},
                         {"text", question.text},
                         {"role", question.role}});
  for (const auto& file : draft.files) files[file.path] = file.text;
  return {{"source", source},
          {"apps", draft.apps},
          {"routes", draft.routes},
          {"counts",
           {{"lines", counts.lines},
            {"blank", counts.blank},
            {"carried", counts.carried},
            {"reported", counts.reported},
            {"both", counts.both},
            {"losing", counts.losing}}},
          {"questions", questions},
          {"lines", lines},
          {"files", files},
          {"diagnostics", to_json(diagnostics)}};
}

// Never over somebody's bundle: a directory that holds one is refused.
Status write_draft(const importer::Draft& draft, const std::string& out, const std::string& report) {
  const auto there = sys::exists(out) ? app::bundle_files(out) : std::vector<std::string>{};
  if (there && !there->empty())
    return fail("CLI015", fmt::format("'{}' holds a bundle already", out),
                "name a directory that is new or empty");
  if (auto made = sys::make_directories(out + "/apps", 0755); !made) return made;
  for (const auto& file : draft.files)
    if (auto done = sys::write_file(out + "/" + file.path, file.text, 0644); !done) return done;
  return sys::write_file(out + "/import-report.txt", report, 0644);
}

// The whole pipeline on what was written, as `durward validate` runs it.
bool compiles(const Globals& globals, const std::string& out) {
  app::CompileInput input;
  input.bundle = out;
  const app::Compiled compiled = app::compile(input);
  if (!compiled.usable() && !globals.json()) print_error(render_text(compiled.diagnostics) + "\n");
  return compiled.usable();
}

Result<importer::Variables> variables_of(const Options& options) {
  importer::Variables out;
  for (const std::string& text : options.variables) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail("CLI014", fmt::format("'{}' is not NAME=VALUE", text), "write --set NAME=VALUE");
    out[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return out;
}

int run_import(const Globals& globals, const Options& options) {
  auto text = sys::read_file(options.file);
  if (!text) return report(globals, text.error());
  auto variables = variables_of(options);
  if (!variables) return report(globals, variables.error());
  const auto slash = options.file.rfind('/');
  const std::string name = options.file.substr(slash == std::string::npos ? 0 : slash + 1);
  importer::Input input{std::make_shared<SourceFile>(SourceFile{name, std::move(*text)}),
                        std::move(*variables), reader(options)};
  Diagnostics diagnostics;
  const importer::Draft draft = importer::make_draft(input, diagnostics);
  const std::string words = importer::report_text(draft, name);
  const bool usable = !diagnostics.has_errors();
  if (usable && !options.out.empty() && !draft.files.empty()) {
    if (auto written = write_draft(draft, options.out, words); !written)
      return report(globals, written.error());
  }
  if (globals.json()) {
    print_json(draft_json(draft, diagnostics, name));
  } else {
    if (!diagnostics.all().empty())
      print_error(render_text(diagnostics, {.color = stderr_is_terminal()}) + "\n");
    print(words);
  }
  if (!usable) return Exit::error;
  if (options.out.empty() || draft.files.empty()) {
    if (!globals.json() && !draft.files.empty())
      print("\nnothing is written yet: --out DIR writes the draft\n");
    return Exit::ok;
  }
  if (!compiles(globals, options.out)) return Exit::error;
  if (!globals.json())
    print(fmt::format("\nwritten to {}: durward validate --bundle {}\n", options.out, options.out));
  return Exit::ok;
}

}  // namespace

void add_import(Program& program) {
  auto options = std::make_shared<Options>();
  auto* command =
      program.add("import", "Draft a bundle from a haproxy.cfg, and say what became of each line");
  command->add_option("file", options->file, "the haproxy.cfg")->required();
  command->add_option("--out", options->out,
                      "write the draft into this directory, which holds no bundle yet");
  command->add_option("--root", options->root,
                      "directory below which the files lie that it names (maps, lists)");
  command->add_option("--set", options->variables, "NAME=VALUE of an environment variable; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "the same as --output json");
  command->callback([&program, options] {
    program.chosen = [&program, options]() -> int {
      if (options->json) program.globals.output = "json";
      return run_import(program.globals, *options);
    };
  });
}

}  // namespace durward::cli

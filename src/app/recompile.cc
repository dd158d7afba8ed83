#include "app/recompile.h"

#include <set>
#include <utility>

#include "model/reload.h"
#include "policy/update.h"
#include "sys/file_store.h"

namespace durward::app {
namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string full_path(const CompileInput& input, const std::string& path) {
  return path.empty() ? input.bundle : input.bundle + "/" + path;
}

bool same_input(const CompileInput& a, const CompileInput& b) {
  return a.bundle == b.bundle && a.environment == b.environment && a.observed == b.observed &&
         a.platform == b.platform;
}

void add(const Diagnostic& finding, Diagnostics& out) {
  auto& copy = finding.severity == Severity::error
                   ? out.error(finding.code, finding.span, finding.message, finding.hint)
                   : out.warning(finding.code, finding.span, finding.message, finding.hint);
  copy.related = finding.related;
}

// What was found in files that are compiled anew is found again.
void keep_findings(const Diagnostics& before, const model::Model& part_before, const Diagnostics& fresh,
                   const model::Model& part_now, Diagnostics& out) {
  const auto files = [](const model::Model& part) {
    std::set<const SourceFile*> found;
    for (const auto* app : part.all_apps()) found.insert(app->name.span.file);
    return found;
  };
  const auto old = files(part_before), now = files(part_now);
  for (const auto& finding : before.all())
    if (!old.contains(finding.span.file)) add(finding, out);
  for (const auto& finding : fresh.all())
    if (now.contains(finding.span.file)) add(finding, out);
  out.sort();
}

}  // namespace

Compiled Recompiler::compile(const CompileInput& input) {
  if (last_ && same_input(last_->input, input))
    if (auto done = recompile(input)) {
      ++reused_;
      return std::move(*done);
    }
  return compile_whole(input);
}

Compiled Recompiler::compile_whole(const CompileInput& input) {
  last_.reset();
  std::map<std::string, sys::FileStamp> stamps;
  const auto before_reading = [&](const std::string& path) {
    if (const auto stamp = sys::file_stamp(full_path(input, path))) stamps.emplace(path, *stamp);
  };
  bool patched = false;
  Compiled out = app::compile(input, {.patched = &patched, .before_reading = before_reading});
  if (!out.usable() || patched) return out;
  last_ = Remembered{input, out.model, out.generation, out.diagnostics, {}};
  last_->files[""];
  for (const auto& file : out.model->files) {
    const std::string directory = directory_of(file->path);
    const std::string name = directory.empty() ? file->path : file->path.substr(directory.size() + 1);
    last_->files[directory].emplace(name, KnownFile{stamps[file->path], file});
  }
  return out;
}

std::optional<std::vector<SourceFilePtr>> Recompiler::changed_files() {
  std::vector<SourceFilePtr> out;
  for (auto& [directory, known] : last_->files) {
    const std::string path = full_path(last_->input, directory);
    const auto names = bundle_files(path);
    if (!names || names->size() != known.size()) return std::nullopt;
    for (const auto& name : *names) {
      const auto found = known.find(name);
      if (found == known.end()) return std::nullopt;
      const std::string file = path + "/" + name;
      const auto stamp = sys::file_stamp(file);
      if (!stamp) return std::nullopt;
      if (found->second.stamp.same_as(*stamp)) continue;
      auto text = sys::read_file(file);
      if (!text) return std::nullopt;
      found->second.stamp = *stamp;
      if (*text == found->second.file->text) continue;
      out.push_back(std::make_shared<SourceFile>(SourceFile{found->second.file->path, std::move(*text)}));
    }
  }
  return out;
}

std::optional<Compiled> Recompiler::recompile(const CompileInput& input) {
  const auto changed = changed_files();
  if (!changed) return std::nullopt;
  Compiled out;
  out.source = std::make_unique<DirectorySource>(input.bundle);
  if (changed->empty()) {
    out.diagnostics = last_->findings;
    out.model = last_->model;
    out.policies = last_->generation->policies;
    out.generation = last_->generation;
    return out;
  }
  Diagnostics fresh, repeated;
  auto reloaded = model::reload(*last_->model, *changed, fresh);
  if (!reloaded) return std::nullopt;
  const auto part_now = policy::compile(reloaded->part_now, fresh);
  if (fresh.has_errors()) return std::nullopt;
  const auto part_before = policy::compile(reloaded->part_before, repeated);
  out.model = reloaded->model;
  out.policies = policy::update(*last_->generation->policies, out.model, *part_now);
  out.generation = generation::regenerate(*last_->generation, out.policies, *part_before, *part_now);
  if (!out.generation) return std::nullopt;
  keep_findings(last_->findings, *reloaded->part_before, fresh, *reloaded->part_now, out.diagnostics);
  last_->model = out.model;
  last_->generation = out.generation;
  last_->findings = out.diagnostics;
  for (const auto& file : *changed) {
    const std::string directory = directory_of(file->path);
    auto& known = last_->files.at(directory);
    known.at(directory.empty() ? file->path : file->path.substr(directory.size() + 1)).file = file;
  }
  return out;
}

}  // namespace durward::app

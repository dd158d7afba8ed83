// Intent to configuration, whole: the list of passes, for the daemon and for offline commands alike.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/result.h"
#include "base/secret.h"
#include "generation/generation.h"
#include "model/load.h"
#include "model/model.h"
#include "policy/compile.h"

namespace durward::app {

// Bundles in a directory. Paths in diagnostics are as the user would name them: below `root` as it was given.
class DirectorySource final : public model::BundleSource {
 public:
  explicit DirectorySource(std::string root) : root_(std::move(root)) {}
  Result<std::vector<SourceFilePtr>> read(const std::string& directory) override;
  // Told each file's path, as `root` names it, right before it is read.
  std::function<void(const std::string&)> before_reading;

 private:
  std::string root_;
};

struct CompileInput {
  std::string bundle;       // directory
  std::string environment;  // "" = the only one
  std::string observed;     // ADDRESS:PORT of Durward's own metrics; "" = unknown
  generation::Platform platform;
};

struct Compiled {
  std::unique_ptr<DirectorySource> source;  // owns the files that diagnostics point into, model or none
  Diagnostics diagnostics;                  // sorted
  model::ModelPtr model;                    // the three are null from the first pass that found errors
  policy::PolicySetPtr policies;
  generation::GenerationPtr generation;
  bool usable() const { return generation != nullptr && !diagnostics.has_errors(); }
};

// For whoever compiles again.
struct CompileNotes {
  bool* patched = nullptr;  // whether the environment changes apps
  std::function<void(const std::string&)> before_reading = {};
};
// Errors are in the diagnostics, all at once where a pass can go on.
Compiled compile(const CompileInput& input, const CompileNotes& notes = {});

// Names of a directory's files that belong to a bundle, sorted.
Result<std::vector<std::string>> bundle_files(const std::string& directory);

// The value of a Credential: the file's bytes or the variable's, without a final line end.
// Errors: APP001 not there or not readable, APP002 empty.
Result<Secret> read_credential(const model::Credential& credential, const std::string& bundle);
// Where a Credential's file lies; relative ones count from the root bundle.
std::string credential_path(const model::Credential& credential, const std::string& bundle);

}  // namespace durward::app

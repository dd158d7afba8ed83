// Compiling again what was compiled before: files that have not changed are neither read nor parsed, and when
// only the access of some apps has changed, only theirs is compiled. The result is compile()'s, byte for
// byte.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/compile.h"
#include "sys/file_stamp.h"

namespace durward::app {

// Keeps the last estate that compiled. One thread at a time.
class Recompiler {
 public:
  Compiled compile(const CompileInput& input);
  std::size_t reused() const { return reused_; }  // compilations that were not done whole

 private:
  struct KnownFile {
    sys::FileStamp stamp;
    SourceFilePtr file;
  };
  using Directory = std::map<std::string, KnownFile>;  // by name
  struct Remembered {
    CompileInput input;
    model::ModelPtr model;
    generation::GenerationPtr generation;
    Diagnostics findings;
    std::map<std::string, Directory> files;  // by directory, relative to the root bundle
  };
  // The files of which the text has changed; nothing when one came or went, or cannot be read.
  std::optional<std::vector<SourceFilePtr>> changed_files();
  std::optional<Compiled> recompile(const CompileInput& input);
  Compiled compile_whole(const CompileInput& input);

  std::optional<Remembered> last_;
  std::size_t reused_ = 0;
};

}  // namespace durward::app

// A bundle in memory, for tests: paths to texts.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/load.h"

namespace durward::testing {

class MemoryBundle : public model::BundleSource {
 public:
  // "bundle.yaml" is in the root, "apps/x/app.yaml" in the directory apps/x.
  explicit MemoryBundle(std::map<std::string, std::string> files) : files_(std::move(files)) {}

  Result<std::vector<SourceFilePtr>> read(const std::string& directory) override {
    std::vector<SourceFilePtr> found;
    for (auto at = files_.lower_bound(directory); at != files_.end() && at->first.starts_with(directory);
         ++at) {
      const auto slash = at->first.rfind('/');
      const bool here =
          slash == std::string::npos ? directory.empty() : at->first.compare(0, slash, directory) == 0;
      if (here) found.push_back(std::make_shared<SourceFile>(SourceFile{at->first, at->second}));
    }
    if (found.empty() && !directory.empty()) return fail("SYS001", "no such directory: '" + directory + "'");
    return found;
  }

 private:
  std::map<std::string, std::string> files_;
};

}  // namespace durward::testing

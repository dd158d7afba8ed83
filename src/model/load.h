// Documents -> Model: reads the tree of bundles, resolves it for one environment, checks what it says.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/result.h"
#include "base/span.h"
#include "model/model.h"

namespace durward::model {

// Where bundles come from. Implementations open files; the model does not. It keeps what it has handed out:
// places in diagnostics point there even when there is no model, so a source outlives the diagnostics made
// with it.
class BundleSource {
 public:
  virtual ~BundleSource() = default;
  // What read() gives, kept.
  Result<std::vector<SourceFilePtr>> files(const std::string& directory);

  // Every *.yaml and *.yml directly in `directory`, sorted by name. "" is the root; other paths are relative
  // to it, in their simplest form. A directory that is not there is an error; an empty one is an empty list.
  virtual Result<std::vector<SourceFilePtr>> read(const std::string& directory) = 0;

 private:
  std::vector<SourceFilePtr> kept_;
};

// Resolves the estate for `environment` ("" = the only one, or none when none is declared). Reports
// everything it finds (BND…, MDL…), sorted by place. Null when no model can be made: no root, no environment,
// no gateway. With errors and a model, the model lacks what was wrong: fit for looking at, never for serving.
// Not thread-safe in `source` and `diagnostics`; otherwise pure. `patched`: whether the environment changes
// apps.
ModelPtr load(BundleSource& source, const std::string& environment, Diagnostics& diagnostics,
              bool* patched = nullptr);

}  // namespace durward::model

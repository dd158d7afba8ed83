// A model made from another one when little has changed: what it says of access, in a few files of apps.
#pragma once

#include <optional>
#include <vector>

#include "base/diagnostics.h"
#include "model/model.h"

namespace durward::model {

inline constexpr std::size_t reloaded_apps_max = 256;

struct Reloaded {
  ModelPtr model;  // whole
  // The apps that anything about the change can concern: those of the changed files, and those that share a
  // host or a file with them. Each is an estate of its own, without the others.
  ModelPtr part_before, part_now;
};

// `changed` are new texts of files of `before`, under the same paths. Nothing when the change is of another
// kind (an app comes or goes, its hosts, upstreams or children change), concerns more than reloaded_apps_max
// apps, or has errors: load() then tells. Only for a `before` without patches and without errors. Warnings
// are those about the part. Pure.
std::optional<Reloaded> reload(const Model& before, const std::vector<SourceFilePtr>& changed,
                               Diagnostics& diagnostics);

}  // namespace durward::model

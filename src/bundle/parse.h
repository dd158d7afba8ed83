// Text -> documents.
#pragma once

#include <vector>

#include "base/diagnostics.h"
#include "base/span.h"
#include "bundle/document.h"

namespace durward::bundle {

struct Parsed {
  std::vector<Document> documents;  // those without an error; empty documents are left out
  bool complete = true;             // false: something was reported and left out
};

// Reads one file of YAML documents: the plain subset without anchors, aliases, tags, directives and merge
// keys. Reports BND…; a syntax error ends the file, everything else is reported to its end. Pure; any thread.
Parsed parse(const SourceFilePtr& file, Diagnostics& diagnostics);

}  // namespace durward::bundle

// Model -> bundle: what was resolved, written in the language it came from.
#pragma once

#include <string>
#include <vector>

#include "model/model.h"

namespace durward::model {

struct PrintedFile {
  std::string directory;  // "" = the root
  std::string text;
};

// One file for each directory of the tree, the root first. Placeholders and patches are gone; defaults are
// left out. Loading the files again for the same environment gives the same model, but for places. Equal
// models give equal bytes.
std::vector<PrintedFile> print_files(const Model& model);
// The same as one text, each file behind a comment with its directory.
std::string print(const Model& model);

}  // namespace durward::model

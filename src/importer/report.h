// What became of a configuration, for people.
#pragma once

#include <string>

#include "importer/draft.h"

namespace durward::importer {

struct Counts {
  std::size_t lines = 0, blank = 0, carried = 0, reported = 0, both = 0;
  std::size_t losing = 0;  // lines with something that is not carried
};
Counts count(const std::vector<Line>& lines);

// Figures, questions, then line by line what is lost and what differs. Equal drafts give equal text.
std::string report_text(const Draft& draft, const std::string& source);

}  // namespace durward::importer

#include "importer/report.h"

#include <fmt/format.h>

namespace durward::importer {
namespace {

std::string counted(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// Each line that has notes of the kind, with them.
std::string lines_with(const Draft& draft, const std::string& source, Note::Kind kind) {
  std::string out;
  for (std::size_t i = 0; i < draft.lines.size(); ++i) {
    const Line& line = draft.lines[i];
    for (const Note& note : line.notes)
      if (note.kind == kind)
        out += fmt::format("  {}:{} {}{}: {}\n", source, i + 1,
                           line.section.empty() ? "" : line.section + ": ", line.keyword, note.text);
  }
  return out;
}

}  // namespace

Counts count(const std::vector<Line>& lines) {
  Counts out;
  out.lines = lines.size();
  for (const Line& line : lines) {
    switch (line.outcome()) {
      case Outcome::blank:
        ++out.blank;
        break;
      case Outcome::carried:
        ++out.carried;
        break;
      case Outcome::reported:
        ++out.reported;
        break;
      case Outcome::both:
        ++out.both;
        break;
    }
    if (line.has(Note::Kind::lost)) ++out.losing;
  }
  return out;
}

std::string report_text(const Draft& draft, const std::string& source) {
  const Counts counts = count(draft.lines);
  const std::string name = shown(source);
  std::string out = fmt::format("{}: {}, {} blank or comment: {} carried, {} reported, {} both\n", name,
                                counted(counts.lines, "line", "lines"), counts.blank, counts.carried,
                                counts.reported, counts.both);
  out += fmt::format("draft: {}, {}; it lets nobody in until you fill it in\n",
                     counted(draft.apps, "app", "apps"), counted(draft.routes, "route", "routes"));
  if (!draft.questions.empty()) out += "\nTo decide:\n";
  for (const Question& question : draft.questions) out += "  " + question.text + "\n";
  const std::string lost = lines_with(draft, name, Note::Kind::lost);
  if (!lost.empty()) out += "\nNot carried:\n" + lost;
  const std::string differs = lines_with(draft, name, Note::Kind::differs);
  if (!differs.empty()) out += "\nCarried, with a difference:\n" + differs;
  return out;
}

}  // namespace durward::importer

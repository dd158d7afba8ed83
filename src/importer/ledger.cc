#include "importer/ledger.h"

#include <algorithm>

namespace durward::importer {

bool Line::has(Note::Kind kind) const {
  return std::any_of(notes.begin(), notes.end(), [&](const Note& note) { return note.kind == kind; });
}

Outcome Line::outcome() const {
  if (blank) return Outcome::blank;
  const bool is_carried = has(Note::Kind::carried);
  const bool only = std::all_of(notes.begin(), notes.end(),
                                [](const Note& note) { return note.kind == Note::Kind::carried; });
  if (is_carried) return only ? Outcome::carried : Outcome::both;
  return Outcome::reported;
}

void Ledger::open(std::uint32_t line, std::string section, std::string keyword) {
  if (line == 0 || line > lines_.size()) return;
  Line& entry = lines_[line - 1];
  entry.section = std::move(section);
  entry.keyword = std::move(keyword);
  entry.blank = false;
}

void Ledger::note(std::uint32_t line, Note::Kind kind, std::string text) {
  if (line == 0 || line > lines_.size()) return;
  Note made{kind, std::move(text)};
  auto& notes = lines_[line - 1].notes;
  if (std::find(notes.begin(), notes.end(), made) == notes.end()) notes.push_back(std::move(made));
}

void Ledger::otherwise_lost(std::uint32_t line, std::string why) {
  if (line != 0 && line <= lines_.size() && lines_[line - 1].notes.empty()) lost(line, std::move(why));
}

const char* outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::blank:
      return "blank";
    case Outcome::carried:
      return "carried";
    case Outcome::both:
      return "both";
    case Outcome::reported:
      break;
  }
  return "reported";
}

const char* kind_word(Note::Kind kind) {
  switch (kind) {
    case Note::Kind::carried:
      return "carried";
    case Note::Kind::differs:
      return "differs";
    case Note::Kind::own:
      return "own";
    case Note::Kind::lost:
      break;
  }
  return "lost";
}

}  // namespace durward::importer

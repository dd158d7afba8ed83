// What became of each line of the configuration: nothing that was read may be without an answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace durward::importer {

struct Note {
  enum class Kind {
    carried,  // `text` is where: "apps/web.yaml: routes admin"
    differs,  // carried, but not quite: how
    own,      // Durward does that itself, or it is about the process: nothing is lost
    lost,     // not carried: why, and what to do instead
  };
  Kind kind = Kind::lost;
  std::string text;
  bool operator==(const Note&) const = default;
};

enum class Outcome { blank, carried, reported, both };  // blank: no words on the line, or a comment

struct Line {
  std::string section;  // "frontend www"; "" before the first
  std::string keyword;  // its first word; "" when blank. Never a value: some are secrets
  bool blank = true;
  std::vector<Note> notes;
  Outcome outcome() const;
  bool has(Note::Kind kind) const;
};

// Lines count from 1; what is said of any other is dropped. A note is kept once.
class Ledger {
 public:
  explicit Ledger(std::size_t lines) : lines_(lines) {}
  void open(std::uint32_t line, std::string section, std::string keyword);  // has words
  void note(std::uint32_t line, Note::Kind kind, std::string text);
  void carried(std::uint32_t line, std::string where) { note(line, Note::Kind::carried, std::move(where)); }
  void differs(std::uint32_t line, std::string how) { note(line, Note::Kind::differs, std::move(how)); }
  void own(std::uint32_t line, std::string what) { note(line, Note::Kind::own, std::move(what)); }
  void lost(std::uint32_t line, std::string why) { note(line, Note::Kind::lost, std::move(why)); }
  // Only where nothing has been said of the line.
  void otherwise_lost(std::uint32_t line, std::string why);

  const Line& at(std::uint32_t line) const { return lines_.at(line - 1); }
  const std::vector<Line>& lines() const { return lines_; }

 private:
  std::vector<Line> lines_;
};

const char* outcome_word(Outcome outcome);  // "blank", "carried", "reported", "both"
const char* kind_word(Note::Kind kind);     // "carried", "differs", "own", "lost"

}  // namespace durward::importer

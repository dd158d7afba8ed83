// One line of a haproxy.cfg -> its words, as HAProxy's own parser takes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace durward::importer {

struct Word {
  std::string text;
  std::uint32_t column = 1;  // where it begins, in bytes from 1
  bool unresolved = false;   // it held a variable that has no value here
};

using Variables = std::map<std::string, std::string>;

struct Words {
  std::vector<Word> words;
  std::vector<std::string> unknown;  // variables that have no value, in their order
  std::string problem;               // why HAProxy would refuse the line; empty when it is fine
  std::uint32_t problem_column = 1;
};

// Blanks part words; '' and "" join them; a backslash escapes (not inside ''); "$X", "${X}", "${X-default}"
// and
// "${X[*]}" stand for variables inside "" only; # begins a comment. Takes any bytes. With a problem, the
// words are those before it.
Words split_words(std::string_view line, const Variables& variables);

// `text` as a message may show it: printable ASCII, the rest as '?', long ones cut.
std::string shown(std::string_view text);

}  // namespace durward::importer

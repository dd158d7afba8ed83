// The codes of what can be wrong with a bundle's text. Stable: a code is never reused or renumbered.
#pragma once

#include <array>

namespace durward::bundle {

struct Code {
  const char* id;     // "BND001"
  const char* title;  // one line for the table in the documentation
};

namespace code {
inline constexpr Code encoding{"BND001",
                               "The file is not UTF-8 text, or holds a character that cannot be seen"};
inline constexpr Code syntax{"BND002", "The file is not well-formed YAML"};
inline constexpr Code duplicate_key{"BND003", "A mapping gives the same key twice"};
inline constexpr Code alias{"BND004", "Anchors, aliases and merge keys are not part of the bundle language"};
inline constexpr Code tag{"BND005", "Tags and directives are not part of the bundle language"};
inline constexpr Code key{"BND006", "A mapping key is not a plain word"};
inline constexpr Code limit{"BND007", "The file exceeds a bound on size, depth or count"};
}  // namespace code

inline constexpr std::array codes{code::encoding, code::syntax, code::duplicate_key, code::alias,
                                  code::tag,      code::key,    code::limit};

}  // namespace durward::bundle

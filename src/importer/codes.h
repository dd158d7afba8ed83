// The codes of what can be wrong with a configuration that is imported. Stable: a code is never reused or
// renumbered.
#pragma once

#include <array>

namespace durward::importer {

struct Code {
  const char* id;     // "IMP001"
  const char* title;  // one line for the table in the documentation
};

namespace code {
inline constexpr Code line{"IMP001", "A line that HAProxy itself could not read"};
inline constexpr Code section{"IMP002", "A line that stands in no section"};
inline constexpr Code file{"IMP003", "A file that the configuration names cannot be read"};
inline constexpr Code variable{"IMP004", "An environment variable has no value"};
inline constexpr Code reference{"IMP005", "A name that the configuration does not declare"};
inline constexpr Code limit{"IMP006", "A bound on what is imported is exceeded"};
inline constexpr Code nothing{"IMP007", "Nothing that Durward could publish"};
inline constexpr Code refused{"IMP008", "A part of the draft that the bundle language refuses"};
}  // namespace code

inline constexpr std::array codes{code::line,      code::section, code::file,    code::variable,
                                  code::reference, code::limit,   code::nothing, code::refused};

}  // namespace durward::importer

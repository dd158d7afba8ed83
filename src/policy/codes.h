// The codes of this module's diagnostics. Stable: a code is never reused or renumbered. What the model can
// tell by itself (an address alone, an age that must be old, an unknown zone) has MDL codes.
#pragma once

#include <array>

#include "model/codes.h"

namespace durward::policy {

namespace code {
using model::Code;

inline constexpr Code too_many_pieces{"POL001", "The rules of one route name too many windows or networks"};
inline constexpr Code equal_names{"POL002", "Two different policies have one hash"};
inline constexpr Code too_contrived{"POL003",
                                    "The rules of one route contradict each other in too many ways"};

// Findings: warnings, which never change a verdict.
inline constexpr Code never_matches{"POL101", "A rule that can never match"};
inline constexpr Code head_is_get{"POL102", "A rule names HEAD where HEAD is judged as GET"};
inline constexpr Code shadowed{"POL103", "An allow rule that another allow rule covers wholly"};
inline constexpr Code overruled{"POL104", "An allow rule that a deny rule covers wholly"};
inline constexpr Code nobody{"POL105", "A route, or a method of it, that nobody can reach"};
inline constexpr Code everybody{"POL106", "A rule that opens routes to anyone without listing them"};
inline constexpr Code wide_rest{"POL107",
                                "A {**} route that lets in people whom a narrower route below it refuses"};
inline constexpr Code anonymous_by_none_of{
    "POL108", "An allow rule by noneOf alone, which lets in people without a session"};
}  // namespace code

inline constexpr std::array codes{
    code::too_many_pieces, code::equal_names, code::too_contrived,       code::never_matches,
    code::head_is_get,     code::shadowed,    code::overruled,           code::nobody,
    code::everybody,       code::wide_rest,   code::anonymous_by_none_of};

}  // namespace durward::policy

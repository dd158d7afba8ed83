// Result<T>: a value, or an Error that says what went wrong and how to mend it.
//
// Used for everything the outside can cause. Our own bugs are assert()s. No exception crosses a
// module boundary. (std::expected is C++23; tl::expected has its interface.)
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace durward {

struct Error {
  std::string code;     // stable, greppable: three letters of the module and a number, "STO003"
  std::string message;  // one sentence, no final stop, never a secret
  std::string hint;     // what to do about it; may be empty
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(std::string code, std::string message,
                                                std::string hint = {}) {
  return tl::unexpected<Error>(Error{std::move(code), std::move(message), std::move(hint)});
}

}  // namespace durward

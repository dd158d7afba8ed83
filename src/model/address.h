// Reading networks with the reason when one is refused. The values are in model.h.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "model/model.h"

namespace durward::model {

struct CidrProblem {
  std::string message;
  std::string hint;
};

// What Cidr::parse accepts, with why not. Pure.
tl::expected<Cidr, CidrProblem> parse_cidr(std::string_view text);

}  // namespace durward::model

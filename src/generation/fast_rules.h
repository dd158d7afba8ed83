// The short way of a request that has nothing unusual about it: fast_rules.cc.
#pragma once

#include "generation/config.h"
#include "generation/writer.h"

namespace durward::generation {

// What stands before the rules of request_rules.h, and lets such a request past them.
void render_fast_rules(const ConfigInput& input, const model::Listener& listener, Writer& out);

}  // namespace durward::generation

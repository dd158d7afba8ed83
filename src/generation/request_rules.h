// The request's way through HAProxy, from its first byte to an upstream or a refusal: read request_rules.cc
// from the top.
#pragma once

#include "generation/config.h"
#include "generation/writer.h"

namespace durward::generation {

// The http-request and http-response rules of a frontend that serves apps, and its use_backend.
void render_request_rules(const ConfigInput& input, const model::Listener& listener, Writer& out);

}  // namespace durward::generation

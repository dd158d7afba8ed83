// The routing automaton: path templates determinised into rows that HAProxy looks up by longest prefix.
//
// HAProxy turns a request into a *tail*: its path without the leading slash, then "/^", the method and
// "^"; so "/v1/refunds/17" with GET is "v1/refunds/17/^GET^", "/v1/refunds/17/" is "v1/refunds/17//^GET^".
// Neither '^' nor '//' is left in a path by then, so "the path ends here" and "the last segment is empty" are
// spelt apart. It looks up STATE + tail in routes.map, the first state being "host/". The value is one of
//   -             no route; left out where the longest prefix above says so already
//   >N|STATE      the N-th segment of the tail is a parameter: drop N segments, look up again from STATE
//   =|STATE       a {**} route takes the rest, but which depends on the method: look up STATE + "^METHOD^"
//   TOKEN|BACKEND|APP/ROUTE|TIMEOUT_MS|BODY_BYTES   the route (see rows.h for TOKEN; '-' = the gateway's
//   default); a sixth field, a number, tells apart methods that share a policy by rules of other ids
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "generation/generation.h"

namespace durward::generation {

struct RoutingBounds {
  unsigned steps = 8;           // parameters of one path and the method step, together
  unsigned step_segments = 16;  // literal segments before a parameter, and itself
  std::size_t states_per_host = 20'000;
  std::size_t rows = 4'000'000;  // of the whole estate
};

struct Routing {
  Rows rows;
  std::map<HostShape, std::size_t> shapes;  // of hosts, and how many have it
};
// What holds for all of them.
HostShape widest(const std::map<HostShape, std::size_t>& shapes);

// Errors: GEN001 to GEN004, one for each bound that is passed.
Routing compile_routes(const policy::PolicySet& policies, Diagnostics& diagnostics,
                       const RoutingBounds& bounds = {});

// The value that names this route; `judged` is one of policies.routes.
std::string route_row(const policy::PolicySet& policies, const policy::RoutePolicy& judged);
std::string backend_name(const model::App& app, const std::string& upstream);

}  // namespace durward::generation

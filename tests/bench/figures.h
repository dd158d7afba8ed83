// One declaration a file of figures; figures.cc lists what each measures.
#pragma once

#include "bench.h"

namespace durward::bench {

Status measure_edge(Run& run);    // edge.cc
Status measure_tls_h2(Run& run);  // edge.cc
Status measure_scale(Run& run);   // edge.cc

}  // namespace durward::bench

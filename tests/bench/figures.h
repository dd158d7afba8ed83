// One declaration a file of figures; figures.cc lists what each measures.
#pragma once

#include "bench.h"

namespace durward::bench {

Status measure_edge(Run& run);        // edge.cc
Status measure_tls_h2(Run& run);      // edge.cc
Status measure_scale(Run& run);       // edge.cc
Status measure_revoke(Run& run);      // revoke.cc
Status measure_revoke_1m(Run& run);   // revoke.cc
Status measure_stream_cut(Run& run);  // stream_cut.cc
Status measure_reload(Run& run);      // reload.cc
Status measure_compile(Run& run);     // control.cc
Status measure_control(Run& run);     // control.cc
Status measure_soak(Run& run);        // soak.cc

}  // namespace durward::bench

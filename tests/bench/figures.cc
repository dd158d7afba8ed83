#include "figures.h"

namespace durward::bench {

const std::vector<Figure>& figures() {
  static const std::vector<Figure> all = {
      {"edge",
       "CPU per request of HAProxy with Durward's configuration, over a plain one",
       {{"edge_cpu_ratio_httplog", "", 2.0, 1.6},
        {"edge_cpu_ratio_plain", "", -1, -1},
        {"edge_cpu_ratio_hot", "", 1.5, 1.3}},
       measure_edge},
      {"tls_h2",
       "the first of these over TLS and HTTP/2",
       {{"edge_cpu_ratio_tls_h2", "", -1, -1}},
       measure_tls_h2},
      {"scale",
       "CPU per request at 10 000 routes and 1 000 000 sessions, over 10 routes and 100 sessions",
       {{"edge_scale_ratio", "", 1.6, 1.3}},
       measure_scale,
       true},
  };
  return all;
}

}  // namespace durward::bench

// What Prometheus scrapes. Names are in docs/metrics.md.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>

namespace durward::app {

class Metrics {
 public:
  Metrics();
  std::string text() const;  // the exposition format

  // Counters and gauges are thread-safe and live as long as the Metrics.
  prometheus::Counter& logins(const std::string& provider, const std::string& outcome);
  // From now on all counters of this provider are told, from 0, so that their first growth shows.
  void expect(const std::string& provider);
  prometheus::Counter& requests(const std::string& outcome);  // allowed, or the reason
  prometheus::Counter& refreshes(const std::string& provider, const std::string& outcome);
  prometheus::Counter& logout_tokens(const std::string& provider, const std::string& outcome);
  prometheus::Counter& revoked_sessions;
  prometheus::Counter& cut_streams;
  prometheus::Counter& injections;
  prometheus::Counter& reloads;
  prometheus::Counter& resyncs;
  prometheus::Counter& dataplane_errors;
  prometheus::Counter& log_lines;
  prometheus::Counter& log_holes;
  prometheus::Counter& log_errors;
  prometheus::Counter& log_refused_peers;
  prometheus::Gauge& sessions;
  prometheus::Gauge& classes;
  prometheus::Gauge& verdicts;
  prometheus::Gauge& in_sync;
  prometheus::Gauge& lease_seconds;
  prometheus::Histogram& injection_seconds;

 private:
  explicit Metrics(const std::shared_ptr<prometheus::Registry>& registry);
  std::shared_ptr<prometheus::Registry> registry_;
  prometheus::Family<prometheus::Counter>& logins_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Counter>& refreshes_;
  prometheus::Family<prometheus::Counter>& logout_tokens_;
};

}  // namespace durward::app

#include "app/metrics.h"

#include <prometheus/text_serializer.h>

namespace durward::app {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Registry;

prometheus::Counter& counter(Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Gauge& gauge(Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

Metrics::Metrics() : Metrics(std::make_shared<Registry>()) {}

Metrics::Metrics(const std::shared_ptr<Registry>& registry)
    : revoked_sessions(
          counter(*registry, "durward_sessions_revoked_total", "Sessions taken out of HAProxy.")),
      cut_streams(counter(*registry, "durward_streams_cut_total", "Open streams ended by a revocation.")),
      injections(counter(*registry, "durward_sessions_injected_total", "Sessions put into HAProxy.")),
      reloads(
          counter(*registry, "durward_haproxy_reloads_total", "Reloads of HAProxy that Durward ordered.")),
      resyncs(
          counter(*registry, "durward_haproxy_resyncs_total", "Times HAProxy was filled from the store.")),
      dataplane_errors(counter(*registry, "durward_dataplane_errors_total", "Failed steps towards HAProxy.")),
      log_lines(counter(*registry, "durward_access_log_lines_total", "Access log lines received.")),
      log_holes(counter(*registry, "durward_access_log_holes_total", "Holes in the sequence of log lines.")),
      log_errors(counter(*registry, "durward_access_log_errors_total", "Lines that could not be read.")),
      log_refused_peers(counter(*registry, "durward_access_log_refused_peers_total",
                                "Connections to the reader of the log by other users.")),
      sessions(gauge(*registry, "durward_sessions", "Live sessions.")),
      classes(gauge(*registry, "durward_classes", "Classes of subjects with live sessions.")),
      verdicts(gauge(*registry, "durward_verdicts", "Verdict rows that HAProxy should hold.")),
      in_sync(gauge(*registry, "durward_dataplane_in_sync",
                    "1 when HAProxy holds what the store says; 0 is drift.")),
      lease_seconds(gauge(*registry, "durward_lease_seconds", "How long HAProxy goes on without Durward.")),
      injection_seconds(BuildHistogram()
                            .Name("durward_injection_seconds")
                            .Help("From a change in the store to its effect in HAProxy.")
                            .Register(*registry)
                            .Add({}, prometheus::Histogram::BucketBoundaries{.0005, .001, .0025, .005, .01,
                                                                             .025, .05, .1, .25, 1, 5})),
      registry_(registry),
      logins_(BuildCounter()
                  .Name("durward_logins_total")
                  .Help("Logins by provider and outcome.")
                  .Register(*registry)),
      requests_(BuildCounter()
                    .Name("durward_requests_total")
                    .Help("Requests answered, by outcome: allowed, or the reason of the refusal.")
                    .Register(*registry)),
      refreshes_(BuildCounter()
                     .Name("durward_claims_refreshes_total")
                     .Help("Readings of live logins' claims, by provider and outcome.")
                     .Register(*registry)),
      logout_tokens_(BuildCounter()
                         .Name("durward_logout_tokens_total")
                         .Help("Back-channel logouts asked for, by provider and outcome.")
                         .Register(*registry)) {}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

prometheus::Counter& Metrics::logins(const std::string& provider, const std::string& outcome) {
  return logins_.Add({{"provider", provider}, {"outcome", outcome}});
}

prometheus::Counter& Metrics::refreshes(const std::string& provider, const std::string& outcome) {
  return refreshes_.Add({{"provider", provider}, {"outcome", outcome}});
}

prometheus::Counter& Metrics::logout_tokens(const std::string& provider, const std::string& outcome) {
  return logout_tokens_.Add({{"provider", provider}, {"outcome", outcome}});
}

void Metrics::expect(const std::string& provider) {
  for (const char* outcome : {"logged_in", "stepped_up", "refused", "provider_unreachable"})
    logins(provider, outcome);
  for (const char* outcome : {"unchanged", "changed", "refused", "failed", "gone", "lapsed"})
    refreshes(provider, outcome);
  for (const char* outcome : {"ended", "nothing_to_end", "refused", "busy"}) logout_tokens(provider, outcome);
}

prometheus::Counter& Metrics::requests(const std::string& outcome) {
  return requests_.Add({{"outcome", outcome}});
}

}  // namespace durward::app

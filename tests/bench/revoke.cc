// revoke_ms_p99: how long after the call a revoked session is still let in somewhere.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "figures.h"
#include "live.h"
#include "probes.h"
#include "process_meter.h"
#include "traffic.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr unsigned revocations = 200;
constexpr unsigned crowd_rounds = 5;
constexpr unsigned probe_connections = 4;  // each asks up to once a millisecond
constexpr unsigned warm_answers = 20;
constexpr auto patience = 20s;

double milliseconds(steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

TrafficOptions background(LiveGateway& gateway, double per_second) {
  // Nobody who is asked for here is ever revoked: crowds come first, then those who are revoked one by one.
  const std::size_t first = People::crowd_size * crowd_rounds + revocations;
  const std::size_t rest = gateway.people().count - first;
  return {.port = gateway.port(),
          .host = live_host,
          .http1 = 16,
          .per_second = per_second,
          .events_path = {},
          .token = [=](std::uint64_t draw) { return People::token(first + draw % rest); }};
}

// Requests a second when asked as fast as answers come.
Result<double> most_per_second(LiveGateway& gateway) {
  constexpr double without_end = 1e6;
  Traffic traffic(background(gateway, without_end));
  std::this_thread::sleep_for(500ms);
  const auto before = traffic.counts().answered;
  constexpr auto window = 2s;
  std::this_thread::sleep_for(window);
  const double rate =
      static_cast<double>(traffic.counts().answered - before) / std::chrono::duration<double>(window).count();
  const auto counts = traffic.finish();
  if (counts.broken + counts.refused > 0)
    return fail("BEN061", "while asking for all it can: " + to_string(counts.troubles));
  return rate;
}

struct Sample {
  double refused = 0, acknowledged = 0;  // ms after the call
};

template <class Revoke>
Result<Sample> revoke_one(Probes& probes, const std::string& token, const Revoke& revoke) {
  if (auto warm = probes.watch(token, warm_answers); !warm) return tl::unexpected(warm.error());
  const auto call = steady_clock::now();
  if (Status done = revoke(); !done) return tl::unexpected(done.error());
  const auto acknowledged = steady_clock::now();
  probes.nothing_allowed_after(acknowledged);
  const auto refused = probes.refused_everywhere(patience);
  if (!refused) return tl::unexpected(refused.error());
  return Sample{milliseconds(*refused - call), milliseconds(acknowledged - call)};
}

struct Samples {
  std::vector<double> refused, acknowledged, crowd, crowd_acknowledged;
};

Result<Samples> revoke_all(LiveGateway& gateway, Probes& probes) {
  Samples out;
  const std::size_t first = People::crowd_size * crowd_rounds;
  for (std::size_t i = first; i < first + revocations; ++i) {
    auto sample = revoke_one(probes, People::token(i),
                             [&] { return gateway.product().revoke_login(People::login(i)); });
    if (!sample) return tl::unexpected(sample.error());
    out.refused.push_back(sample->refused);
    out.acknowledged.push_back(sample->acknowledged);
  }
  for (std::size_t i = 0; i < crowd_rounds; ++i) {
    const std::size_t one = (i + 1) * People::crowd_size - 1;
    auto sample = revoke_one(probes, People::token(one),
                             [&] { return gateway.product().revoke_person(gateway.people().email(one)); });
    if (!sample) return tl::unexpected(sample.error());
    out.crowd.push_back(sample->refused);
    out.crowd_acknowledged.push_back(sample->acknowledged);
  }
  return out;
}

Status measure(Run& run, std::size_t people, const std::string& suffix) {
  auto gateway = LiveGateway::start(run, {.count = people, .crowds = crowd_rounds});
  if (!gateway) return tl::unexpected(gateway.error());
  auto most = most_per_second(**gateway);
  if (!most) return tl::unexpected(most.error());
  Traffic traffic(background(**gateway, *most / 2));
  Probes probes((*gateway)->port(), live_host, probe_connections);
  const auto begun = steady_clock::now();
  const auto samples = revoke_all(**gateway, probes);
  if (!samples) return tl::unexpected(samples.error());
  const double took = std::chrono::duration<double>(steady_clock::now() - begun).count();
  const auto counts = traffic.finish();
  auto status = (*gateway)->product().status();
  if (!status) return tl::unexpected(status.error());
  run.number("revoke_ms_p99" + suffix, percentile(samples->refused, 0.99));
  run.number("revoke_1000_ms" + suffix, median(samples->crowd));
  run.ran("revoke" + suffix, {{"sessions", people},
                              {"revocations", revocations},
                              {"median_ms", median(samples->refused)},
                              {"acknowledged_p99_ms", percentile(samples->acknowledged, 0.99)},
                              {"crowds", crowd_rounds},
                              {"crowd_acknowledged_ms", median(samples->crowd_acknowledged)},
                              {"probes_per_second", static_cast<double>(probes.asked()) / took},
                              {"allowed_after_acknowledgement", probes.allowed_late()},
                              {"requests_per_second", static_cast<double>(counts.answered) / took},
                              {"most_per_second", *most},
                              {"resyncs", status->at("resyncs")},
                              {"machine_load", machine_load()}});
  if (probes.allowed_late() > 0)
    return fail("BEN062", "a session was let in after its revocation was acknowledged");
  if (probes.broken() + counts.broken + counts.refused > 0)
    return fail("BEN062",
                fmt::format("{} probes and {} requests were cut off, {} refused: {}", probes.broken(),
                            counts.broken, counts.refused, to_string(counts.troubles)));
  return {};
}

}  // namespace

Status measure_revoke(Run& run) {
  return measure(run, 100'000, "");
}

Status measure_revoke_1m(Run& run) {
  return measure(run, 1'000'000, "_1m");
}

}  // namespace durward::bench

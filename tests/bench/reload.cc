// reload_broken_requests: what a reload costs those who are asking meanwhile.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "figures.h"
#include "live.h"
#include "process_meter.h"
#include "traffic.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr unsigned reloads = 50;
constexpr double least_per_second = 1'000;
constexpr double asked_per_second = 1'300;
constexpr auto between = 150ms;

TrafficOptions traffic_of(LiveGateway& gateway) {
  return {
      .port = gateway.port(),
      .host = live_host,
      .http1 = 12,
      .http2 = 4,
      .streams = 16,
      .per_second = asked_per_second,
      .post_percent = 20,
      .events_percent = 1,
      .events_path = "/events/15/100",
      .token = [count = gateway.people().count](std::uint64_t draw) { return People::token(draw % count); }};
}

}  // namespace

Status measure_reload(Run& run) {
  auto gateway = LiveGateway::start(run, {.count = 2'000, .crowds = 0});
  if (!gateway) return tl::unexpected(gateway.error());
  Traffic traffic(traffic_of(**gateway));
  std::this_thread::sleep_for(1s);
  const auto before = traffic.counts();
  const auto begun = steady_clock::now();
  std::vector<double> took;
  for (unsigned i = 0; i < reloads; ++i) {
    const auto call = steady_clock::now();
    if (auto done = (*gateway)->change_timeouts(); !done) return done;
    took.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - call).count());
    std::this_thread::sleep_for(between);
  }
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begun).count();
  const double rate = static_cast<double>(traffic.counts().answered - before.answered) / seconds;
  const auto counts = traffic.finish();
  auto status = (*gateway)->product().status();
  if (!status) return tl::unexpected(status.error());
  run.number("reload_broken_requests", static_cast<double>(counts.broken + counts.refused + counts.unopened));
  run.ran("reload", {{"reloads", status->at("reloads")},
                     {"median_ms", median(took)},
                     {"requests_per_second", rate},
                     {"asked", counts.asked},
                     {"answered", counts.answered},
                     {"posts", counts.posts},
                     {"events", counts.events},
                     {"over_http2", counts.http2},
                     {"connections_opened", counts.opened},
                     {"cut_off", counts.broken},
                     {"refused", counts.refused},
                     {"not_connected", counts.unopened},
                     {"troubles", counts.troubles},
                     {"log_holes", status->at("holes")},
                     {"machine_load", machine_load()}});
  if (status->at("reloads").get<unsigned>() < reloads) return fail("BEN080", "not every change was a reload");
  if (rate < least_per_second)
    return fail("BEN081", fmt::format("only {:.0f} requests a second were answered", rate),
                "the machine is too busy for this figure; end what else runs");
  return {};
}

}  // namespace durward::bench

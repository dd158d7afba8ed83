// stream_cut_ms_p99: how long after the call the streams of a revoked session are open.
#include <chrono>

#include "figures.h"
#include "live.h"
#include "process_meter.h"
#include "streams.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr unsigned sockets = 1'500, http1_events = 1'000, http2_events = 2'500;
constexpr std::size_t people_with_streams = 4'000;  // so a quarter of them has two
constexpr unsigned revocations = 150;
constexpr auto patience = 20s;

double milliseconds(steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

Status measure_stream_cut(Run& run) {
  auto gateway = LiveGateway::start(run, {.count = 5'000, .crowds = 0});
  if (!gateway) return tl::unexpected(gateway.error());
  auto streams = Streams::open({.port = (*gateway)->port(),
                                .host = live_host,
                                .sockets = sockets,
                                .http1 = http1_events,
                                .http2 = http2_events,
                                .people = people_with_streams});
  if (!streams) return tl::unexpected(streams.error());
  run.say("  all streams are open");
  std::vector<double> cut, acknowledged;
  for (unsigned i = 0; i < revocations; ++i) {
    // Prime to the number of people: all kinds of streams have their turn.
    constexpr std::size_t stride = 1'237;
    const std::size_t person = i * stride % people_with_streams;
    (*streams)->may_end(person);
    const auto call = steady_clock::now();
    if (auto done = (*gateway)->product().revoke_login(People::login(person)); !done) return done;
    acknowledged.push_back(milliseconds(steady_clock::now() - call));
    auto last = (*streams)->all_cut(person, patience);
    if (!last) return tl::unexpected(last.error());
    cut.push_back(milliseconds(*last - call));
  }
  auto status = (*gateway)->product().status();
  if (!status) return tl::unexpected(status.error());
  const auto wrong = (*streams)->wrong_cuts();
  run.number("stream_cut_ms_p99", percentile(cut, 0.99));
  run.number("stream_wrong_cuts", static_cast<double>(wrong));
  run.ran("stream_cut", {{"streams", (*streams)->count()},
                         {"websocket", sockets},
                         {"events_http1", http1_events},
                         {"events_http2", http2_events},
                         {"revocations", revocations},
                         {"median_ms", median(cut)},
                         {"acknowledged_p99_ms", percentile(acknowledged, 0.99)},
                         {"streams_cut", status->at("cut")},
                         {"resyncs", status->at("resyncs")},
                         {"machine_load", machine_load()}});
  return {};
}

}  // namespace durward::bench

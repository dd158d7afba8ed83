// --soak MINUTES: everything at once, for long. Memory must stay flat and nothing may go wrong.
#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <thread>

#include "figures.h"
#include "live.h"
#include "process_meter.h"
#include "traffic.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::size_t people = 5'000;
constexpr unsigned changes_per_tick = 5;  // logins and revocations, each; a tick is a second
constexpr unsigned sample_every = 10, rules_every = 20, reload_every = 60;
constexpr std::size_t live_most = 500;  // logins of the soak's own that are live at a time
constexpr double mib = 1024.0 * 1024.0;
constexpr double first_part = 0.25;  // of the time: memory may still grow there

struct Sample {
  double hours = 0, durward = 0, haproxy = 0, all_haproxy = 0;  // MiB
};

// MiB an hour, by least squares.
double slope(const std::vector<Sample>& samples, double Sample::*what) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t i = static_cast<std::size_t>(first_part * static_cast<double>(samples.size()));
       i < samples.size(); ++i) {
    n += 1;
    x += samples[i].hours;
    y += samples[i].*what;
    xx += samples[i].hours * samples[i].hours;
    xy += samples[i].hours * samples[i].*what;
  }
  const double spread = n * xx - x * x;
  return spread > 0 ? (n * xy - x * y) / spread : 0;
}

class Soak {
 public:
  Soak(Run& run, LiveGateway& gateway) : run_(run), gateway_(gateway) {}

  Status tick(unsigned second) {
    for (unsigned i = 0; i < changes_per_tick; ++i)
      if (auto done = change(); !done) return done;
    if (second % rules_every == rules_every / 2)
      if (auto done = gateway_.change_rules(); !done) return done;
    if (second % reload_every == reload_every - 1)
      if (auto done = gateway_.change_timeouts(); !done) return done;
    return second % sample_every == 0 ? sample() : Status{};
  }

  const std::vector<Sample>& samples() const { return samples_; }
  std::uint64_t logins() const { return logins_; }
  std::uint64_t revocations() const { return revocations_; }

 private:
  // Somebody new signs in and is let in at once; the oldest of these is revoked and is refused at once.
  Status change() {
    auto issued = gateway_.product().login(fmt::format("soak-{}", logins_++), live_host);
    if (!issued) return tl::unexpected(issued.error());
    if (auto in = expect(issued->token, 200, "who has just signed in"); !in) return in;
    live_.push_back(std::move(*issued));
    if (live_.size() <= live_most) return {};
    const auto oldest = live_.front();
    live_.pop_front();
    ++revocations_;
    if (auto done = gateway_.product().revoke_login(oldest.login); !done) return done;
    return expect(oldest.token, 401, "who has just been revoked");
  }

  Status expect(const std::string& token, int status, const char* who) {
    for (int attempt = 0;; ++attempt) {
      if (!asking_ || !asking_->may_ask()) {
        auto opened = open_http1(gateway_.port(), live_host);
        if (!opened) return tl::unexpected(opened.error());
        asking_ = std::move(*opened);
      }
      Request request;
      request.path = "/v1/items/1";
      request.token = token;
      asking_->ask(request);
      int got = 0;
      for (std::vector<Event> events; asking_->open() > 0 && !asking_->gone();
           std::this_thread::sleep_for(200us)) {
        events.clear();
        asking_->pump(events);
        for (const auto& event : events)
          if (event.kind == Event::Kind::answered) got = event.status;
      }
      if (got == status) return {};
      // A connection that a reload closed while nothing was asked on it is no answer; another one must give
      // one.
      if (got == 0 && attempt == 0) continue;
      return fail("BEN090", fmt::format("{} was answered with {} and not {}", who, got, status));
    }
  }

  Status sample() {
    auto status = gateway_.product().status();
    if (!status) return tl::unexpected(status.error());
    const int worker = status->at("worker");
    auto durward = memory_of(gateway_.product().pid());
    auto haproxy = memory_of(worker);
    if (!durward) return tl::unexpected(durward.error());
    if (!haproxy) return tl::unexpected(haproxy.error());
    Sample now{.hours = std::chrono::duration<double, std::ratio<3600>>(steady_clock::now() - begun_).count(),
               .durward = static_cast<double>(durward->resident) / mib,
               .haproxy = static_cast<double>(haproxy->resident) / mib,
               .all_haproxy = static_cast<double>(haproxy->resident) / mib};
    for (const int old : status->at("old_workers"))
      if (auto memory = memory_of(old)) now.all_haproxy += static_cast<double>(memory->resident) / mib;
    samples_.push_back(now);
    if (samples_.size() % 6 == 1)
      run_.say(fmt::format(
          "  {:5.1f} min: Durward {:.1f} MiB, HAProxy {:.1f} MiB ({:.1f} with {} old workers), {}",
          now.hours * 60, now.durward, now.haproxy, now.all_haproxy, status->at("old_workers").size(),
          status->dump()));
    return {};
  }

  Run& run_;
  LiveGateway& gateway_;
  std::deque<Product::Issued> live_;
  std::unique_ptr<Connection> asking_;
  std::vector<Sample> samples_;
  std::uint64_t logins_ = 0, revocations_ = 0;
  steady_clock::time_point begun_ = steady_clock::now();
};

Status report(Run& run, LiveGateway& gateway, const Soak& soak, const TrafficCounts& counts, double minutes) {
  auto status = gateway.product().status();
  if (!status) return tl::unexpected(status.error());
  const auto& samples = soak.samples();
  run.number("soak_durward_mib_per_hour", slope(samples, &Sample::durward));
  run.number("soak_haproxy_mib_per_hour", slope(samples, &Sample::haproxy));
  const double errors = static_cast<double>(counts.broken + counts.refused + counts.unopened) +
                        status->at("errors").get<double>() + status->at("holes").get<double>();
  run.number("soak_errors", errors);
  run.ran("soak", {{"minutes", minutes},
                   {"durward_mib", {samples.front().durward, samples.back().durward}},
                   {"haproxy_mib", {samples.front().haproxy, samples.back().haproxy}},
                   {"all_haproxy_mib", {samples.front().all_haproxy, samples.back().all_haproxy}},
                   {"logins", soak.logins()},
                   {"revocations", soak.revocations()},
                   {"requests", counts.answered},
                   {"cut_off", counts.broken},
                   {"refused", counts.refused},
                   {"not_connected", counts.unopened},
                   {"troubles", counts.troubles},
                   {"status", *status},
                   {"machine_load", machine_load()}});
  return errors > 0 ? fail("BEN091", fmt::format("{} errors: {}", errors, to_string(counts.troubles)))
                    : Status{};
}

}  // namespace

Status measure_soak(Run& run) {
  const double minutes = run.options().soak_minutes;
  auto gateway = LiveGateway::start(run, {.count = people, .crowds = 0});
  if (!gateway) return tl::unexpected(gateway.error());
  Traffic traffic({.port = (*gateway)->port(),
                   .host = live_host,
                   .http1 = 8,
                   .http2 = 2,
                   .streams = 8,
                   .per_second = 300,
                   .post_percent = 20,
                   .events_percent = 2,
                   .token = [](std::uint64_t draw) { return People::token(draw % people); }});
  Soak soak(run, **gateway);
  const auto begun = steady_clock::now();
  for (unsigned second = 0;; ++second) {
    std::this_thread::sleep_until(begun + std::chrono::seconds(second));
    if (steady_clock::now() - begun > std::chrono::duration<double, std::ratio<60>>(minutes)) break;
    if (auto done = soak.tick(second); !done) {
      const auto counts = traffic.finish();
      run.say(fmt::format("  the requests meanwhile: {} answered, {} cut off, {} refused {}", counts.answered,
                          counts.broken, counts.refused, to_string(counts.troubles)));
      return done;
    }
  }
  return report(run, **gateway, soak, traffic.finish(), minutes);
}

}  // namespace durward::bench

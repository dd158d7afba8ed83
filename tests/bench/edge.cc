// CPU per request of HAProxy: Durward's configuration beside a plain one. Both get the same bytes from the
// same connections, have the same upstream and the same log reader; rounds take turns, and medians are
// compared.
#include <fmt/format.h>

#include <filesystem>

#include "estate.h"
#include "figures.h"
#include "gateway.h"
#include "plain.h"
#include "process_meter.h"
#include "testing/certificate.h"
#include "testing/raw_http.h"
#include "upstream.h"

namespace durward::bench {
namespace {

constexpr std::size_t requests_per_round = 10'000;
constexpr unsigned usual_rounds = 15;
constexpr unsigned connections = 32;
constexpr unsigned h2_connections = 8, h2_streams = 4;

// One HAProxy, what it is asked, and what it took.
struct Side {
  std::string name;
  int haproxy = 0;
  const LogCounter* log = nullptr;  // null = it does not log
  std::unique_ptr<Load> load;
  Draw draw;
  bool identified = false;
  std::vector<double> microseconds{};  // of CPU per request, by round
};

Status round(Side& side, bool counts) {
  const std::uint64_t lines = side.log != nullptr ? side.log->lines() : 0;
  const auto before = cpu_time(side.haproxy);
  if (!before) return tl::unexpected(before.error());
  if (auto ran = side.load->run(requests_per_round, side.draw, side.identified); !ran) return ran;
  if (side.log != nullptr)
    if (auto logged = side.log->expect(lines + requests_per_round); !logged) return logged;
  const auto after = cpu_time(side.haproxy);
  if (!after) return tl::unexpected(after.error());
  const double spent = std::chrono::duration<double, std::micro>(*after - *before).count();
  if (counts) side.microseconds.push_back(spent / static_cast<double>(requests_per_round));
  return {};
}

Status take_turns(std::vector<Side>& sides, unsigned rounds) {
  for (unsigned i = 0; i <= rounds; ++i)
    for (auto& side : sides)
      if (auto done = round(side, i > 0); !done)
        return fail(done.error().code, side.name + ": " + done.error().message, done.error().hint);
  return {};
}

// An estate with its sessions in a running gateway.
struct Bench {
  testing::StateDirectory scratch;
  Upstream upstream;
  std::unique_ptr<Estate> estate;
  std::unique_ptr<Gateway> gateway;
};

Result<std::unique_ptr<Bench>> set_up(const Run& run, EstateShape shape) {
  auto out = std::make_unique<Bench>();
  shape.upstream_port = out->upstream.port();
  shape.http_port = testing::free_port();
  shape.https_port = testing::free_port();
  const std::string bundle = out->scratch.paths().state + "/bundle";
  std::filesystem::create_directories(bundle + "/certs");
  if (auto made = testing::write_certificate(bundle + "/certs/edge.pem", "bench.test"); !made)
    return tl::unexpected(made.error());
  auto estate = Estate::make(shape, bundle);
  if (!estate) return tl::unexpected(estate.error());
  out->estate = std::make_unique<Estate>(std::move(*estate));
  auto gateway = Gateway::start(out->estate->generation(), bundle);
  if (!gateway) return tl::unexpected(gateway.error());
  out->gateway = std::move(*gateway);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::vector<session::HostSession> sessions;
  for (std::size_t i = 0; i < shape.sessions; ++i) sessions.push_back(out->estate->session(i, now));
  if (auto added = out->gateway->add(sessions); !added) return tl::unexpected(added.error());
  const auto status = out->gateway->status();
  run.say(fmt::format("  {} routes ({} templated), {} sessions, {} classes, {} verdicts",
                      out->estate->routes(), out->estate->templated_routes(), status.sessions, status.classes,
                      status.verdicts));
  if (status.sessions != shape.sessions || !status.in_sync)
    return fail("BEN032", "not every session is in HAProxy: " + out->gateway->problem());
  return out;
}

// HAProxy gets a core, the others share the rest; without a second core they share that one.
void spread(const std::vector<int>& haproxies) {
  if (cores() < 2) return;
  pin(0, 0);
  for (const int pid : haproxies) pin(pid, 1);
}

nlohmann::ordered_json story(Bench& bench, const std::vector<Side>& sides) {
  const auto status = bench.gateway->status();
  nlohmann::ordered_json out = {
      {"routes", bench.estate->routes()}, {"templated_routes", bench.estate->templated_routes()},
      {"sessions", status.sessions},      {"classes", status.classes},
      {"verdicts", status.verdicts},      {"requests_per_round", requests_per_round}};
  for (const auto& side : sides) {
    const std::size_t answered = side.microseconds.size() * requests_per_round;
    out["sides"][side.name] = {{"us_per_request", median(side.microseconds)},
                               {"rounds", side.microseconds},
                               {"answered", answered},
                               {"log_lines", side.log != nullptr ? answered : 0}};
  }
  return out;
}

void say_medians(const Run& run, const std::vector<Side>& sides) {
  for (const auto& side : sides)
    run.say(fmt::format("  {:<14} {:6.2f} µs of CPU per request", side.name, median(side.microseconds)));
}

}  // namespace

Status measure_edge(Run& run) {
  auto bench = set_up(run, {});
  if (!bench) return tl::unexpected(bench.error());
  auto& [scratch, upstream, estate, gateway] = **bench;
  const std::uint16_t logged_port = testing::free_port(), silent_port = testing::free_port();
  auto logged = Plain::start({.http_port = logged_port, .upstream_port = upstream.port()});
  if (!logged) return tl::unexpected(logged.error());
  auto silent = Plain::start({.http_port = silent_port, .upstream_port = upstream.port(), .httplog = false});
  if (!silent) return tl::unexpected(silent.error());
  spread({gateway->haproxy(), (*logged)->haproxy(), (*silent)->haproxy()});
  const auto seed = run.options().seed;
  const auto port = estate->shape().http_port;
  std::vector<Side> sides;
  sides.push_back({"durward", gateway->haproxy(), &gateway->log(), http1_load(port, connections),
                   estate->random(seed), true});
  sides.push_back({"httplog", (*logged)->haproxy(), &(*logged)->log(), http1_load(logged_port, connections),
                   estate->random(seed), false});
  sides.push_back({"plain", (*silent)->haproxy(), nullptr, http1_load(silent_port, connections),
                   estate->random(seed), false});
  sides.push_back({"durward hot", gateway->haproxy(), &gateway->log(), http1_load(port, connections),
                   estate->one(7, 5), true});
  sides.push_back({"httplog hot", (*logged)->haproxy(), &(*logged)->log(),
                   http1_load(logged_port, connections), estate->one(7, 5), false});
  if (auto done = take_turns(sides, run.rounds(usual_rounds)); !done) return done;
  say_medians(run, sides);
  run.number("edge_cpu_ratio_httplog", median(sides[0].microseconds) / median(sides[1].microseconds));
  run.number("edge_cpu_ratio_plain", median(sides[0].microseconds) / median(sides[2].microseconds));
  run.number("edge_cpu_ratio_hot", median(sides[3].microseconds) / median(sides[4].microseconds));
  run.ran("edge", story(**bench, sides));
  return {};
}

Status measure_tls_h2(Run& run) {
  auto bench = set_up(run, {});
  if (!bench) return tl::unexpected(bench.error());
  auto& [scratch, upstream, estate, gateway] = **bench;
  const std::uint16_t port = testing::free_port();
  auto plain = Plain::start({.http_port = testing::free_port(),
                             .https_port = port,
                             .certificates = estate->bundle() + "/certs",
                             .upstream_port = upstream.port()});
  if (!plain) return tl::unexpected(plain.error());
  spread({gateway->haproxy(), (*plain)->haproxy()});
  const auto seed = run.options().seed;
  std::vector<Side> sides;
  sides.push_back({"durward", gateway->haproxy(), &gateway->log(),
                   http2_load(estate->shape().https_port, h2_connections, h2_streams), estate->random(seed),
                   true});
  sides.push_back({"httplog", (*plain)->haproxy(), &(*plain)->log(),
                   http2_load(port, h2_connections, h2_streams), estate->random(seed), false});
  if (auto done = take_turns(sides, run.rounds(usual_rounds)); !done) return done;
  say_medians(run, sides);
  run.number("edge_cpu_ratio_tls_h2", median(sides[0].microseconds) / median(sides[1].microseconds));
  run.ran("tls_h2", story(**bench, sides));
  return {};
}

Status measure_scale(Run& run) {
  auto large = set_up(run, {.sessions = 1'000'000});
  if (!large) return tl::unexpected(large.error());
  auto small = set_up(run, {.apps = 1, .routes = 10, .classes = 5, .sessions = 100});
  if (!small) return tl::unexpected(small.error());
  spread({(*large)->gateway->haproxy(), (*small)->gateway->haproxy()});
  const auto seed = run.options().seed;
  std::vector<Side> sides;
  for (auto* bench : {large->get(), small->get()})
    sides.push_back({bench == large->get() ? "large" : "small", bench->gateway->haproxy(),
                     &bench->gateway->log(), http1_load(bench->estate->shape().http_port, connections),
                     bench->estate->random(seed), true});
  if (auto done = take_turns(sides, run.rounds(usual_rounds)); !done) return done;
  say_medians(run, sides);
  run.number("edge_scale_ratio", median(sides[0].microseconds) / median(sides[1].microseconds));
  run.ran("scale", {{"large", story(**large, {})},
                    {"small", story(**small, {})},
                    {"sides", story(**large, sides)["sides"]}});
  return {};
}

}  // namespace durward::bench

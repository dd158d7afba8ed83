#include "edge.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace durward::differential {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_seconds;

constexpr auto lease = 1h;
constexpr auto gate = 60s;
constexpr auto log_patience = 20s;

// The one change to what was generated: HAProxy's clock.
std::string with_clock(std::string config, std::chrono::seconds shift) {
  constexpr std::string_view now = "set-var(txn.now) date\n";
  const std::string moved = fmt::format("set-var(txn.now) date({})\n", shift.count());
  for (auto at = config.find(now); at != std::string::npos; at = config.find(now, at + moved.size()))
    config.replace(at, now.size(), moved);
  return config;
}

bool succeeded(const Status& status, const char* step) {
  EXPECT_TRUE(status) << step << ": " << status.error().code << " " << status.error().message;
  return status.has_value();
}

}  // namespace

Edge::Edge(Options options)
    : options_(std::move(options)),
      mirror_({store_, [](const session::HostSession&) -> Result<std::string> { return "ann|-|-|x"; }}),
      haproxy_(state_.haproxy()),
      live_(haproxy_, mirror_),
      client_(options_.port) {}

std::unique_ptr<Edge> Edge::start(Options options) {
  std::unique_ptr<Edge> edge(new Edge(std::move(options)));
  return edge->compile() && edge->fill_store() && edge->run() ? std::move(edge) : nullptr;
}

bool Edge::compile() {
  Diagnostics diagnostics;
  generation::Platform platform;
  platform.threads = 1;
  platform.sessions_max = 10'000;
  const auto made = generation::generate(options_.policies, platform, {}, diagnostics);
  EXPECT_TRUE(made) << render_text(diagnostics);
  if (!made) return false;
  auto moved = std::make_shared<generation::Generation>(*made);
  moved->config = with_clock(moved->config, options_.shift);
  generation_ = std::move(moved);
  return true;
}

bool Edge::fill_store() {
  store::Transaction all;
  for (const auto& session : options_.sessions)
    all.puts.push_back({"session/" + session.key, session::write(session)});
  if (all.puts.empty()) return true;
  const auto done = store_.transact(all);
  EXPECT_TRUE(done && done->applied);
  return done && done->applied;
}

bool Edge::run() {
  auto receiver = accesslog::Receiver::start(
      {.socket = state_.paths().log_socket(),
       .allowed_uids = {::geteuid()},
       .segments = {.directory = state_.paths().log(), .clock = clock_},
       .on_event = [this](const accesslog::AccessEvent& event) { events_.lock()->push_back(event); }});
  EXPECT_TRUE(receiver) << receiver.error().message;
  if (!receiver) return false;
  receiver_ = std::move(*receiver);
  const sys_seconds now = clock_.now_seconds() + options_.shift;
  if (!succeeded(mirror_.open_transition(*generation_, now), "facts")) return false;
  mirror_.close_transition();
  const dataplane::StartTimes times{
      .now = now, .lease_end = now + lease, .gate = clock_.now_seconds() + gate};
  if (!succeeded(mirror_.write_files(state_.paths().runtime(), *generation_, times), "maps") ||
      !succeeded(haproxy_.write(*generation_), "write") ||
      !succeeded(haproxy_.check(*generation_), "check") ||
      !succeeded(haproxy_.publish(*generation_), "publish"))
    return false;
  const auto worker = haproxy_.start();
  EXPECT_TRUE(worker) << worker.error().message;
  if (!worker) return false;
  worker_ = *worker;
  if (!options_.filled) return true;
  live_.attach(worker_);
  return succeeded(live_.resync(*generation_, now, now + lease), "resync");
}

std::chrono::milliseconds Edge::time() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now().time_since_epoch()) +
         options_.shift;
}

std::vector<accesslog::AccessEvent> Edge::log(std::size_t requests) {
  const bool all = receiver_->wait_for({static_cast<std::uint32_t>(worker_), requests}, log_patience);
  receiver_->stop();
  const auto stats = receiver_->stats();
  EXPECT_TRUE(all) << "only " << stats.lines << " of " << requests << " lines came";
  EXPECT_EQ(stats.parse_errors, 0U) << stats.last_error;
  EXPECT_EQ(stats.lost, 0U);
  auto events = events_.lock();
  EXPECT_EQ(events->size(), requests);
  return events->size() == requests ? std::move(*events) : std::vector<accesslog::AccessEvent>{};
}

}  // namespace durward::differential

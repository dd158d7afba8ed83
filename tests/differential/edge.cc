#include "edge.h"

#include <gtest/gtest.h>

namespace durward::differential {
namespace {

using namespace std::chrono_literals;

constexpr auto lease = std::chrono::days(400);  // the time is moved by months
constexpr auto gate = 60s;

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
      api_(state_.paths().admin_socket()),
      client_(options_.ports) {}

std::unique_ptr<Edge> Edge::start(Options options) {
  std::unique_ptr<Edge> edge(new Edge(std::move(options)));
  edge->generation_ = observable(edge->options_.policies, edge->options_.at);
  return edge->generation_ && edge->fill_store() && edge->run() ? std::move(edge) : nullptr;
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
  log_ = Log::open(state_.paths().log_socket(), state_.paths().log(), clock_);
  const sys_seconds now = options_.at;
  if (!log_ || !install_certificate(state_.paths()) || !write_time(state_.paths(), now) ||
      !succeeded(mirror_.open_transition(*generation_, now), "facts"))
    return false;
  mirror_.close_transition(now);
  const dataplane::StartTimes times{.now = now, .lease_end = now + lease, .gate = now + gate};
  if (!succeeded(mirror_.write_files(state_.paths().runtime(), *generation_, times), "maps") ||
      !succeeded(haproxy_.write(*generation_), "write") ||
      !succeeded(haproxy_.publish(*generation_), "publish"))
    return false;
  const auto worker = haproxy_.start();
  EXPECT_TRUE(worker) << worker.error().message;
  if (!worker) return false;
  live_.attach(*worker);
  return !options_.filled || succeeded(live_.resync(*generation_, now, now + lease), "resync");
}

bool Edge::set_time(sys_seconds at) {
  if (time_ == at) return true;
  const auto reply = api_.ask(time_command(at));
  const bool done = reply && dataplane::expect_empty(*reply);
  EXPECT_TRUE(done) << "HAProxy's time cannot be set";
  time_ = at;
  return done;
}

bool Edge::renew(sys_seconds at) {
  return succeeded(live_.set_slots(at), "windows");
}

}  // namespace durward::differential

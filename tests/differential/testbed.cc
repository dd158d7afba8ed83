#include "testbed.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "sys/file_store.h"
#include "testing/certificate.h"

namespace durward::differential {
namespace {

using namespace std::chrono_literals;

constexpr auto log_patience = 20s;
constexpr unsigned poll_us = 2'000;
constexpr const char* clock_map = "clock.map";
constexpr const char* id_header = "x-logged-as";

// Replaces every occurrence; how many there were.
unsigned replace_all(std::string& text, std::string_view what, std::string_view by) {
  unsigned count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()), ++count)
    text.replace(at, what.size(), by);
  return count;
}

unsigned count(std::string_view text, std::string_view what) {
  std::string copy(text);
  return replace_all(copy, what, what);
}

bool make_observable(std::string& config, sys_seconds started) {
  const unsigned frontends = count(config, "\nfrontend ");
  const unsigned clocks =
      replace_all(config, "set-var(txn.now) date\n",
                  fmt::format("set-var(txn.now) str(now),map_str_int(../../runtime/{},0)\n", clock_map));
  const unsigned starts =
      replace_all(config, "set-var proc.started date()\n",
                  fmt::format("set-var proc.started int({})\n", started.time_since_epoch().count()));
  const unsigned ids =
      replace_all(config, "    unique-id-header X-Request-Id\n",
                  fmt::format("    unique-id-header X-Request-Id\n    http-after-response set-header {} "
                              "%[unique-id]\n",
                              id_header));
  // Another way of asking for the time would go on reading the real one.
  return clocks >= frontends && ids == frontends && starts == 1 && count(config, " date") == 0;
}

}  // namespace

generation::GenerationPtr observable(const policy::PolicySetPtr& policies, sys_seconds started,
                                     const std::string& sockets) {
  Diagnostics diagnostics;
  generation::Platform platform;
  platform.threads = 1;
  platform.sessions_max = 10'000;
  platform.sockets = sockets;
  const auto made = generation::generate(policies, platform, {}, diagnostics);
  EXPECT_TRUE(made) << render_text(diagnostics);
  if (!made) return nullptr;
  auto out = std::make_shared<generation::Generation>(*made);
  const bool replaced = make_observable(out->config, started);
  EXPECT_TRUE(replaced) << "the configuration asks for the time in a way this suite does not know";
  return replaced ? out : nullptr;
}

bool install_certificate(const dataplane::Paths& paths) {
  return sys::make_directories(paths.certificates() + "/1") &&
         testing::write_certificate(paths.certificates() + "/1/test.pem", "a.test");
}

bool write_time(const dataplane::Paths& paths, sys_seconds at) {
  return sys::write_file(paths.runtime() + "/" + clock_map,
                         fmt::format("now {}\n", at.time_since_epoch().count()))
      .has_value();
}

std::string time_command(sys_seconds at) {
  return fmt::format("set map ../../runtime/{} now {}", clock_map, at.time_since_epoch().count());
}

std::string logged_as(const std::optional<testing::RawResponse>& answer) {
  if (!answer) return "";
  const auto found = answer->headers.find(id_header);
  return found == answer->headers.end() ? "" : found->second;
}

int worker_of(const std::string& id) {
  return static_cast<int>(std::strtol(id.c_str(), nullptr, 16));
}

std::unique_ptr<Log> Log::open(const std::string& socket, const std::string& directory,
                               const sys::Clock& clock) {
  auto out = std::make_unique<Log>();
  auto receiver =
      accesslog::Receiver::start({.socket = socket,
                                  .allowed_uids = {::geteuid()},
                                  .segments = {.directory = directory, .clock = clock},
                                  .on_event = [log = out.get()](const accesslog::AccessEvent& event) {
                                    log->events_.lock()->emplace(event.request_id, event);
                                  }});
  EXPECT_TRUE(receiver) << receiver.error().message;
  if (!receiver) return nullptr;
  out->receiver_ = std::move(*receiver);
  return out;
}

std::map<std::string, accesslog::AccessEvent> Log::close(const std::vector<std::string>& ids) {
  const auto deadline = sys::deadline_in(log_patience);
  const auto missing = [&] {
    auto events = events_.lock();
    return std::count_if(ids.begin(), ids.end(), [&](const auto& id) { return !events->contains(id); });
  };
  while (missing() > 0 && sys::time_left(deadline) > 0ms) ::usleep(poll_us);
  EXPECT_EQ(missing(), 0) << "lines of the log are missing";
  receiver_->stop();
  const auto stats = receiver_->stats();
  EXPECT_EQ(stats.parse_errors, 0U) << stats.last_error;
  EXPECT_EQ(stats.lost, 0U);
  return std::move(*events_.lock());
}

std::optional<testing::RawResponse> Client::ask(const Probe& probe) {
  if (!probe.h2) return plain_.ask(h1_bytes(probe), probe.request.method == "HEAD");
  return tls_.try_emplace(probe.sni, ports_.tls, probe.sni).first->second.ask(h2_request(probe));
}

}  // namespace durward::differential

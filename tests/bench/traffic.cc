#include "traffic.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <random>
#include <vector>

#include "process_meter.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto finish_patience = 20s;
constexpr auto reopen_pause = 20ms;
constexpr double backlog_most = 200;  // what could not be asked in time is not caught up with beyond this

}  // namespace

struct Traffic::Lane {
  bool http2 = false;
  struct Open {
    std::unique_ptr<Connection> connection;
    std::map<std::uint32_t, Request> asked{};
  };
  std::vector<Open> connections{};  // the last one is asked; the others finish
  steady_clock::time_point not_before{};
};

struct Traffic::Loop {
  explicit Loop(const TrafficOptions& given)
      : options(given), random(given.seed), lanes(given.http1 + given.http2) {
    for (unsigned i = given.http1; i < lanes.size(); ++i) lanes[i].http2 = true;
  }

  const TrafficOptions& options;
  std::mt19937_64 random;
  std::vector<Lane> lanes;
  sys::Fd poll{::epoll_create1(EPOLL_CLOEXEC)};
  TrafficCounts counts;
  std::size_t turn = 0;
  std::vector<Event> events;

  void trouble(const std::string& what) { ++counts.troubles[what]; }

  // A connection of this lane that may be asked now; opens one when there is none.
  Lane::Open* ready(Lane& lane) {
    if (!lane.connections.empty()) {
      auto& newest = *lane.connections.back().connection;
      if (newest.may_ask()) return &lane.connections.back();
      if (!lane.http2 && !newest.gone() && newest.open() > 0) return nullptr;
      if (lane.http2 && !newest.gone() && !newest.leaving()) return nullptr;
    }
    if (steady_clock::now() < lane.not_before) return nullptr;
    auto opened = lane.http2 ? open_http2(options.port, options.host, options.streams)
                             : open_http1(options.port, options.host);
    if (!opened) {
      ++counts.unopened;
      trouble(opened.error().message);
      lane.not_before = steady_clock::now() + reopen_pause;
      return nullptr;
    }
    ++counts.opened;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = static_cast<std::uint64_t>(&lane - lanes.data())}};
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, (*opened)->fd(), &event);
    lane.connections.push_back({.connection = std::move(*opened)});
    return &lane.connections.back();
  }

  Request draw() {
    const std::uint64_t drawn = random();
    Request request;
    request.token = options.token(random());
    if (drawn % 100 < options.post_percent) {
      request.method = "POST";
      request.path = "/v1/items";
      request.body_bytes = options.body_bytes;
      ++counts.posts;
    } else if (drawn % 100 < options.post_percent + options.events_percent) {
      request.path = options.events_path;
      ++counts.events;
    } else {
      request.path = fmt::format("/v1/items/{}", drawn % 100'000);
    }
    ++counts.asked;
    return request;
  }

  bool ask_one() {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      Lane& lane = lanes[turn++ % lanes.size()];
      Lane::Open* to = ready(lane);
      if (to == nullptr) continue;
      Request request = draw();
      const std::uint32_t id = to->connection->ask(request);
      to->asked[id] = std::move(request);
      counts.http2 += lane.http2 ? 1 : 0;
      return true;
    }
    return false;
  }

  std::size_t open() const {
    std::size_t out = 0;
    for (const auto& lane : lanes)
      for (const auto& one : lane.connections) out += one.connection->open();
    return out;
  }

  void pump(Lane& lane) {
    for (auto& one : lane.connections) {
      events.clear();
      one.connection->pump(events);
      for (const auto& event : events) count(event, one, lane.http2);
    }
    std::erase_if(lane.connections, [](const auto& one) { return one.connection->gone(); });
  }

  void count(const Event& event, Lane::Open& on, bool http2) {
    const Request& request = on.asked[event.id];
    if (event.kind == Event::Kind::answered) {
      if (event.status == 200) return;
      ++counts.refused;
      trouble(fmt::format("{} over HTTP/{} answered with {}", request.method, http2 ? 2 : 1, event.status));
      return;
    }
    if (event.kind == Event::Kind::ended) ++counts.answered;
    if (event.kind == Event::Kind::broken) {
      ++counts.broken;
      trouble(fmt::format("{} over HTTP/{} cut off", request.method, http2 ? 2 : 1));
    }
    on.asked.erase(event.id);
  }
};

std::string to_string(const std::map<std::string, std::uint64_t>& troubles) {
  std::string out;
  for (const auto& [what, times] : troubles)
    out += fmt::format("{}{} times {}", out.empty() ? "" : ", ", times, what);
  return out;
}

Traffic::Traffic(TrafficOptions options) : options_(std::move(options)), thread_([this] { run(); }) {}

Traffic::~Traffic() {
  finishing_ = true;
  if (thread_.joinable()) thread_.join();
}

TrafficCounts Traffic::counts() {
  return *counts_.lock();
}

TrafficCounts Traffic::finish() {
  finishing_ = true;
  if (thread_.joinable()) thread_.join();
  return counts();
}

void Traffic::run() {
  step_back();
  Loop loop(options_);
  auto last = steady_clock::now();
  double due = 0;
  std::array<epoll_event, 64> ready{};
  steady_clock::time_point give_up = steady_clock::time_point::max();
  for (;;) {
    const auto now = steady_clock::now();
    const bool finishing = finishing_;
    if (finishing && give_up == steady_clock::time_point::max()) give_up = now + finish_patience;
    if (finishing && (loop.open() == 0 || now > give_up)) break;
    due =
        std::min(backlog_most, due + options_.per_second * std::chrono::duration<double>(now - last).count());
    last = now;
    while (!finishing && due >= 1 && loop.ask_one()) due -= 1;
    const int count = ::epoll_wait(loop.poll.get(), ready.data(), static_cast<int>(ready.size()), 1);
    if (count == 0)  // what could not be sent at once
      for (auto& lane : loop.lanes) loop.pump(lane);
    for (int i = 0; i < count; ++i) loop.pump(loop.lanes[ready[static_cast<std::size_t>(i)].data.u64]);
    *counts_.lock() = loop.counts;
  }
  loop.counts.broken += loop.open();
  *counts_.lock() = loop.counts;
}

}  // namespace durward::bench

#include "traffic.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <random>
#include <vector>

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
  std::vector<std::unique_ptr<Connection>> connections{};  // the last one is asked; the others finish
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

  void trouble(const std::string& what) {
    if (counts.first_trouble.empty()) counts.first_trouble = what;
  }

  // A connection of this lane that may be asked now; opens one when there is none.
  Connection* ready(Lane& lane) {
    if (!lane.connections.empty()) {
      auto& newest = *lane.connections.back();
      if (newest.may_ask()) return &newest;
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
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, (*opened)->fd(), &event);
    lane.connections.push_back(std::move(*opened));
    return lane.connections.back().get();
  }

  bool ask_one() {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      Lane& lane = lanes[turn++ % lanes.size()];
      Connection* connection = ready(lane);
      if (connection == nullptr) continue;
      const std::uint64_t draw = random();
      Request request;
      request.token = options.token(random());
      if (draw % 100 < options.post_percent) {
        request.method = "POST";
        request.path = "/v1/items";
        request.body_bytes = options.body_bytes;
        ++counts.posts;
      } else if (draw % 100 < options.post_percent + options.events_percent) {
        request.path = options.events_path;
        ++counts.events;
      } else {
        request.path = fmt::format("/v1/items/{}", draw % 100'000);
      }
      connection->ask(request);
      ++counts.asked;
      counts.http2 += lane.http2 ? 1 : 0;
      return true;
    }
    return false;
  }

  std::size_t open() const {
    std::size_t out = 0;
    for (const auto& lane : lanes)
      for (const auto& connection : lane.connections) out += connection->open();
    return out;
  }

  void pump() {
    for (auto& lane : lanes) {
      for (auto& connection : lane.connections) {
        events.clear();
        connection->pump(events);
        for (const auto& event : events) count(event, lane.http2);
      }
      std::erase_if(lane.connections, [](const auto& connection) { return connection->gone(); });
    }
  }

  void count(const Event& event, bool http2) {
    if (event.kind == Event::Kind::ended) ++counts.answered;
    if (event.kind == Event::Kind::broken) {
      ++counts.broken;
      trouble(fmt::format("a request over HTTP/{} was cut off", http2 ? 2 : 1));
    }
    if (event.kind != Event::Kind::answered || event.status == 200) return;
    ++counts.refused;
    trouble(fmt::format("a request over HTTP/{} was answered with {}", http2 ? 2 : 1, event.status));
  }
};

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
    ::epoll_wait(loop.poll.get(), ready.data(), static_cast<int>(ready.size()), 1);
    loop.pump();
    *counts_.lock() = loop.counts;
  }
  loop.counts.broken += loop.open();
  *counts_.lock() = loop.counts;
}

}  // namespace durward::bench

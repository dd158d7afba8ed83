#include "probes.h"

#include <poll.h>

#include <algorithm>

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto pace = 1ms;
constexpr auto nap = 100us;
constexpr auto watch_patience = 10s;

}  // namespace

Probes::Probes(std::uint16_t port, std::string host, unsigned connections)
    : port_(port), host_(std::move(host)), lanes_(connections), thread_([this] { run(); }) {}

Probes::~Probes() {
  stopping_ = true;
  thread_.join();
}

Status Probes::watch(const std::string& token, unsigned times) {
  {
    auto watch = watch_.lock();
    const std::uint64_t number = watch->number + 1;
    *watch = {.number = number, .token = token, .allowed = {}, .refused = {}, .limit = Time::max()};
    watch->allowed.resize(lanes_.size());
    watch->refused.resize(lanes_.size());
  }
  const auto give_up = steady_clock::now() + watch_patience;
  while (steady_clock::now() < give_up) {
    std::this_thread::sleep_for(pace);
    auto watch = watch_.lock();
    if (std::ranges::any_of(watch->refused, [](Time at) { return at != Time{}; }))
      return fail("BEN060", "a live session was refused");
    if (std::ranges::all_of(watch->allowed, [times](unsigned n) { return n >= times; })) return {};
  }
  return fail("BEN060", "the probes get no answers");
}

void Probes::nothing_allowed_after(Time at) {
  watch_.lock()->limit = at;
}

Result<Probes::Time> Probes::refused_everywhere(std::chrono::milliseconds patience) {
  const auto give_up = steady_clock::now() + patience;
  while (steady_clock::now() < give_up) {
    {
      auto watch = watch_.lock();
      if (std::ranges::none_of(watch->refused, [](Time at) { return at == Time{}; }))
        return *std::ranges::max_element(watch->refused);
    }
    std::this_thread::sleep_for(pace);
  }
  return fail("BEN060", "a revoked session went on being allowed");
}

void Probes::run() {
  while (!stopping_) {
    std::vector<pollfd> fds;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      step(i);
      if (lanes_[i].connection) fds.push_back({lanes_[i].connection->fd(), POLLIN, 0});
    }
    const timespec wait{0, std::chrono::nanoseconds(nap).count()};
    const bool all_busy =
        std::ranges::all_of(lanes_, [](const Lane& l) { return l.connection && l.connection->open() > 0; });
    if (all_busy)
      ::ppoll(fds.data(), fds.size(), &wait, nullptr);
    else
      std::this_thread::sleep_for(nap);
  }
}

void Probes::step(std::size_t index) {
  Lane& lane = lanes_[index];
  if (!lane.connection || lane.connection->gone()) {
    auto opened = open_http1(port_, host_);
    if (!opened) return;
    lane.connection = std::move(*opened);
  }
  std::vector<Event> events;
  lane.connection->pump(events);
  for (const auto& event : events) {
    if (event.kind == Event::Kind::answered) note(index, event.status);
    if (event.kind == Event::Kind::broken) ++broken_;
  }
  const auto now = steady_clock::now();
  if (!lane.connection->may_ask() || now - lane.asked < pace) return;
  Request request;
  request.path = "/v1/items/1";
  {
    auto watch = watch_.lock();
    if (watch->token.empty()) return;
    request.token = watch->token;
    lane.watch = watch->number;
  }
  lane.asked = steady_clock::now();
  lane.connection->ask(request);
  ++asked_;
}

void Probes::note(std::size_t lane, int status) {
  auto watch = watch_.lock();
  if (lanes_[lane].watch != watch->number) return;
  if (status != 200) {
    if (watch->refused[lane] == Time{}) watch->refused[lane] = steady_clock::now();
    return;
  }
  ++watch->allowed[lane];
  if (lanes_[lane].asked > watch->limit || watch->refused[lane] != Time{}) ++allowed_late_;
}

}  // namespace durward::bench

#include "streams.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>

#include "live_estate.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto admission_patience = 20s;
constexpr int look_around_ms = 20;
// An event every ten seconds, for longer than any figure takes.
constexpr const char* events_path = "/events/100000/10000";

}  // namespace

Result<std::unique_ptr<Streams>> Streams::open(const Plan& plan) {
  std::unique_ptr<Streams> out(new Streams);
  out->poll_ = sys::Fd(::epoll_create1(EPOLL_CLOEXEC));
  for (std::size_t i = 0; i < plan.sockets + plan.http1 + plan.http2; ++i)
    if (auto added = out->add(plan, i); !added) return tl::unexpected(added.error());
  if (auto admitted = out->await_admission(); !admitted) return tl::unexpected(admitted.error());
  out->thread_ = std::thread([streams = out.get()] { streams->run(); });
  return out;
}

Streams::~Streams() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

Status Streams::add(const Plan& plan, std::size_t index) {
  const bool http2 = index >= plan.sockets + plan.http1;
  const bool room = http2 && !connections_.empty() && connections_.back()->open() < plan.http2_each &&
                    index > plan.sockets + plan.http1;
  if (!room) {
    auto opened =
        http2 ? open_http2(plan.port, plan.host, plan.http2_each) : open_http1(plan.port, plan.host);
    if (!opened) return tl::unexpected(opened.error());
    epoll_event event{.events = EPOLLIN, .data = {.u64 = connections_.size()}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, (*opened)->fd(), &event);
    connections_.push_back(std::move(*opened));
    on_connection_.emplace_back();
  }
  Stream stream;
  stream.person = index % plan.people;
  stream.connection = connections_.size() - 1;
  Request request;
  request.token = People::token(stream.person);
  request.upgrade = index < plan.sockets;
  request.path = request.upgrade ? "/socket" : events_path;
  stream.id = connections_.back()->ask(request);
  on_connection_.back().push_back(streams_.size());
  streams_.push_back(stream);
  return {};
}

Status Streams::await_admission() {
  const auto give_up = steady_clock::now() + admission_patience;
  std::size_t waiting = streams_.size();
  while (waiting > 0 && steady_clock::now() < give_up) {
    std::this_thread::sleep_for(1ms);
    std::vector<Event> events;
    for (std::size_t c = 0; c < connections_.size(); ++c) {
      events.clear();
      connections_[c]->pump(events);
      for (const auto& event : events) {
        if (event.kind != Event::Kind::answered || (event.status != 200 && event.status != 101))
          return fail("BEN070", fmt::format("a stream was not admitted: {}", event.status));
        --waiting;
      }
    }
  }
  if (waiting > 0) return fail("BEN070", fmt::format("{} streams got no answer", waiting));
  return {};
}

void Streams::may_end(std::size_t person) {
  watched_.lock()->may_end.insert(person);
}

std::uint64_t Streams::wrong_cuts() {
  return watched_.lock()->wrong;
}

Result<Streams::Time> Streams::all_cut(std::size_t person, std::chrono::milliseconds patience) {
  const auto give_up = steady_clock::now() + patience;
  while (steady_clock::now() < give_up) {
    Time last{};
    bool all = true;
    {
      auto watched = watched_.lock();
      for (const auto& stream : streams_) {
        if (stream.person != person) continue;
        all &= stream.cut != Time{};
        last = std::max(last, stream.cut);
      }
    }
    if (all) return last;
    std::this_thread::sleep_for(1ms);
  }
  return fail("BEN071", "a stream of a revoked session is still open");
}

void Streams::run() {
  std::array<epoll_event, 256> ready{};
  while (!stopping_) {
    const int count = ::epoll_wait(poll_.get(), ready.data(), static_cast<int>(ready.size()), look_around_ms);
    for (int i = 0; i < count; ++i) take(ready[static_cast<std::size_t>(i)].data.u64);
  }
}

void Streams::take(std::size_t connection) {
  auto& from = *connections_[connection];
  std::vector<Event> events;
  from.pump(events);
  if (from.gone()) ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, from.fd(), nullptr);
  if (events.empty()) return;
  const auto now = steady_clock::now();
  auto watched = watched_.lock();
  for (const auto& event : events) {
    if (event.kind == Event::Kind::answered) continue;
    for (const std::size_t index : on_connection_[connection]) {
      Stream& stream = streams_[index];
      if (stream.id != event.id || stream.cut != Time{}) continue;
      stream.cut = now;
      if (!watched->may_end.contains(stream.person)) ++watched->wrong;
    }
  }
}

}  // namespace durward::bench

#include "log_counter.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <list>
#include <vector>

#include "accesslog/frame.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
constexpr auto look_around = 20ms;

struct Source {
  sys::Fd fd;
  accesslog::FrameDecoder frames{accesslog::Framing::octet_counted};
};

}  // namespace

Result<std::unique_ptr<LogCounter>> LogCounter::start(const std::string& socket) {
  auto listener = sys::UnixListener::listen(socket);
  if (!listener) return tl::unexpected(listener.error());
  std::unique_ptr<LogCounter> out(new LogCounter(std::move(*listener)));
  out->thread_ = std::thread([self = out.get()] { self->serve(); });
  return out;
}

LogCounter::~LogCounter() {
  stopping_ = true;
  thread_.join();
}

void LogCounter::serve() {
  std::list<Source> sources;
  while (!stopping_) {
    std::vector<pollfd> waiting = {{listener_.fd(), POLLIN, 0}};
    for (const auto& source : sources) waiting.push_back({source.fd.get(), POLLIN, 0});
    ::poll(waiting.data(), waiting.size(), static_cast<int>(look_around.count()));
    while (auto peer = listener_.accept()) sources.push_back({.fd = std::move(peer->fd)});
    for (auto source = sources.begin(); source != sources.end();) {
      const auto room = source->frames.room();
      const ssize_t got = ::read(source->fd.get(), room.data(), room.size());
      if (got > 0) source->frames.filled(static_cast<std::size_t>(got));
      std::uint64_t lines = 0;
      for (auto frame = source->frames.next();; frame = source->frames.next()) {
        if (!frame) damaged_ = true;
        if (!frame || !*frame) break;
        ++lines;
      }
      lines_ += lines;
      const bool ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR) || damaged_;
      source = ended ? sources.erase(source) : std::next(source);
    }
  }
}

Status LogCounter::expect(std::uint64_t lines, std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (lines_ < lines && !damaged_ && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(1ms);
  if (lines_ == lines && !damaged_) return {};
  return fail("BEN010", fmt::format("{} requests were answered, but {} log lines received{}", lines,
                                    lines_.load(), damaged_ ? ", the last of them damaged" : ""));
}

}  // namespace durward::bench

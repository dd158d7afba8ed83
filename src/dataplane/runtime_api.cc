#include "dataplane/runtime_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace durward::dataplane {
namespace {

constexpr std::string_view prompt = "\n> ";

// The last lock: the builders keep the bound, and what gets past them must not reach HAProxy.
Status check_length(const std::string& command) {
  if (command.size() <= command_bytes_max) return {};
  return fail("DAT003", fmt::format("a command of {} bytes is not sent: '{}…'", command.size(),
                                    command.substr(0, command.find_first_of("\n<"))));
}

}  // namespace

Status WorkerApi::connect() {
  auto stream = sys::UnixStream::connect(socket_, reply_timeout);
  if (!stream) return fail("DAT001", "HAProxy is not reachable: " + stream.error().message, "is it running?");
  if (auto sent = stream->write("prompt\n", reply_timeout); !sent) return tl::unexpected(sent.error());
  if (auto got = stream->read_until(prompt, 1024, reply_timeout); !got) return tl::unexpected(got.error());
  stream_.emplace(std::move(*stream));
  return {};
}

Status WorkerApi::send(const std::string& text) {
  if (auto fits = check_length(text); !fits) return fits;
  if (!stream_)
    if (auto connected = connect(); !connected) return connected;
  auto sent = stream_->write(text + "\n", reply_timeout);
  if (sent) return {};
  stream_.reset();
  return fail("DAT001", "HAProxy did not take a command: " + sent.error().message);
}

Result<std::string> WorkerApi::receive() {
  auto reply = stream_->read_until(prompt, reply_bytes_max, reply_timeout);
  if (!reply) {
    stream_.reset();
    return fail("DAT001", "HAProxy did not answer: " + reply.error().message);
  }
  // A payload ends with an empty line; in prompt mode each of its lines is answered with "+ ".
  std::string_view text(*reply);
  text.remove_suffix(prompt.size());
  while (text.starts_with("+ ")) text.remove_prefix(2);
  return std::string(text);
}

Result<std::string> WorkerApi::ask(const std::string& command) {
  if (auto sent = send(command); !sent) return tl::unexpected(sent.error());
  return receive();
}

std::optional<sys::Fd> WorkerApi::hand_over(const std::string& command) {
  auto stream = std::exchange(stream_, {});
  if (!stream || !stream->write(command + "\n", reply_timeout)) return {};
  return stream->release();
}

// Joined by ';' they are one line, and each is answered with a prompt of its own.
Result<std::vector<std::string>> WorkerApi::ask_all(const std::vector<std::string>& commands) {
  std::vector<std::string> replies;
  for (std::size_t next = 0; next < commands.size();) {
    std::string line = commands[next];
    std::size_t last = next + 1;
    while (last < commands.size() && line.size() + 1 + commands[last].size() <= command_bytes_max)
      line += ";" + commands[last++];
    if (auto sent = send(line); !sent) return tl::unexpected(sent.error());
    for (; next < last; ++next) {
      auto reply = receive();
      if (!reply) return tl::unexpected(reply.error());
      replies.push_back(std::move(*reply));
    }
  }
  return replies;
}

Result<std::string> MasterApi::ask(const std::string& command, std::chrono::milliseconds patience) const {
  if (auto fits = check_length(command); !fits) return tl::unexpected(fits.error());
  auto stream = sys::UnixStream::connect(socket_, patience);
  if (!stream) return fail("DAT002", "HAProxy's master is not reachable: " + stream.error().message);
  if (auto sent = stream->write(command + "\n", patience); !sent) return tl::unexpected(sent.error());
  stream->half_close();
  return stream->read_all(reply_bytes_max, patience);
}

// A worker that is just ending leaves a question unanswered (HAProxy 3.0); the master knows whether it has
// gone.
Result<std::string> MasterApi::ask_worker(int pid, const std::string& command) const {
  constexpr std::chrono::milliseconds first_patience{2'000};
  const std::string line = fmt::format("@!{} {}", pid, command);
  auto reply = ask(line, first_patience);
  if (!reply && has(pid)) reply = ask(line, reply_timeout);
  const bool unknown = reply && reply->starts_with("Can't find the target PID");
  if (unknown || (!reply && !has(pid))) return std::string();
  return reply;
}

// Also when the master does not say.
bool MasterApi::has(int pid) const {
  const auto known = processes();
  return !known || known->worker == pid || std::ranges::count(known->old_workers, pid) > 0;
}

Result<Processes> MasterApi::processes() const {
  auto reply = ask("show proc");
  if (!reply) return tl::unexpected(reply.error());
  return read_processes(*reply);
}

}  // namespace durward::dataplane

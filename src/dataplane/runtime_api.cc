#include "dataplane/runtime_api.h"

#include <fmt/format.h>

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

Result<std::string> WorkerApi::ask(const std::string& command) {
  if (auto fits = check_length(command); !fits) return tl::unexpected(fits.error());
  if (!stream_)
    if (auto connected = connect(); !connected) return tl::unexpected(connected.error());
  // A payload ends with an empty line; in prompt mode each of its lines is answered with "+ ".
  auto sent = stream_->write(command + "\n", reply_timeout);
  auto reply =
      sent ? stream_->read_until(prompt, reply_bytes_max, reply_timeout) : tl::unexpected(sent.error());
  if (!reply) {
    stream_.reset();
    return fail("DAT001", "HAProxy did not answer: " + reply.error().message);
  }
  std::string text = reply->substr(0, reply->size() - prompt.size());
  while (text.starts_with("+ ")) text.erase(0, 2);
  return text;
}

Result<std::string> MasterApi::ask(const std::string& command) const {
  if (auto fits = check_length(command); !fits) return tl::unexpected(fits.error());
  auto stream = sys::UnixStream::connect(socket_, reply_timeout);
  if (!stream) return fail("DAT002", "HAProxy's master is not reachable: " + stream.error().message);
  if (auto sent = stream->write(command + "\n", reply_timeout); !sent) return tl::unexpected(sent.error());
  stream->half_close();
  return stream->read_all(reply_bytes_max, reply_timeout);
}

Result<std::string> MasterApi::ask_worker(int pid, const std::string& command) const {
  return ask(fmt::format("@!{} {}", pid, command));
}

Result<Processes> MasterApi::processes() const {
  auto reply = ask("show proc");
  if (!reply) return tl::unexpected(reply.error());
  return read_processes(*reply);
}

}  // namespace durward::dataplane

#include "cli/client.h"

#include <fmt/format.h>

#include "dataplane/haproxy.h"
#include "sys/unix_socket.h"

namespace durward::cli {
namespace {

constexpr std::chrono::seconds answer_timeout{120};  // an apply may wait for a reload
constexpr std::size_t answer_bytes_max = 256U << 20;

}  // namespace

Result<Answer> ask(const Globals& globals, const std::string& method, const std::string& path,
                   const Json& body) {
  const std::string socket = dataplane::Paths{globals.state}.control_socket();
  auto stream = sys::UnixStream::connect(socket, answer_timeout);
  if (!stream)
    return fail("CLI001", "no Durward answers: " + stream.error().message,
                "start it with `durward up`, and give the same --state");
  const std::string text = body.dump();
  const std::string request = fmt::format(
      "{} {} HTTP/1.1\r\nhost: durward\r\nconnection: close\r\ncontent-type: "
      "application/json\r\ncontent-length: {}\r\n\r\n{}",
      method, path, text.size(), text);
  if (auto sent = stream->write(request, answer_timeout); !sent) return tl::unexpected(sent.error());
  auto reply = stream->read_all(answer_bytes_max, answer_timeout);
  if (!reply) return tl::unexpected(reply.error());
  const auto end = reply->find("\r\n\r\n");
  Answer answer;
  if (end == std::string::npos || !reply->starts_with("HTTP/1.1 "))
    return fail("CLI002", "the answer on " + socket + " is not one of Durward's");
  answer.status = std::atoi(reply->c_str() + 9);
  answer.body = Json::parse(reply->substr(end + 4), nullptr, false);
  if (answer.body.is_discarded())
    return fail("CLI002", "the answer on " + socket + " is not one of Durward's");
  return answer;
}

std::optional<Json> ask_or_report(const Globals& globals, const std::string& method, const std::string& path,
                                  const Json& body) {
  auto answer = ask(globals, method, path, body);
  if (!answer) {
    report(globals, answer.error());
    return std::nullopt;
  }
  if (answer->status == 200) return answer->body;
  if (answer->body.contains("text")) print_error(answer->body["text"].get<std::string>() + "\n");
  const auto error = answer->body.value("error", Json::object());
  report(globals, {error.value("code", "CLI002"), error.value("message", "the request failed"),
                   error.value("hint", "")});
  return std::nullopt;
}

}  // namespace durward::cli

#include "api/server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <variant>

#include "base/text.h"

namespace durward::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Unix = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;

constexpr auto io_timeout = std::chrono::seconds(30);

template <class Socket>
std::optional<unsigned> peer_uid(Socket& socket) {
  if constexpr (std::is_same_v<typename Socket::protocol_type, Unix>) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) return peer.uid;
  }
  return std::nullopt;
}

Request plain(const http::request<http::string_body>& message, std::optional<unsigned> uid) {
  Request out;
  out.method = std::string(message.method_string());
  out.target = std::string(message.target());
  for (const auto& field : message)
    out.headers.emplace_back(
        lower_ascii(std::string_view(field.name_string().data(), field.name_string().size())),
        std::string(field.value()));
  out.body = message.body();
  out.peer_uid = uid;
  return out;
}

http::response<http::string_body> wire(const Reply& reply, const http::request<http::string_body>& request) {
  http::response<http::string_body> out(static_cast<http::status>(reply.status), request.version());
  for (const auto& [name, value] : reply.headers) out.insert(name, value);
  out.keep_alive(request.keep_alive());
  const bool head = request.method() == http::verb::head;
  out.body() = head ? "" : reply.body;
  out.content_length(reply.body.size());
  return out;
}

template <class Stream>
asio::awaitable<void> serve(Stream stream, const Handler& handler) {
  beast::flat_buffer buffer;
  boost::system::error_code error;
  const auto uid = peer_uid(stream.socket());
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(body_bytes_max);
    parser.header_limit(header_bytes_max);
    stream.expires_after(io_timeout);
    co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error && error.category() == http::make_error_code(http::error::bad_value).category() &&
        error != http::error::end_of_stream) {
      // Not HTTP as we read it: say so, since silence would look like an outage.
      http::response<http::string_body> refusal(http::status::bad_request, 11);
      refusal.keep_alive(false);
      refusal.content_length(0);
      co_await http::async_write(stream, refusal, asio::redirect_error(asio::use_awaitable, error));
      break;
    }
    if (error) break;
    const auto request = parser.release();
    auto response = wire(handler(plain(request, uid)), request);
    stream.expires_after(io_timeout);
    co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
    if (error || !response.keep_alive()) break;
  }
  stream.close();
}

template <class Protocol>
asio::awaitable<void> accept_all(typename Protocol::acceptor& acceptor, const Handler& handler) {
  boost::system::error_code error;
  for (;;) {
    auto strand = asio::make_strand(acceptor.get_executor());
    typename Protocol::socket socket =
        co_await acceptor.async_accept(strand, asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) continue;
    using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;
    asio::co_spawn(strand, serve(Stream(std::move(socket)), handler), asio::detached);
  }
}

}  // namespace

struct Server::State {
  explicit State(Options given) : options(std::move(given)), pool(options.threads) {}
  Options options;
  asio::thread_pool pool;
  std::variant<std::monostate, Unix::acceptor, Tcp::acceptor> acceptor;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  // stop() drops what waits; a handler that runs now is waited for.
  state_->pool.stop();
  state_->pool.join();
  if (!state_->options.unix_socket.empty()) ::unlink(state_->options.unix_socket.c_str());
}

namespace {

auto cannot_listen(const std::string& where, const std::string& why) {
  return fail("API001", fmt::format("cannot listen on {}: {}", where, why),
              "is another Durward running, or another program on this port? `durward doctor` looks");
}

}  // namespace

Result<std::unique_ptr<Server>> Server::create(Options options) {
  auto state = std::make_unique<State>(std::move(options));
  boost::system::error_code error;
  if (!state->options.unix_socket.empty()) {
    const std::string& path = state->options.unix_socket;
    ::unlink(path.c_str());
    auto& acceptor = state->acceptor.emplace<Unix::acceptor>(state->pool);
    const auto mask = ::umask(0177);
    acceptor.open(Unix(), error);
    if (!error && path.size() < 108) acceptor.bind(Unix::endpoint(path), error);
    ::umask(mask);
    if (path.size() >= 108) return cannot_listen(path, "the path is longer than 107 bytes");
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(path, error.message());
    asio::co_spawn(state->pool, accept_all<Unix>(acceptor, state->options.handler), asio::detached);
  } else {
    const std::string& text = state->options.address;
    const auto colon = text.rfind(':');
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto address = asio::ip::make_address(host, error);
    const int port = colon == std::string::npos ? 0 : std::atoi(text.c_str() + colon + 1);
    if (error || port <= 0 || port > 65535) return cannot_listen(text, "not ADDRESS:PORT");
    auto& acceptor = state->acceptor.emplace<Tcp::acceptor>(state->pool);
    const Tcp::endpoint endpoint(address, static_cast<unsigned short>(port));
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(text, error.message());
    asio::co_spawn(state->pool, accept_all<Tcp>(acceptor, state->options.handler), asio::detached);
  }
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

}  // namespace durward::api

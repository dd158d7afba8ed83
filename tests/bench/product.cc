#include "product.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "app/daemon.h"
#include "session/flow.h"
#include "sys/file_store.h"

namespace durward::bench {
namespace {

using nlohmann::json;

constexpr std::size_t chunk_bytes = 4'096;

// One line off a socket; nothing when the other end has gone.
std::optional<std::string> read_line(int fd, std::string& unread) {
  for (;;) {
    if (const auto end = unread.find('\n'); end != std::string::npos) {
      std::string line = unread.substr(0, end);
      unread.erase(0, end + 1);
      return line;
    }
    std::array<char, chunk_bytes> chunk;
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got <= 0) return std::nullopt;
    unread.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

// ---- in the process ----------------------------------------------------------------------------------

json to_json(const Error& error) {
  return {{"code", error.code}, {"message", error.message}};
}
json answer(const Status& status) {
  return status ? json::object() : to_json(status.error());
}

json login(app::Daemon& daemon, const std::string& person, const std::string& host) {
  const auto estate = daemon.estate();
  const auto now = daemon.clock().now_seconds().time_since_epoch().count();
  identity::Identity who;
  who.provider = "corp";
  who.issuer = estate->model->providers.at("corp").issuer.value;
  who.sub = person;
  who.claims = json{{"iss", who.issuer},      {"sub", person},    {"email", person + "@bench.test"},
                    {"email_verified", true}, {"auth_time", now}, {"groups", {"staff", "team-1"}}}
                   .dump();
  auto issued = daemon.sessions().create_login(who, *estate->model);
  if (!issued) return to_json(issued.error());
  const std::string url = "https://" + host + "/";
  auto ticket = daemon.sessions().issue_ticket(
      {.login = issued->login.id, .host = host, .return_url = url, .nonce_hash = session::nonce_hash("n")});
  if (!ticket) return to_json(ticket.error());
  auto session = daemon.adopt({.ticket = *ticket, .host = host, .return_url = url, .nonce = "n"});
  if (!session) return to_json(session.error());
  return {{"login", issued->login.id}, {"token", session->token}};
}

json status(app::Daemon& daemon) {
  const auto now = daemon.dataplane_status();
  const auto& metrics = daemon.metrics();
  return {{"sessions", now.sessions},
          {"worker", now.worker},
          {"old_workers", now.old_workers},
          {"reloads", now.reloads},
          {"resyncs", now.resyncs},
          {"in_sync", now.in_sync},
          {"problem", now.problem},
          {"errors", metrics.dataplane_errors.Value()},
          {"holes", metrics.log_holes.Value()},
          {"lines", metrics.log_lines.Value()},
          {"cut", metrics.cut_streams.Value()}};
}

json run(app::Daemon& daemon, const json& command) {
  const std::string what = command.value("do", "");
  const std::string which = command.value("which", "");
  if (what == "login") return login(daemon, which, command.value("host", ""));
  if (what == "apply") return answer(daemon.apply(which, "").status);
  if (what == "status") return status(daemon);
  const auto ended = what == "revoke-login" ? daemon.revoke(session::ByLogin{which})
                                            : daemon.revoke(session::ByPerson{which});
  return ended ? json{{"ended", ended->logins.size()}} : to_json(ended.error());
}

}  // namespace

int serve_product(const std::string& state, const std::string& bundle, const std::string& haproxy) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto say = [](const json& reply) {
    const std::string line = reply.dump() + "\n";
    return sys::write_fully(STDIN_FILENO, line) == 0;
  };
  app::DaemonOptions options;
  options.bundle = bundle;
  options.paths.state = state;
  options.haproxy = haproxy;
  auto daemon = app::Daemon::create(std::move(options));
  if (!daemon) {
    say(to_json(daemon.error()));
    return 1;
  }
  auto first = (*daemon)->start();
  say(answer(first.status));
  std::string unread;
  while (const auto line = read_line(STDIN_FILENO, unread))
    if (!say(run(**daemon, json::parse(*line)))) break;
  (*daemon)->stop();
  return 0;
}

// ---- in the bench --------------------------------------------------------------------------------------

Result<std::unique_ptr<Product>> Product::start(const std::string& state, const std::string& bundle,
                                                const std::string& haproxy) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail("BEN040", "no socket pair");
  std::unique_ptr<Product> out(new Product);
  out->wire_ = sys::Fd(ends[0]);
  out->state_ = state;
  out->haproxy_ = haproxy;
  const sys::Fd theirs(ends[1]);
  const std::string log = state + ".log";
  out->pid_ = ::fork();
  if (out->pid_ == 0) {
    ::dup2(theirs.get(), STDIN_FILENO);
    const int errors = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(errors, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::execl("/proc/self/exe", "durward_bench", "--product", state.c_str(), bundle.c_str(), haproxy.c_str(),
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  if (out->pid_ < 0) return fail("BEN040", "cannot fork");
  auto line = read_line(out->wire_.get(), out->unread_);
  if (!line) return fail("BEN040", "the product did not start", "see " + log);
  const json started = json::parse(*line);
  if (started.contains("code")) return fail(started["code"], started["message"], "see " + log);
  return out;
}

Product::~Product() {
  ::shutdown(wire_.get(), SHUT_RDWR);
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  const dataplane::Haproxy edge(haproxy_, {.state = state_});
  edge.stop().map_error([](const Error&) {});
}

Result<json> Product::ask(const json& command) {
  const std::string text = command.dump() + "\n";
  if (sys::write_fully(wire_.get(), text) != 0) return fail("BEN040", "the product is gone");
  const auto line = read_line(wire_.get(), unread_);
  if (!line) return fail("BEN040", "the product is gone");
  json reply = json::parse(*line);
  if (reply.contains("code")) return fail(reply["code"], reply["message"]);
  return reply;
}

Result<Product::Issued> Product::login(const std::string& person, const std::string& host) {
  auto reply = ask({{"do", "login"}, {"which", person}, {"host", host}});
  if (!reply) return tl::unexpected(reply.error());
  return Issued{reply->at("login"), reply->at("token")};
}

Status Product::revoke_login(const std::string& id) {
  auto reply = ask({{"do", "revoke-login"}, {"which", id}});
  if (!reply) return tl::unexpected(reply.error());
  if (reply->at("ended") != 1) return fail("BEN041", "there was no such login to revoke: " + id);
  return {};
}

Status Product::revoke_person(const std::string& email) {
  auto reply = ask({{"do", "revoke-person"}, {"which", email}});
  if (!reply) return tl::unexpected(reply.error());
  if (reply->at("ended") == 0) return fail("BEN041", "nobody was revoked for " + email);
  return {};
}

Status Product::apply(const std::string& bundle) {
  auto reply = ask({{"do", "apply"}, {"which", bundle}});
  return reply ? Status{} : tl::unexpected(reply.error());
}

Result<json> Product::status() {
  return ask({{"do", "status"}});
}

}  // namespace durward::bench

#include "plain.h"

#include <fmt/format.h>

namespace durward::bench {
namespace {

// Time-outs, ring and TLS as the gateway's own configuration has them: only what it does for identity is
// missing.
std::string config(const Plain::Options& options) {
  std::string out =
      "global\n"
      "    stats socket unix@${DURWARD_RUN}/admin.sock mode 600 level admin\n"
      "    nbthread 1\n"
      "    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets\n"
      "    ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20\n"
      "defaults\n"
      "    mode http\n"
      "    timeout connect 5s\n"
      "    timeout client 30s\n"
      "    timeout server 30s\n"
      "    timeout http-request 10s\n"
      "    timeout http-keep-alive 60s\n"
      "ring access\n"
      "    format raw\n"
      "    maxlen 16000\n"
      "    size 16777216\n"
      "    timeout connect 1s\n"
      "    timeout server 10s\n"
      "    server reader unix@${DURWARD_RUN}/log.sock log-proto octet-count\n"
      "frontend plain\n";
  out += fmt::format("    bind 127.0.0.1:{}\n", options.http_port);
  if (options.https_port != 0)
    out += fmt::format("    bind 127.0.0.1:{} ssl crt {} alpn h2,http/1.1\n", options.https_port,
                       options.certificates);
  if (options.httplog) out += "    log ring@access format raw local0 info\n    option httplog\n";
  out += fmt::format("    default_backend upstream\nbackend upstream\n    server s1 127.0.0.1:{}\n",
                     options.upstream_port);
  return out;
}

}  // namespace

Result<std::unique_ptr<Plain>> Plain::start(const Options& options) {
  std::unique_ptr<Plain> out(new Plain);
  auto log = LogCounter::start(out->state_.paths().log_socket());
  if (!log) return tl::unexpected(log.error());
  out->log_ = std::move(*log);
  generation::Generation made;
  made.name = "plain";
  made.config = config(options);
  const auto haproxy = out->state_.haproxy();
  if (auto written = haproxy.write(made); !written) return tl::unexpected(written.error());
  if (auto checked = haproxy.check(made); !checked) return tl::unexpected(checked.error());
  if (auto published = haproxy.publish(made); !published) return tl::unexpected(published.error());
  auto worker = haproxy.start();
  if (!worker) return tl::unexpected(worker.error());
  out->worker_ = *worker;
  return out;
}

}  // namespace durward::bench

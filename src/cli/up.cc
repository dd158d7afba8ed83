#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "api/control.h"
#include "api/edge.h"
#include "api/server.h"
#include "app/daemon.h"
#include "app/log.h"
#include "cli/terminal.h"

namespace durward::cli {
namespace {

struct Options {
  std::string bundle = ".", environment, state, haproxy = "haproxy", metrics = "127.0.0.1:9090";
  std::string attach, master_socket;
  bool no_haproxy = false;
};

// A trap answers a login start or an adoption while HAProxy waits, so neither may be starved by the other's
// work.
constexpr unsigned edge_threads = 16;
constexpr unsigned control_threads = 4;
constexpr unsigned metrics_threads = 1;

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

constexpr timespec ready_poll{.tv_sec = 0, .tv_nsec = 50'000'000};

// Waits a moment; whether someone asked us to stop meanwhile (serve() then sees the signal again).
bool stop_asked(const sigset_t& signals) {
  const int signal = sigtimedwait(&signals, nullptr, &ready_poll);
  if (signal > 0) ::kill(::getpid(), signal);
  return signal > 0;
}

int show(const app::ApplyResult& result) {
  if (!result.compiled.diagnostics.all().empty())
    print_error(render_text(result.compiled.diagnostics, {.color = stderr_is_terminal()}) + "\n");
  if (!result.status) app::log_error("bundle not applied", result.status.error());
  return result.status ? Exit::ok : Exit::error;
}

// Until SIGTERM or SIGINT; SIGHUP reads the bundle again. HAProxy goes on serving after us.
void serve(app::Daemon& daemon, const sigset_t& signals) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) return app::log_info("stopping", {{"signal", std::to_string(signal)}});
    app::log_info("reading the bundle again");
    show(daemon.apply("", ""));
  }
}

std::optional<dataplane::Haproxy::Attached> attached_to(const Options& options) {
  if (options.attach.empty()) return std::nullopt;
  return dataplane::Haproxy::Attached{options.attach, options.master_socket};
}

int up(const Globals& globals, const Options& options) {
  namespace fs = std::filesystem;
  ::signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread, so that only sigwait sees them
  const std::string state = fs::absolute(options.state).lexically_normal().string();
  auto daemon = app::Daemon::create({.bundle = fs::absolute(options.bundle).lexically_normal().string(),
                                     .environment = options.environment,
                                     .paths = {state},
                                     .observed = options.metrics,
                                     .haproxy = options.haproxy,
                                     .start_haproxy = !options.no_haproxy && options.attach.empty(),
                                     .attached = attached_to(options)});
  if (!daemon) return report(globals, daemon.error());
  const auto& paths = (*daemon)->options().paths;
  api::Edge edge(**daemon);
  api::Control control(**daemon);
  auto edge_server = api::Server::create({.unix_socket = paths.edge_socket(),
                                          .address = "",
                                          .threads = edge_threads,
                                          .handler = [&](const api::Request& r) { return edge.handle(r); }});
  if (!edge_server) return report(globals, edge_server.error());
  auto control_server =
      api::Server::create({.unix_socket = paths.control_socket(),
                           .address = "",
                           .threads = control_threads,
                           .handler = [&](const api::Request& r) { return control.handle(r); }});
  if (!control_server) return report(globals, control_server.error());
  auto metrics_server =
      api::Server::create({.unix_socket = "",
                           .address = options.metrics,
                           .threads = metrics_threads,
                           .handler = [&](const api::Request& r) { return api::observe(**daemon, r); }});
  if (!metrics_server) return report(globals, metrics_server.error());
  if (const int failed = show((*daemon)->start()); failed != Exit::ok) {
    (*daemon)->stop();
    return failed;
  }
  if (!(*daemon)->ready())
    app::log_info("waiting for HAProxy", {{"configuration", paths.current() + "/haproxy.cfg"}});
  while (!(*daemon)->ready() && !stop_asked(signals)) continue;
  if ((*daemon)->ready()) print("durward is ready\n");
  serve(**daemon, signals);
  metrics_server->reset();
  control_server->reset();
  edge_server->reset();
  (*daemon)->stop();
  return Exit::ok;
}

}  // namespace

void add_up(Program& program) {
  auto options = std::make_shared<Options>();
  auto* command =
      program.app.add_subcommand("up", "Run a gateway on this machine: Durward, and HAProxy beside it");
  command->add_option("--bundle", options->bundle, "directory of the root bundle")->capture_default_str();
  command->add_option("--env", options->environment, "environment");
  command->add_option("--state", options->state, "directory for everything Durward keeps, mode 0700")
      ->required();
  command->add_option("--haproxy", options->haproxy, "HAProxy binary")
      ->envname("DURWARD_HAPROXY")
      ->capture_default_str();
  command->add_option("--metrics", options->metrics, "where /metrics, /healthz and /readyz are served")
      ->capture_default_str();
  command->add_flag("--no-haproxy", options->no_haproxy,
                    "HAProxy is started by another supervisor; only find it");
  auto* attach =
      command->add_option("--attach", options->attach,
                          "an operator's haproxy.cfg: run beside it, in their HAProxy, which must load "
                          "STATE/current/haproxy.cfg with a further -f");
  auto* master = command->add_option("--master-socket", options->master_socket,
                                     "where that HAProxy's master listens (-S)");
  attach->needs(master);
  master->needs(attach);
  command->callback([&program, options] {
    program.chosen = [&program, options] { return up(program.globals, *options); };
  });
}

}  // namespace durward::cli

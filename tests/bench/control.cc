// How fast the control plane is with a large estate: compiling it, changing one of its apps, letting people
// in.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "app/daemon.h"
#include "exchange.h"
#include "figures.h"
#include "large_people.h"
#include "live.h"
#include "process_meter.h"
#include "session/flow.h"
#include "sys/file_store.h"
#include "testing/certificate.h"
#include "testing/raw_http.h"
#include "upstream.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto patience = 30s;

double ms_since(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

// A directory of ours, gone with it.
struct Scratch {
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-bench-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Scratch() {
    std::error_code ignored;
    if (std::getenv("DURWARD_BENCH_KEEP") == nullptr) std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

struct Spent {
  double seconds = 0, elapsed = 0, mib = 0;
};

// The program, on one core, as a process of its own. Errors: BEN070 it failed.
Result<Spent> run_alone(const std::vector<std::string>& words) {
  const auto start = steady_clock::now();
  const int pid = ::fork();
  if (pid == 0) {
    pin(0, 0);
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    if (std::freopen("/dev/null", "w", stdout) != nullptr) ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  rusage used{};
  if (pid < 0 || ::wait4(pid, &status, 0, &used) != pid || status != 0)
    return fail("BEN070", fmt::format("{} failed", words.front()));
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return Spent{seconds(used.ru_utime) + seconds(used.ru_stime), ms_since(start) / 1'000,
               static_cast<double>(used.ru_maxrss) / 1024};
}

// The large estate, served, with people signed in.
class Served {
 public:
  static Result<std::unique_ptr<Served>> start(const Run& run) {
    std::unique_ptr<Served> out(new Served);
    auto& estate = out->estate_;
    estate.directory = out->scratch_.path + "/bundle";
    estate.https_port = testing::free_port();
    estate.servers = fmt::format("127.0.0.1:{}", out->upstream_.port());
    const std::string state = out->scratch_.path + "/state";
    for (const auto& directory : {state, estate.directory + "/certs"})
      if (auto made = sys::make_directories(directory); !made) return tl::unexpected(made.error());
    if (auto done = write_large_estate(estate); !done) return tl::unexpected(done.error());
    if (auto done = testing::write_certificate(estate.directory + "/certs/bench.pem", "*.bench.test"); !done)
      return tl::unexpected(done.error());
    run.say(fmt::format("  signing in {} people, each of a class of their own", out->people_.count));
    if (auto done = sign_in_large(estate, out->people_, state + "/store.db"); !done)
      return tl::unexpected(done.error());
    app::DaemonOptions options;
    options.bundle = estate.directory;
    options.paths.state = state;
    options.haproxy = run.options().haproxy;
    out->edge_.emplace(options.haproxy, options.paths);
    auto daemon = app::Daemon::create(std::move(options));
    if (!daemon) return tl::unexpected(daemon.error());
    out->daemon_ = std::move(*daemon);
    run.say("  starting Durward and HAProxy");
    if (auto first = out->daemon_->start(); !first.status) return tl::unexpected(first.status.error());
    return out;
  }
  ~Served() {
    if (daemon_) daemon_->stop();
    daemon_.reset();
    if (edge_) edge_->stop().map_error([](const Error&) {});
  }

  app::Daemon& daemon() { return *daemon_; }
  const LargeEstate& estate() const { return estate_; }
  const LargePeople& people() const { return people_; }

  // The status of one request after the other on one connection, until it is `wanted`.
  Status until(const std::string& host, const Request& request, int wanted) {
    std::unique_ptr<Connection> connection;
    const auto give_up = steady_clock::now() + patience;
    std::vector<Event> events;
    int last = 0;
    bool open = false;
    while (steady_clock::now() < give_up) {
      if (!connection || connection->gone() || connection->leaving()) {
        auto fresh = open_http1(estate_.https_port, host);
        if (!fresh) return tl::unexpected(fresh.error());
        connection = std::move(*fresh);
        open = false;
      }
      if (!open && connection->may_ask()) {
        connection->ask(request);
        open = true;
      }
      events.clear();
      connection->pump(events);
      for (const auto& event : events) {
        if (event.kind == Event::Kind::answered) last = event.status;
        if (event.kind != Event::Kind::answered) open = false;
      }
      if (last == wanted) return {};
      if (events.empty()) std::this_thread::sleep_for(50us);
    }
    return fail("BEN071", fmt::format("{}{} answers {}, not {}", host, request.path, last, wanted));
  }

 private:
  Served() = default;
  Scratch scratch_;
  Upstream upstream_;
  LargeEstate estate_;
  LargePeople people_;
  std::optional<dataplane::Haproxy> edge_;
  std::unique_ptr<app::Daemon> daemon_;
};

struct Arrived {
  std::string host, token;
};

// From the claims of a validated ID token to a session on an app's host; returns when it is effective.
Result<Arrived> log_in(Served& served, const std::string& person, const std::set<std::string>& groups,
                       const std::string& host) {
  auto& daemon = served.daemon();
  const auto estate = daemon.estate();
  const auto now = daemon.clock().now_seconds().time_since_epoch().count();
  identity::Identity who;
  who.provider = "bench";
  who.issuer = served.estate().issuer;
  who.sub = person;
  who.claims = nlohmann::json{{"iss", who.issuer},      {"sub", person},    {"email", person + "@bench.test"},
                              {"email_verified", true}, {"auth_time", now}, {"groups", groups}}
                   .dump();
  auto issued = daemon.sessions().create_login(who, *estate->model);
  if (!issued) return tl::unexpected(issued.error());
  const std::string url = "https://" + host + "/";
  auto ticket = daemon.sessions().issue_ticket(
      {.login = issued->login.id, .host = host, .return_url = url, .nonce_hash = session::nonce_hash("n")});
  if (!ticket) return tl::unexpected(ticket.error());
  auto session = daemon.adopt({.ticket = *ticket, .host = host, .return_url = url, .nonce = "n"});
  if (!session) return tl::unexpected(session.error());
  return Arrived{host, session->token};
}

// Logs in and asks for what the person may have; how long it took until that was answered.
Result<double> injected(Served& served, const std::string& person, const std::set<std::string>& groups,
                        unsigned app) {
  const auto start = steady_clock::now();
  auto arrived = log_in(served, person, groups, large_host(app));
  if (!arrived) return tl::unexpected(arrived.error());
  const Request request{.path = "/v1/items", .token = arrived->token};
  if (auto served_now = served.until(arrived->host, request, 200); !served_now)
    return tl::unexpected(served_now.error());
  return ms_since(start);
}

Status measure_changes(Served& served, Run& run) {
  std::vector<double> took;
  const unsigned rounds = run.rounds(8);
  const Request request{.path = "/v1/items/1/files/x", .token = LargePeople::token(10)};
  if (auto first = served.until(large_host(0), request, 200); !first) return first;
  const auto before = served.daemon().dataplane_status();
  for (unsigned round = 0; round < rounds; ++round) {
    const bool narrow = round % 2 == 0;
    std::this_thread::sleep_for(500ms);
    if (auto done = write_changed_app(served.estate(), narrow ? 20 + round : 60 + round); !done) return done;
    const auto start = steady_clock::now();
    Status applied;
    std::thread applying([&] { applied = served.daemon().apply("", "").status; });
    const Status seen = served.until(large_host(0), request, narrow ? 401 : 200);
    took.push_back(ms_since(start));
    applying.join();
    if (!applied) return applied;
    if (!seen) return seen;
  }
  const auto after = served.daemon().dataplane_status();
  if (after.reloads != before.reloads || after.resyncs != before.resyncs)
    return fail("BEN072", "a change of one rule made a reload or a resync");
  if (after.sessions < served.people().count)
    return fail("BEN073", fmt::format("only {} people are left", after.sessions));
  run.number("update_one_app_ms", median(took));
  run.ran("update", {{"apps", served.estate().apps},
                     {"routes", 3 * served.estate().apps},
                     {"sessions", after.sessions},
                     {"classes", after.classes},
                     {"verdict_rows", after.verdicts},
                     {"changes", rounds},
                     {"slowest_ms", percentile(took, 1)},
                     {"machine_load", machine_load()}});
  return {};
}

}  // namespace

Status measure_compile(Run& run) {
  const Scratch scratch;
  LargeEstate estate;
  estate.directory = scratch.path + "/bundle";
  if (auto done = write_large_estate(estate); !done) return done;
  std::vector<double> seconds, elapsed, mib;
  for (unsigned round = 0; round < run.rounds(3); ++round) {
    auto spent =
        run_alone({run.options().durward, "render", "--bundle", estate.directory, "--map", "reasons.map"});
    if (!spent) return tl::unexpected(spent.error());
    seconds.push_back(spent->seconds);
    elapsed.push_back(spent->elapsed);
    mib.push_back(spent->mib);
  }
  run.number("compile_10k_apps_s", median(seconds));
  run.number("compile_10k_apps_rss_mib", median(mib));
  run.ran("compile", {{"apps", estate.apps},
                      {"routes", 3 * estate.apps},
                      {"roles", estate.roles + 2},
                      {"elapsed_s", median(elapsed)},
                      {"machine_load", machine_load()}});
  return {};
}

Status measure_control(Run& run) {
  auto served = Served::start(run);
  if (!served) return tl::unexpected(served.error());
  auto& it = **served;
  if (auto done = measure_changes(it, run); !done) return done;

  // People of classes that nobody was of before: their facts go first.
  std::vector<double> usual, widest;
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t person = it.people().count + i;
    const auto app = static_cast<unsigned>(team_of_person(it.estate(), person)) * it.estate().apps_per_team;
    auto groups = half_of_team(it.estate(), person);
    groups.insert(large_role(static_cast<unsigned>(team_of_person(it.estate(), person)) * 10));
    groups.insert(fmt::format("elsewhere-{}", i));
    auto took = injected(it, fmt::format("new-{}", i), groups, app);
    if (!took) return tl::unexpected(took.error());
    usual.push_back(*took);
  }
  const auto before = it.daemon().dataplane_status().verdicts;
  for (unsigned i = 0; i < 5; ++i) {
    std::set<std::string> groups{auditor_role};
    for (unsigned role = 0; role < 200; ++role) groups.insert(large_role(role * 5 + i));
    auto took = injected(it, fmt::format("wide-{}", i), groups, 1);
    if (!took) return tl::unexpected(took.error());
    widest.push_back(*took);
  }
  const auto rows = (it.daemon().dataplane_status().verdicts - before) / 5;
  run.number("inject_ms_p99", percentile(usual, 0.99));
  run.number("inject_widest_ms", percentile(widest, 1));

  const int haproxy = it.daemon().dataplane_status().worker;
  const auto spent = [&]() -> Result<std::chrono::nanoseconds> {
    auto ours = cpu_time(::getpid()), theirs = cpu_time(haproxy);
    if (!ours || !theirs) return ours ? theirs : ours;
    return *ours + *theirs;
  };
  constexpr unsigned logins = 500;
  const auto from = spent();
  for (unsigned i = 0; i < logins; ++i)
    if (auto done = log_in(it, fmt::format("again-{}", i), half_of_team(it.estate(), i), large_host(1));
        !done)
      return tl::unexpected(done.error());
  const auto to = spent();
  if (!from || !to) return tl::unexpected((from ? to : from).error());
  run.number("logins_per_core_s", logins / std::chrono::duration<double>(*to - *from).count());
  run.ran("inject", {{"new_classes", usual.size()},
                     {"median_ms", median(usual)},
                     {"widest_rows", rows},
                     {"widest_median_ms", median(widest)},
                     {"logins", logins},
                     {"machine_load", machine_load()}});
  return {};
}

}  // namespace durward::bench

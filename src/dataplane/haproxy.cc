#include "dataplane/haproxy.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/mutant.h"
#include "base/text.h"
#include "generation/rows.h"
#include "sys/file_batch.h"
#include "sys/file_store.h"
#include "sys/process.h"

namespace durward::dataplane {
namespace {

using namespace std::chrono_literals;

constexpr auto check_timeout = 60s;
constexpr auto start_timeout = 30s;
constexpr auto stop_timeout = 10s;
constexpr auto poll_interval = 10ms;
constexpr const char* master_pid = "/haproxy.pid";
// Certificates, maps and sockets are private to the user HAProxy runs as, which in `up` is ours.
constexpr unsigned file_mode = 0600;

std::string last_lines(const std::string& text, std::size_t bytes) {
  return text.size() > bytes ? "…" + text.substr(text.size() - bytes) : text;
}

// HAProxy names places as "[FILE:LINE]"; the operator's own file is none of the bundle's.
std::string refusal_hint(const std::string& output, const std::string& ours, const std::string& theirs) {
  const auto blames = [&](const std::string& file) {
    return output.find("[" + file + ":") != std::string::npos;
  };
  if (!theirs.empty() && blames(theirs) && !blames(ours))
    return "the line numbers are of " + theirs + ", which is not Durward's to change";
  const std::string named =
      "the line numbers are of " + ours + "; each block there names the bundle line it came from";
  return !theirs.empty() && blames(theirs) ? named + "; those of " + theirs + " are the operator's" : named;
}

// The master that a start of ours left behind, found without its socket: by the file it wrote, and it must be
// ours still. 0 = there is none.
int master_left(const Paths& paths, const std::string& pid_file) {
  const int pid = std::atoi(sys::read_file(pid_file).value_or("").c_str());
  if (pid <= 0) return 0;
  const auto words = sys::read_file(fmt::format("/proc/{}/cmdline", pid));
  return words && words->find(paths.master_socket()) != std::string::npos ? pid : 0;
}

}  // namespace

Haproxy::Haproxy(std::string binary, Paths paths, std::optional<Attached> attached)
    : binary_(std::move(binary)),
      paths_(std::move(paths)),
      attached_(std::move(attached)),
      master_(attached_ ? attached_->master_socket : paths_.master_socket()) {}

Result<std::string> Haproxy::read_config(const std::string& generation) const {
  return sys::read_file(paths_.generations() + "/" + generation + "/haproxy.cfg");
}

Status Haproxy::write(const generation::Generation& generation) const {
  const std::string directory = paths_.generations() + "/" + generation.name;
  if (auto made = sys::make_directories(paths_.generations()); !made) return made;
  sys::FileBatch files;
  const auto put = [&](const std::string& name, const std::string& bytes) {
    return files.write(directory + "/" + name, bytes, file_mode);
  };
  for (const auto* sub : {"", "/maps", "/pages"})
    if (auto made = files.make_directory(directory + sub); !made) return made;
  for (const auto& [name, rows] : generation.maps)
    if (auto done = put("maps/" + name, generation::map_text(rows)); !done) return done;
  for (const auto& [name, page] : generation.pages)
    if (auto done = put("pages/" + name, page); !done) return done;
  if (auto done = put("rule_ids", generation::map_text(generation.rule_ids)); !done) return done;
  if (auto done = put("haproxy.cfg", generation.config); !done) return done;
  return files.commit();
}

// HAProxy does not load without them. One that is missing, at first or because somebody removed it, is made
// empty: what an empty map says is a refusal, until the start that reads it writes the whole.
Status Haproxy::make_missing_maps() const {
  for (const char* map : generation::runtime_maps) {
    const std::string path = paths_.runtime() + "/" + map;
    if (sys::exists(path)) continue;
    if (auto made = sys::write_file(path, "", 0600); !made) return made;
  }
  return {};
}

Status Haproxy::check(const generation::Generation& generation) const {
  if (auto made = make_missing_maps(); !made) return made;
  const std::string file = fmt::format("{}/{}/haproxy.cfg", paths_.generations(), generation.name);
  std::vector<std::string> words = {"/usr/bin/env", "DURWARD_RUN=" + paths_.run(), binary_, "-c"};
  // On the whole: names and addresses that the operator's own sections use already are an error here.
  if (attached_) words.insert(words.end(), {"-f", attached_->operator_config});
  words.insert(words.end(), {"-f", file});
  auto ran = sys::run(words, check_timeout);
  if (!ran) return tl::unexpected(ran.error());
  if (ran->exit_code == 0) return {};
  return fail("DAT021", "HAProxy refuses the configuration: " + last_lines(ran->output, 2000),
              refusal_hint(ran->output, file, attached_ ? attached_->operator_config : std::string()));
}

Status Haproxy::publish(const generation::Generation& generation) const {
  const std::string fresh = paths_.current() + ".new";
  ::unlink(fresh.c_str());
  if (::symlink(("generations/" + generation.name).c_str(), fresh.c_str()) != 0 ||
      ::rename(fresh.c_str(), paths_.current().c_str()) != 0)
    return fail("DAT020", "cannot point " + paths_.current() + " at the new generation");
  return {};
}

Status Haproxy::prune(unsigned keep) const {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto current = fs::read_symlink(paths_.current(), error).filename();
  std::vector<std::pair<fs::file_time_type, fs::path>> others;
  for (const auto& entry : fs::directory_iterator(paths_.generations(), error))
    if (entry.path().filename() != current) others.emplace_back(entry.last_write_time(error), entry.path());
  std::sort(others.rbegin(), others.rend());
  for (std::size_t i = keep; i < others.size(); ++i)
    if (auto removed = sys::remove_all(others[i].second.string()); !removed) return removed;
  return {};
}

std::vector<std::string> Haproxy::command() const {
  return {"/usr/bin/env", "DURWARD_RUN=" + paths_.run(),
          binary_,        "-W",
          "-S",           paths_.master_socket() + ",mode,600",
          "-f",           paths_.current() + "/haproxy.cfg",
          "-p",           paths_.run() + master_pid};
}

Result<int> Haproxy::await_worker(const Awaited& what) const {
  const auto deadline = std::chrono::steady_clock::now() + start_timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto now = master_.processes();
    if (what.failed(now)) break;
    if (now && now->worker != 0 && now->worker != what.not_this) {
      WorkerApi worker(paths_.admin_socket());
      const auto info = worker.ask("show info");
      if (info && read_pid(*info) == now->worker) return now->worker;
    }
    std::this_thread::sleep_for(poll_interval);
  }
  const auto log = sys::read_file(paths_.state + "/haproxy.log");
  return fail(what.code, "no new HAProxy worker answered: " + last_lines(log.value_or(""), 1500),
              "see " + paths_.state + "/haproxy.log");
}

Result<int> Haproxy::start() const {
  // One that still runs though its socket is gone would share our addresses with the new one.
  if (!mutant("second-haproxy-beside-the-first"))
    if (auto ended = stop(); !ended) return tl::unexpected(ended.error());
  auto started = sys::start_detached({command(), paths_.state + "/haproxy.log", paths_.state});
  if (!started) return tl::unexpected(started.error());
  const auto gone = [pid = *started](const Result<Processes>&) { return !sys::alive(pid); };
  return await_worker({.not_this = 0, .code = "DAT022", .failed = gone});
}

Result<int> Haproxy::reload(int old_worker) const {
  const auto before = master_.processes();
  const int failures = before ? before->failed_reloads : 0;
  // 2.6 closes the connection whether or not it works: the proof is a worker with another pid.
  if (auto asked = master_.ask("reload"); !asked && asked.error().code == "DAT002")
    return tl::unexpected(asked.error());
  const auto refused = [failures](const Result<Processes>& now) {
    return now && now->failed_reloads > failures;
  };
  return await_worker({.not_this = old_worker, .code = "DAT023", .failed = refused});
}

Status Haproxy::stop() const {
  const auto now = master_.processes();
  const int master = now ? now->master : master_left(paths_, paths_.run() + master_pid);
  if (master == 0) return {};
  ::kill(master, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + stop_timeout;
  while (sys::alive(master) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(poll_interval);
  if (sys::alive(master)) ::kill(master, SIGKILL);
  return {};
}

Result<HaproxyVersion> haproxy_version(const std::string& binary) {
  auto ran = sys::run({binary, "-v"}, check_timeout);
  if (!ran) return tl::unexpected(ran.error());
  HaproxyVersion out;
  const auto at = ran->output.find("ersion ");
  if (ran->exit_code != 0 || at == std::string::npos ||
      std::sscanf(ran->output.c_str() + at, "ersion %d.%d", &out.major, &out.minor) != 2)
    return fail("DAT024", "'" + binary + "' does not say its version", "is it HAProxy? set DURWARD_HAPROXY");
  const std::string rest = ran->output.substr(at + 7);
  out.text = rest.substr(0, rest.find_first_of(" \n"));
  return out;
}

}  // namespace durward::dataplane

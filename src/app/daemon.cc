#include "app/daemon.h"

#include <fmt/format.h>

#include <set>

#include "app/certificates.h"
#include "app/log.h"
#include "app/refresher.h"
#include "base/mutant.h"
#include "base/text.h"
#include "store/sqlite_store.h"
#include "sys/environment.h"
#include "sys/file_store.h"
#include "sys/listening.h"

namespace durward::app {
namespace {

using namespace std::chrono_literals;

constexpr auto settle_timeout = 10s;
constexpr auto drain_timeout = 2s;
constexpr auto housekeeping_interval = 1s;
constexpr auto assertion_lifetime = 15min;
constexpr auto identity_lifetime =
    10min;  // rows are signed anew this often, so that none is ever past its end
constexpr auto signer_lifetime = 24h;
constexpr const char* signer_key = "key/assertions";
constexpr store::Revision history_kept = 10'000;
// What HAProxy's command line and the row's own separator would read as their own.
constexpr const char* header_safe = "!#$&'()*+,/:=?@[]^`{}~";

}  // namespace

Daemon::Daemon(DaemonOptions options) : options_(std::move(options)) {}

Daemon::~Daemon() {
  stop();
}

Result<std::unique_ptr<Daemon>> Daemon::create(DaemonOptions options) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(options)));
  if (auto opened = daemon->open(); !opened) return tl::unexpected(opened.error());
  return daemon;
}

Status Daemon::open() {
  const auto& paths = options_.paths;
  for (const auto& directory :
       {paths.state, paths.run(), paths.runtime(), paths.generations(), paths.certificates(), paths.log()})
    if (auto made = sys::make_directories(directory, 0700); !made) return made;
  auto lock = sys::LockFile::take(paths.state + "/lock");
  if (!lock && lock.error().code == "SYS040")
    return fail("APP030", "another Durward runs with the state directory " + paths.state,
                "stop it, or give this one a --state of its own");
  if (!lock) return tl::unexpected(lock.error());
  lock_.emplace(std::move(*lock));
  auto version = dataplane::haproxy_version(options_.haproxy);
  if (!version) return tl::unexpected(version.error());
  haproxy_version_ = *version;
  auto store = store::open_sqlite({.path = paths.database(), .clock = clock_});
  if (!store) return tl::unexpected(store.error());
  store_ = std::move(*store);
  auto sessions = session::Sessions::open({*store_, clock_, random_});
  if (!sessions) return tl::unexpected(sessions.error());
  sessions_ = std::move(*sessions);
  if (auto signer = open_signer(); !signer) return signer;
  reconciler_ = std::make_unique<dataplane::Reconciler>(dataplane::Reconciler::Options{
      .store = *store_,
      .clock = clock_,
      .observer = *this,
      .haproxy = dataplane::Haproxy(options_.haproxy, paths, options_.attached),
      .start_haproxy = options_.start_haproxy,
      .identity_row = [this](const session::HostSession& session) { return identity_row(session); },
      .identity_lifetime = identity_lifetime,
      .log_connected = [this] { return !receiver_ || receiver_->stats().connections > 0; }});
  refresher_ = std::make_unique<Refresher>(
      Refresher::Options{.sessions = *sessions_,
                         .clock = clock_,
                         .metrics = metrics_,
                         .estate = [this] { return estate(); },
                         .judged_by = [this](const EstatePtr& used) { return judged_by(used); }});
  return {};
}

Status Daemon::open_signer() {
  auto stored = store_->get(signer_key);
  if (!stored) return tl::unexpected(stored.error());
  auto signer = *stored ? identity::AssertionSigner::load(Secret((*stored)->value))
                        : identity::AssertionSigner::generate(clock_.now_seconds());
  if (!signer) return tl::unexpected(signer.error());
  const bool old = signer->created() + signer_lifetime < clock_.now_seconds();
  if (old) signer = signer->rotated(clock_.now_seconds());
  if (!signer) return tl::unexpected(signer.error());
  if (!*stored || old) {
    auto written = store_->transact(
        {.compares = {}, .puts = {{signer_key, std::string(signer->serialise().reveal())}}, .deletes = {}});
    if (!written) return tl::unexpected(written.error());
  }
  *signer_.lock() = std::make_shared<const identity::AssertionSigner>(std::move(*signer));
  return {};
}

Status Daemon::start_receiver() {
  auto receiver = accesslog::Receiver::start(
      {.socket = options_.paths.log_socket(),
       .allowed_uids = {0, sys::effective_user()},
       .segments = {.directory = options_.paths.log(), .clock = clock_},
       .on_event = [this](const accesslog::AccessEvent& event) { on_access(event); },
       .on_report =
           [this](const accesslog::SequenceReport& report) {
             if (report.kind == accesslog::SequenceReport::Kind::hole) metrics_.log_holes.Increment();
           }});
  if (!receiver) return tl::unexpected(receiver.error());
  receiver_ = std::move(*receiver);
  return {};
}

ApplyResult Daemon::start() {
  ApplyResult first;
  if (first.status = start_receiver(); !first.status) return first;
  reconciler_->start();
  first = apply("", "");
  refresher_->start();
  keeper_thread_ = std::thread([this] { housekeeping(); });
  return first;
}

void Daemon::stop() {
  {
    auto keeper = keeper_.lock();
    keeper->stopping = true;
  }
  keeper_wakes_.notify_all();
  if (keeper_thread_.joinable()) keeper_thread_.join();
  if (refresher_) refresher_->stop();
  if (store_) store_->interrupt();
  if (reconciler_) reconciler_->stop();
  if (receiver_) receiver_->stop();
}

CompileInput Daemon::compile_input(const std::string& bundle, const std::string& environment) const {
  CompileInput input;
  input.bundle = bundle.empty() ? options_.bundle : bundle;
  input.environment = environment.empty() ? options_.environment : environment;
  input.observed = options_.observed;
  input.platform.version_major = haproxy_version_.major;
  input.platform.version_minor = haproxy_version_.minor;
  if (options_.attached) {
    input.platform.attached = true;
    input.platform.sockets = options_.paths.run();  // the operator's environment is not ours to set
  }
  return input;
}

ApplyResult Daemon::prepare(const std::string& bundle, const std::string& environment) {
  ApplyResult result;
  result.compiled = recompiler_.lock()->compile(compile_input(bundle, environment));
  if (!result.compiled.usable()) {
    result.status = fail("APP010", "the bundle has errors");
    return result;
  }
  const auto now = estate();
  result.plan = dataplane::diff(now ? now->generation.get() : nullptr, *result.compiled.generation);
  return result;
}

ApplyResult Daemon::plan(const std::string& bundle, const std::string& environment) {
  ApplyResult result = prepare(bundle, environment);
  if (const auto now = estate(); now && result.status)
    tell_access(*now, logged_in(*now->model, *result.compiled.model), result);
  return result;
}

void Daemon::tell_access(const Estate& before, Result<std::vector<LoggedIn>> people, ApplyResult& result) {
  if (people)
    result.access = compare_access(*before.generation->policies, *result.compiled.policies,
                                   clock_.now_seconds(), std::move(*people));
  else if (result.status)
    result.status = tl::unexpected(people.error());
}

Result<std::vector<LoggedIn>> Daemon::logged_in(const model::Model& now, const model::Model& wanted) {
  const bool same = same_people(now, wanted);
  auto logins = sessions_->list();
  if (!logins) return tl::unexpected(logins.error());
  std::vector<LoggedIn> out;
  for (const auto& login : *logins) {
    LoggedIn entry{login.subject.email.value_or(fmt::format("{} at {}", login.subject.sub, login.provider)),
                   login.subject, std::nullopt};
    if (same) {
      entry.after = login.subject;
    } else {
      auto judged = session::judge_again(login, wanted);
      if (!judged) return tl::unexpected(judged.error());
      if (*judged) entry.after = (*judged)->subject;
    }
    out.push_back(std::move(entry));
  }
  return out;
}

Result<std::shared_ptr<Estate>> Daemon::make_estate(const Compiled& compiled, const std::string& bundle,
                                                    const std::string& environment) {
  auto out = std::make_shared<Estate>();
  out->model = compiled.model;
  out->generation = compiled.generation;
  out->bundle = bundle;
  out->environment = environment;
  for (const auto& [name, settings] : compiled.model->providers) {
    auto secret = read_credential(compiled.model->credentials.at(settings.client_secret.value), bundle);
    if (!secret) return tl::unexpected(secret.error());
    std::string ca;
    if (settings.ca) {
      auto pem = read_credential(compiled.model->credentials.at(settings.ca->value), bundle);
      if (!pem) return tl::unexpected(pem.error());
      ca = std::string(pem->reveal()) + "\n";
    }
    out->clients[name] = std::make_unique<identity::CurlHttpClient>(identity::CurlHttpClient::Options{ca});
    out->providers[name] = std::make_shared<identity::Provider>(
        identity::Provider::Options{settings, std::move(*secret), *out->clients[name], clock_});
  }
  return out;
}

ApplyResult Daemon::apply(const std::string& bundle, const std::string& environment) {
  auto one_at_a_time = applying_.lock();
  ApplyResult result = prepare(bundle, environment);
  if (!result.status) return result;
  const auto before = estate();
  const CompileInput input = compile_input(bundle, environment);
  auto fresh = make_estate(result.compiled, input.bundle, input.environment);
  if (!fresh) {
    result.status = tl::unexpected(fresh.error());
    return result;
  }
  if (result.status = sync_certificates(**fresh); !result.status) return result;
  if (result.status = new_addresses_free(*result.compiled.model); !result.status) return result;
  if (result.status = reconciler_->apply(result.compiled.generation); !result.status) return result;
  *estate_.lock() = *fresh;
  for (const auto& [name, settings] : result.compiled.model->providers) metrics_.expect(name);
  // Who they are now is asked before they become others, and told once that is in force.
  auto people = before ? logged_in(*before->model, *result.compiled.model) : std::vector<LoggedIn>();
  if (!judged_ || !before || !same_people(*before->model, *result.compiled.model)) {
    const auto judged = sessions_->reevaluate(*result.compiled.model);
    judged_ = judged.has_value();
    if (!judged) result.status = tl::unexpected(judged.error());
  }
  if (result.status && (options_.start_haproxy || reconciler_->status().in_sync))
    result.status = settle();  // another supervisor's HAProxy may not be there yet
  if (before) tell_access(*before, std::move(people), result);
  log_info("bundle applied", {{"generation", result.compiled.generation->name},
                              {"reload", result.plan.kind == dataplane::Plan::Kind::reload ? "yes" : "no"},
                              {"reason", result.plan.reason},
                              {"access", result.access ? result.access->summary() : ""}});
  return result;
}

// HAProxy stops listening everywhere for a moment when it cannot listen somewhere, so that is found out
// before.
Status Daemon::new_addresses_free(const model::Model& wanted) {
  const auto in_force = estate();
  if (!in_force) return {};
  std::set<std::pair<std::string, std::uint16_t>> held;
  for (const auto& listener : in_force->model->gateway.listeners)
    for (const auto& bind : listener.bind) held.emplace(bind.value.address, bind.value.port);
  for (const auto& listener : wanted.gateway.listeners)
    for (const auto& bind : listener.bind) {
      if (held.contains({bind.value.address, bind.value.port})) continue;
      if (auto free = sys::can_listen(bind.value.address, bind.value.port); !free)
        return fail("APP031",
                    fmt::format("cannot listen on {} port {}: {} ({})", bind.value.address, bind.value.port,
                                free.error().message, bind.span.where()),
                    "end what listens there, or choose another");
    }
  return {};
}

Status Daemon::sync_certificates(const Estate& fresh) {
  auto changed = copy_certificates(*fresh.generation, fresh.bundle, options_.paths.certificates());
  if (!changed) return tl::unexpected(changed.error());
  if (!estate()) return {};
  for (const auto& certificate : *changed)
    if (auto done = reconciler_->replace_certificate(certificate.haproxy_name, certificate.pem); !done)
      return done;
  return {};
}

EstatePtr Daemon::estate() {
  return *estate_.lock();
}

std::string Daemon::public_keys() {
  return (*signer_.lock())->public_keys();
}

bool Daemon::ready() {
  return estate() != nullptr && reconciler_->status().in_sync;
}

Status Daemon::settle() {
  auto revision = store_->revision();
  if (!revision) return tl::unexpected(revision.error());
  return reconciler_->await(*revision, settle_timeout);
}

Status Daemon::judged_by(const EstatePtr& used) {
  const auto in_force = estate();
  if (in_force == used) return {};
  return sessions_->reevaluate(*in_force->model).map([](const auto&) {});
}

Result<session::Ended> Daemon::revoke(const session::RevokeWhom& whom) {
  return in_force(sessions_->revoke(whom));
}

Result<session::Ended> Daemon::back_channel_logout(const std::string& provider,
                                                   const identity::LogoutToken& token) {
  return in_force(sessions_->back_channel_logout(provider, token));
}

Result<session::Ended> Daemon::in_force(Result<session::Ended> ended) {
  if (!ended) return ended;
  if (mutant("revoke-ack-before-effective")) return ended;
  if (auto done = reconciler_->await(ended->revision, settle_timeout); !done)
    return tl::unexpected(done.error());
  for (const auto& login : ended->logins)
    log_info("login revoked", {{"login", login.id}, {"provider", login.provider}});
  return ended;
}

Result<session::IssuedSession> Daemon::adopt(const session::Redemption& redemption) {
  auto issued = sessions_->redeem_ticket(redemption);
  if (!issued || mutant("login-answered-before-effective")) return issued;
  if (auto done = settle(); !done) return tl::unexpected(done.error());
  return issued;
}

Result<session::IssuedSession> Daemon::create_bearer(const session::BearerRequest& request) {
  auto issued = sessions_->create_bearer(request);
  if (!issued) return issued;
  if (auto done = settle(); !done) return tl::unexpected(done.error());
  return issued;
}

char Daemon::table_letter(std::chrono::seconds idle) {
  return generation::table_letter(*estate()->generation->policies, idle);
}

// "user|email|roles|assertion": what HAProxy tells upstreams about this session.
Result<std::string> Daemon::identity_row(const session::HostSession& session) {
  const auto now = clock_.now_seconds();
  const auto in_force = estate();
  identity::Assertion assertion;
  if (in_force) {
    const auto& gateway = in_force->model->gateway;
    const std::string port = gateway.public_port == 443 ? "" : fmt::format(":{}", gateway.public_port);
    assertion.issuer = "https://" + gateway.login_host.value + port;
    assertion.audience = "https://" + session.host + port;
  }
  const auto& subject = session.subject;
  assertion.sub = subject.sub;
  assertion.provider_issuer = subject.issuer;
  assertion.email = subject.email;
  assertion.name = subject.name;
  assertion.roles = subject.roles;
  assertion.session = session.login;
  assertion.issued = now;
  assertion.expires = std::min(now + assertion_lifetime, session.absolute_end);
  const auto signer = *signer_.lock();
  auto token = signer->sign(assertion);
  if (!token) return token;
  const std::vector<std::string> roles(subject.roles.begin(), subject.roles.end());
  return fmt::format("{}|{}|{}|{}", percent_encode(subject.sub, header_safe),
                     subject.email ? percent_encode(*subject.email, header_safe) : "-",
                     roles.empty() ? "-" : join(roles, ","), *token);
}

void Daemon::on_access(const accesslog::AccessEvent& event) {
  metrics_.log_lines.Increment();
  metrics_.requests(event.why.empty() ? "allowed" : event.why).Increment();
  if (event.session.empty() || !event.why.empty()) return;
  std::string prefix = event.session;  // keys are in upper case
  for (char& c : prefix) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  sessions_->touch(prefix, clock_.now_seconds());
}

void Daemon::housekeeping() {
  std::uint64_t rounds = 0;
  for (;;) {
    {
      auto keeper = keeper_.lock();
      keeper_wakes_.wait_for(keeper.lock(), housekeeping_interval, [&] { return keeper->stopping; });
      if (keeper->stopping) return;
    }
    if (auto ended = sessions_->expire(); !ended) log_error("expiry failed", ended.error());
    refresher_->round();
    if (auto expired = store_->expire(); !expired) log_error("lease expiry failed", expired.error());
    const auto status = reconciler_->status();
    metrics_.sessions.Set(static_cast<double>(status.sessions));
    metrics_.classes.Set(static_cast<double>(status.classes));
    metrics_.verdicts.Set(static_cast<double>(status.verdicts));
    metrics_.in_sync.Set(status.in_sync ? 1 : 0);
    count_log_troubles();
    metrics_.lease_seconds.Set(static_cast<double>((status.lease_end - clock_.now_seconds()).count()));
    if (const auto now = estate(); now && ++rounds % 2 == 0) {
      if (auto done = sync_certificates(*now); !done) log_error("certificates not replaced", done.error());
    }
    if (rounds % 600 == 0) {
      if (auto rotated = open_signer(); !rotated) log_error("signing key not rotated", rotated.error());
      if (auto revision = store_->revision(); revision && *revision > history_kept)
        if (auto done = store_->compact(*revision - history_kept); !done)
          log_error("compaction failed", done.error());
    }
  }
}

void Daemon::count_log_troubles() {
  const auto stats = receiver_->stats();
  metrics_.log_errors.Increment(static_cast<double>(stats.parse_errors) - metrics_.log_errors.Value());
  const auto refused = static_cast<double>(stats.refused_peers) - metrics_.log_refused_peers.Value();
  if (refused <= 0) return;
  metrics_.log_refused_peers.Increment(refused);
  log_warning("a stranger connected to the log", {{"connections", fmt::format("{}", refused)}});
}

void Daemon::injected(std::size_t sessions, std::chrono::microseconds latency) {
  metrics_.injections.Increment(static_cast<double>(sessions));
  metrics_.injection_seconds.Observe(static_cast<double>(latency.count()) / 1e6);
}

void Daemon::revoked(std::size_t sessions, std::size_t streams_cut) {
  metrics_.revoked_sessions.Increment(static_cast<double>(sessions));
  metrics_.cut_streams.Increment(static_cast<double>(streams_cut));
}

void Daemon::reloading(int worker, std::uint64_t last) {
  // What the old worker has logged so far must be on the disk before it may go.
  if (receiver_ && !receiver_->wait_for({static_cast<std::uint32_t>(worker), last}, drain_timeout))
    log_warning("the log is behind", {{"worker", std::to_string(worker)}, {"line", std::to_string(last)}});
}

void Daemon::reloaded() {
  metrics_.reloads.Increment();
}

void Daemon::applied(const generation::Generation& generation, const dataplane::Plan&,
                     std::chrono::microseconds took) {
  log_info("generation in force",
           {{"generation", generation.name}, {"took_us", std::to_string(took.count())}});
}

void Daemon::resynced(const std::string& reason, std::chrono::microseconds took) {
  metrics_.resyncs.Increment();
  log_info("HAProxy filled from the store", {{"reason", reason}, {"took_us", std::to_string(took.count())}});
}

void Daemon::failed(const Error& error) {
  metrics_.dataplane_errors.Increment();
  log_error("data plane", error);
}

void Daemon::found(const std::vector<int>& workers) {
  if (receiver_) receiver_->keep_only({workers.begin(), workers.end()});
}

void Daemon::draining(int worker, sys::Fd log) {
  if (receiver_) receiver_->follow(static_cast<std::uint32_t>(worker), std::move(log));
}

void Daemon::drained(int worker) {
  if (receiver_) receiver_->unfollow(static_cast<std::uint32_t>(worker));
}

void Daemon::worker_ended(int pid, std::uint64_t last) {
  // On the reconciler's thread, which must not wait: the lines of a worker that has ended are in the socket
  // already.
  if (receiver_) receiver_->close_worker({static_cast<std::uint32_t>(pid), last}, 0ms);
}

}  // namespace durward::app

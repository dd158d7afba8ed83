// The running gateway: store, identity, sessions, data plane and log, wired. No rules of its own: it applies
// bundles, and offers the operations that the login pages and the control socket ask for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "accesslog/receiver.h"
#include "app/access.h"
#include "app/compile.h"
#include "app/metrics.h"
#include "app/recompile.h"
#include "base/guarded.h"
#include "dataplane/reconciler.h"
#include "identity/assertion.h"
#include "identity/provider.h"
#include "session/sessions.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/lock_file.h"
#include "sys/random.h"

namespace durward::app {

struct DaemonOptions {
  std::string bundle;
  std::string environment;
  dataplane::Paths paths;
  std::string observed;  // ADDRESS:PORT of /metrics: no upstream may be there
  std::string haproxy = "haproxy";
  bool start_haproxy = true;
  std::optional<dataplane::Haproxy::Attached>
      attached;  // beside an operator's HAProxy; implies !start_haproxy
};

// What is in force: immutable, swapped whole.
struct Estate {
  model::ModelPtr model;
  generation::GenerationPtr generation;
  std::map<std::string, std::shared_ptr<identity::Provider>> providers;
  std::map<std::string, std::unique_ptr<identity::HttpClient>> clients;  // by provider; outlive it
  std::string bundle, environment;
};
using EstatePtr = std::shared_ptr<const Estate>;

struct ApplyResult {
  Compiled compiled;
  dataplane::Plan plan;
  std::optional<AccessReport> access;  // against what is in force; none when nothing is
  Status status;                       // of putting it in force; diagnostics with errors make it APP010
};

class Refresher;

class Daemon final : private dataplane::Observer {
 public:
  // Opens the store and everything below; nothing runs yet. Errors: STO…, SES…, SYS…, DAT024.
  static Result<std::unique_ptr<Daemon>> create(DaemonOptions options);
  ~Daemon() override;

  // Threads up, the bundle applied, HAProxy serving. A bundle with errors leaves what was in force.
  ApplyResult start();
  void stop();

  // Compiles and compares, with the logins there are; changes nothing. Empty strings mean what the daemon was
  // started with.
  ApplyResult plan(const std::string& bundle, const std::string& environment);
  ApplyResult apply(const std::string& bundle, const std::string& environment);

  EstatePtr estate();  // null before the first bundle was applied
  // After people were judged by `used`: judges them again when another estate is in force by now.
  Status judged_by(const EstatePtr& used);
  session::Sessions& sessions() { return *sessions_; }
  Metrics& metrics() { return metrics_; }
  const sys::Clock& clock() const { return clock_; }
  sys::Random& random() { return random_; }
  const DaemonOptions& options() const { return options_; }
  dataplane::DataplaneStatus dataplane_status() { return reconciler_->status(); }
  std::string haproxy_version() const { return haproxy_version_.text; }
  std::string public_keys();  // JWKS of the assertions
  bool ready();               // serving what the store says

  // Waits until what is in the store now is effective in HAProxy.
  Status settle();
  // Durable, effective in every worker, streams cut; then it returns.
  Result<session::Ended> revoke(const session::RevokeWhom& whom);
  // What a provider's logout token asks for; likewise.
  Result<session::Ended> back_channel_logout(const std::string& provider, const identity::LogoutToken& token);
  Result<session::IssuedSession> adopt(const session::Redemption& redemption);
  Result<session::IssuedSession> create_bearer(const session::BearerRequest& request);
  char table_letter(std::chrono::seconds idle);

 private:
  explicit Daemon(DaemonOptions options);
  Status open();
  Status open_signer();
  Status start_receiver();
  ApplyResult prepare(const std::string& bundle, const std::string& environment);  // compiled and compared
  void tell_access(const Estate& before, Result<std::vector<LoggedIn>> people, ApplyResult& result);
  CompileInput compile_input(const std::string& bundle, const std::string& environment) const;
  Result<std::shared_ptr<Estate>> make_estate(const Compiled& compiled, const std::string& bundle,
                                              const std::string& environment);
  Result<std::vector<LoggedIn>> logged_in(const model::Model& now, const model::Model& wanted);
  Result<std::string> identity_row(const session::HostSession& session);
  Status new_addresses_free(const model::Model& wanted);
  Status sync_certificates(const Estate& estate);
  Result<session::Ended> in_force(Result<session::Ended> ended);
  void housekeeping();
  void count_log_troubles();
  void on_access(const accesslog::AccessEvent& event);

  void injected(std::size_t sessions, std::chrono::microseconds latency) override;
  void revoked(std::size_t sessions, std::size_t streams_cut) override;
  void applied(const generation::Generation& generation, const dataplane::Plan& plan,
               std::chrono::microseconds took) override;
  void reloading(int worker, std::uint64_t last) override;
  void reloaded() override;
  void resynced(const std::string& reason, std::chrono::microseconds took) override;
  void failed(const Error& error) override;
  void found(const std::vector<int>& workers) override;
  void draining(int worker, sys::Fd log) override;
  void drained(int worker) override;
  void worker_ended(int pid, std::uint64_t last) override;

  DaemonOptions options_;
  sys::SystemClock clock_;
  sys::SystemRandom random_;
  Metrics metrics_;
  dataplane::HaproxyVersion haproxy_version_;
  std::optional<sys::LockFile> lock_;  // one Durward a state directory
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<session::Sessions> sessions_;
  Guarded<std::shared_ptr<const identity::AssertionSigner>> signer_;
  Guarded<EstatePtr> estate_;
  Guarded<Recompiler> recompiler_;
  Guarded<int> applying_;  // held while a bundle is applied: one at a time
  bool judged_ = false;    // every login is as the estate in force has it; likewise
  std::unique_ptr<dataplane::Reconciler> reconciler_;
  std::unique_ptr<accesslog::Receiver> receiver_;
  std::unique_ptr<Refresher> refresher_;
  struct Keeper {
    bool stopping = false;
  };
  Guarded<Keeper> keeper_;
  std::condition_variable keeper_wakes_;
  std::thread keeper_thread_;
};

}  // namespace durward::app

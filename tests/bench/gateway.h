// The product's data plane around one HAProxy, as `durward up` runs it: a store, the reconciler that follows
// it, and HAProxy with what the reconciler gave it. Only logins, pages and the control socket are not there.
#pragma once

#include <memory>
#include <string>

#include "dataplane/reconciler.h"
#include "log_counter.h"
#include "testing/memory_store.h"
#include "testing/state_directory.h"

namespace durward::bench {

class Gateway final : private dataplane::Observer {
 public:
  // Starts HAProxy with this generation. `bundle`: where its certificates lie. Errors: the product's own.
  static Result<std::unique_ptr<Gateway>> start(generation::GenerationPtr generation,
                                                const std::string& bundle);
  ~Gateway() override;

  // Puts sessions into the store and waits until they are effective.
  Status add(const std::vector<session::HostSession>& sessions);
  Status apply(generation::GenerationPtr generation) { return reconciler_->apply(std::move(generation)); }

  int haproxy() { return reconciler_->status().worker; }
  dataplane::DataplaneStatus status() { return reconciler_->status(); }
  const LogCounter& log() const { return *log_; }
  testing::MemoryStore& store() { return store_; }
  dataplane::Reconciler& reconciler() { return *reconciler_; }
  const dataplane::Paths& paths() const { return state_.paths(); }
  std::string problem() { return *problem_.lock(); }  // the last one

 private:
  Gateway() = default;
  void injected(std::size_t, std::chrono::microseconds) override {}
  void revoked(std::size_t, std::size_t) override {}
  void applied(const generation::Generation&, const dataplane::Plan&, std::chrono::microseconds) override {}
  void reloading(int, std::uint64_t) override {}
  void reloaded() override {}
  void resynced(const std::string&, std::chrono::microseconds) override {}
  void failed(const Error& error) override { *problem_.lock() = error.code + " " + error.message; }
  void found(const std::vector<int>&) override {}
  void draining(int, sys::Fd) override {}
  void drained(int) override {}
  void worker_ended(int, std::uint64_t) override {}

  sys::SystemClock clock_;
  testing::StateDirectory state_;
  testing::MemoryStore store_{clock_};
  std::unique_ptr<LogCounter> log_;
  Guarded<std::string> problem_;
  std::unique_ptr<dataplane::Reconciler> reconciler_;
};

// A row for upstreams as the product spells it, with an assertion signed by the product's code. The signature
// is made once for each host: what matters here is its size.
std::function<Result<std::string>(const session::HostSession&)> identity_rows();

}  // namespace durward::bench

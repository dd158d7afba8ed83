#include "app/refresher.h"

#include "app/daemon.h"
#include "app/log.h"

namespace durward::app {
namespace {

using namespace std::chrono_literals;

// Says something about the provider rather than about one login.
bool of_provider(const std::string& code) {
  return code.starts_with("IDN00") || code.starts_with("IDN01") || code == "IDN020";
}

const char* word_of(session::RefreshOutcome outcome) {
  switch (outcome) {
    case session::RefreshOutcome::gone:
      return "gone";
    case session::RefreshOutcome::unchanged:
      return "unchanged";
    case session::RefreshOutcome::changed:
      return "changed";
    case session::RefreshOutcome::refused:
      return "refused";
    case session::RefreshOutcome::failed:
      return "failed";
  }
  return "failed";
}

}  // namespace

Refresher::Refresher(Options options) : options_(std::move(options)) {}

Refresher::~Refresher() {
  stop();
}

void Refresher::start() {
  for (unsigned i = 0; i < refresh_workers; ++i) workers_.emplace_back([this] { work(); });
}

void Refresher::stop() {
  queue_.lock()->stopping = true;
  wakes_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void Refresher::round() {
  const auto estate = options_.estate();
  if (!estate) return;
  if (auto lapsed = options_.sessions.lapse(*estate->model); !lapsed) {
    log_error("claims not taken back", lapsed.error());
  } else {
    for (const session::Login& login : *lapsed) {
      options_.metrics.refreshes(login.provider, "lapsed").Increment();
      log_warning("claims unknown", {{"login", login.id},
                                     {"provider", login.provider},
                                     {"read", std::to_string(login.claims_read.time_since_epoch().count())}});
    }
  }
  {
    auto queue = queue_.lock();
    for (session::DueRefresh& due : options_.sessions.take_due(*estate->model))
      queue->lanes[due.provider].waiting.push_back(std::move(due.login));
  }
  wakes_.notify_all();  // also for those whose pause is over
}

Refresher::Lane* Refresher::runnable(Queue& queue, std::chrono::steady_clock::time_point now,
                                     std::string& provider) {
  for (auto& [name, lane] : queue.lanes) {
    const unsigned active_max = lane.failing ? 1 : refreshes_per_provider_max;
    if (lane.waiting.empty() || lane.active >= active_max || now < lane.paused_until) continue;
    provider = name;
    return &lane;
  }
  return nullptr;
}

void Refresher::work() {
  for (;;) {
    std::string provider, login;
    {
      auto queue = queue_.lock();
      Lane* lane = nullptr;
      wakes_.wait(queue.lock(), [&] {
        lane = runnable(*queue, options_.clock.steady(), provider);
        return queue->stopping || lane != nullptr;
      });
      if (queue->stopping) return;
      login = std::move(lane->waiting.front());
      lane->waiting.pop_front();
      ++lane->active;
    }
    run(provider, login);
  }
}

void Refresher::run(const std::string& provider, const std::string& login) {
  const auto estate = options_.estate();
  const auto found = estate->providers.find(provider);
  session::RefreshReport report;
  if (found == estate->providers.end()) {
    options_.sessions.put_back(login);  // its logins have ended with it
  } else {
    report = options_.sessions.refresh(login, *found->second, *estate->model);
    if (auto judged = options_.judged_by(estate); !judged)
      log_error("people not judged anew", judged.error());
    options_.metrics.refreshes(provider, word_of(report.outcome)).Increment();
  }
  const bool silent = report.outcome == session::RefreshOutcome::failed && of_provider(report.error.code);
  bool news = true;
  {
    auto queue = queue_.lock();
    Lane& lane = queue->lanes[provider];
    --lane.active;
    if (silent) {
      news = !lane.failing;
      lane.paused_until = options_.clock.steady() + refresh_pause;
    }
    lane.failing = silent;
  }
  wakes_.notify_all();
  if (news) tell(provider, login, report);  // a provider that is away is one line, not one a login
}

void Refresher::tell(const std::string& provider, const std::string& login,
                     const session::RefreshReport& report) {
  using session::RefreshOutcome;
  if (report.outcome == RefreshOutcome::changed) {
    log_info("claims changed", {{"login", login}, {"provider", provider}});
    for (const std::string& note : report.notes)
      log_warning("login note", {{"login", login}, {"note", note}});
  } else if (report.outcome == RefreshOutcome::refused) {
    log_error("login ended by its provider", report.error, {{"login", login}, {"provider", provider}});
  } else if (report.outcome == RefreshOutcome::failed) {
    log_error("claims not read", report.error, {{"login", login}, {"provider", provider}});
  }
}

}  // namespace durward::app

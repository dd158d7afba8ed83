// Asks the providers for the claims of live logins again, each at its interval: a few at a time, and a
// provider that does not answer is left alone for a while and costs nobody but its own people.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/metrics.h"
#include "base/guarded.h"
#include "session/sessions.h"
#include "sys/clock.h"

namespace durward::app {

struct Estate;

constexpr unsigned refresh_workers = 8;
constexpr unsigned refreshes_per_provider_max = 4;
constexpr std::chrono::seconds refresh_pause{10};  // after a provider did not answer; then one tries first

class Refresher {
 public:
  struct Options {
    session::Sessions& sessions;  // outlive the Refresher, as all here
    const sys::Clock& clock;
    Metrics& metrics;
    std::function<std::shared_ptr<const Estate>()> estate;  // null before the first bundle
    // After somebody was judged by that estate: once more, should another be in force by now.
    std::function<Status(const std::shared_ptr<const Estate>&)> judged_by;
  };
  explicit Refresher(Options options);
  ~Refresher();
  Refresher(const Refresher&) = delete;
  Refresher& operator=(const Refresher&) = delete;

  void start();
  void stop();  // waits for what is under way, which is bounded by the providers' time-outs
  // From a timer, every second: queues who is due, and takes the attributes from those who could not be read
  // for too long.
  void round();

 private:
  struct Lane {  // one provider
    std::deque<std::string> waiting;
    unsigned active = 0;
    bool failing = false;
    std::chrono::steady_clock::time_point paused_until{};
  };
  struct Queue {
    bool stopping = false;
    std::map<std::string, Lane> lanes;
  };
  void work();
  static Lane* runnable(Queue& queue, std::chrono::steady_clock::time_point now, std::string& provider);
  void run(const std::string& provider, const std::string& login);
  void tell(const std::string& provider, const std::string& login, const session::RefreshReport& report);

  Options options_;
  Guarded<Queue> queue_;
  std::condition_variable wakes_;
  std::vector<std::thread> workers_;
};

}  // namespace durward::app

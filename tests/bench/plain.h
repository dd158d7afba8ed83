// What Durward is compared with: a plain HAProxy in front of the same upstream.
#pragma once

#include <memory>
#include <string>

#include "log_counter.h"
#include "testing/state_directory.h"

namespace durward::bench {

class Plain {
 public:
  struct Options {
    std::uint16_t http_port = 0;
    std::uint16_t https_port = 0;  // 0 = none
    std::string certificates{};    // directory of PEM files for it
    std::uint16_t upstream_port = 0;
    bool httplog = true;  // `option httplog` through a ring to a reader like the gateway's; false = no log
  };
  static Result<std::unique_ptr<Plain>> start(const Options& options);

  int haproxy() const { return worker_; }
  const LogCounter& log() const { return *log_; }

 private:
  Plain() = default;
  testing::StateDirectory state_;
  std::unique_ptr<LogCounter> log_;
  int worker_ = 0;
};

}  // namespace durward::bench

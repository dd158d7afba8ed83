// What every live figure starts with: the estate on disk, people signed in to it, the product serving it.
#pragma once

#include <memory>
#include <string>

#include "bench.h"
#include "live_estate.h"
#include "live_upstream.h"
#include "product.h"

namespace durward::bench {

class LiveGateway {
 public:
  static Result<std::unique_ptr<LiveGateway>> start(const Run& run, const People& people);
  ~LiveGateway();
  LiveGateway(const LiveGateway&) = delete;
  LiveGateway& operator=(const LiveGateway&) = delete;

  const People& people() const { return people_; }
  std::uint16_t port() const { return estate_.port; }
  Product& product() { return *product_; }
  Result<int> haproxy();  // the serving worker
  const std::string& directory() const { return directory_; }
  // Rewrites the bundle and applies it.
  Status change_rules();
  Status change_timeouts();  // a reload

 private:
  LiveGateway() = default;
  Status apply();
  std::string directory_;
  LiveEstate estate_;
  People people_;
  LiveUpstream upstream_;
  std::unique_ptr<Product> product_;
};

// How busy the machine is with everything, beside what a figure measured: runnable tasks of the last minute.
double machine_load();

}  // namespace durward::bench

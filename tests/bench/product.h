// Durward as `durward up` runs it, but for its HTTP surfaces, in a process of its own: what it costs is its
// own, and a call is a line to it and a line back.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace durward::bench {

// Not thread-safe: one call at a time. Errors of every call: BEN040 the process is gone, else the product's
// own.
class Product {
 public:
  // Starts it on a state directory and a bundle; serving when it returns.
  static Result<std::unique_ptr<Product>> start(const std::string& state, const std::string& bundle,
                                                const std::string& haproxy);
  ~Product();  // ends it and its HAProxy
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  struct Issued {
    std::string login, token;
  };
  Result<Issued> login(const std::string& person,
                       const std::string& host);  // ready to be used when it returns
  Status revoke_login(const std::string& id);
  Status revoke_person(const std::string& email);
  Status apply(const std::string& bundle);
  // sessions, worker, old_workers, reloads, resyncs, errors, holes, in_sync, problem
  Result<nlohmann::json> status();

  int pid() const { return pid_; }

 private:
  Product() = default;
  Result<nlohmann::json> ask(const nlohmann::json& command);
  int pid_ = 0;
  std::string state_, haproxy_;
  sys::Fd wire_;
  std::string unread_;
};

// What that process runs: commands on its standard input, which is a socket, replies to the same.
int serve_product(const std::string& state, const std::string& bundle, const std::string& haproxy);

}  // namespace durward::bench

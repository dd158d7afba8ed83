// The estate that the edge figures run: a bundle written to disk, compiled by the product, and the sessions
// of people who may use all of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "app/compile.h"
#include "load.h"
#include "session/record.h"

namespace durward::bench {

struct EstateShape {
  unsigned apps = 100;             // one host each
  unsigned routes = 100;           // of each app; half of them with parameters or {**}
  unsigned policies = 5;           // of each app
  unsigned classes = 200;          // different sets of roles among the people
  std::size_t sessions = 100'000;  // each of its own person, on one host
  std::uint16_t upstream_port = 0;
  std::uint16_t http_port = 0, https_port = 0;
};

// Everyone may ask everything, so that a request drawn at random is allowed: every policy allows the role
// `staff`, which all hold, beside a role of its own, which makes the classes differ. Among the policies are
// some with a bound on the login's age, denies, weekly windows that are always open, and the loopback
// network.
class Estate {
 public:
  // `directory`: an empty one of ours. Errors: BEN030 it does not compile.
  static Result<Estate> make(const EstateShape& shape, const std::string& directory);

  const EstateShape& shape() const { return shape_; }
  const std::string& bundle() const { return bundle_; }
  generation::GenerationPtr generation() const { return generation_; }
  std::size_t routes() const { return shape_.apps * paths_.size(); }
  std::size_t templated_routes() const { return shape_.apps * templated_; }

  session::HostSession session(std::size_t index, std::chrono::sys_seconds now) const;
  std::string token(std::size_t index) const;
  std::string user(std::size_t index) const;

  // A request by a session and to a route of its host, both drawn at random; parameters have values at
  // random. Drawing the session first and then one of its host's routes draws both uniformly.
  Draw random(std::uint64_t seed) const;
  Draw one(std::size_t session, std::size_t route) const;  // always the same

 private:
  explicit Estate(const EstateShape& shape) : shape_(shape) {}
  Status write();
  Status compile();
  std::string app_yaml(unsigned app) const;
  std::string root_yaml() const;
  std::size_t host_of(std::size_t session) const { return session % shape_.apps; }

  EstateShape shape_;
  std::string bundle_;
  std::unique_ptr<app::DirectorySource> source_;  // what spans point into
  generation::GenerationPtr generation_;
  std::vector<std::string> hosts_;
  std::vector<std::string> paths_;  // of the routes of an app; all apps have the same
  std::size_t templated_ = 0;
};

}  // namespace durward::bench

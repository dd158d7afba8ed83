// What HAProxy hands to Durward: the login host, the beginning of a login on an app host, adopt and logout.
//
// HAProxy is the only peer of this socket, so its x-durward-* headers are believed: it removed the client's.
#pragma once

#include <atomic>

#include "api/http.h"
#include "app/daemon.h"
#include "session/flow.h"

namespace durward::api {

class Edge {
 public:
  explicit Edge(app::Daemon& daemon) : daemon_(daemon) {}
  Reply handle(const Request& request);  // any thread

 private:
  struct Context;  // the request, what is in force, where it came in
  Reply begin(const Context& context);
  Reply login(const Context& context);
  Reply callback(const Context& context, const std::string& provider);
  Reply arrive(const Context& context, const session::Login& login, const session::Start& start);
  Reply finish(const Context& context, const session::Login& login, const session::Start& start,
               const std::string& sealed_start);
  Reply adopt(const Context& context);
  Reply logout_app(const Context& context);
  Reply logout_here(const Context& context);
  Reply account(const Context& context);
  Reply keys();
  Reply back_channel_logout(const Context& context, const std::string& provider);
  Reply judge_logout_token(const Context& context, const std::string& provider);
  Reply end_login(const Context& context, const session::Login& login);
  std::optional<session::Login> login_of(const Context& context);
  Reply failed(const Context& context, const char* event, const Error& error, Reply page);

  app::Daemon& daemon_;
  std::atomic<unsigned> logout_tokens_{0};  // being judged
};

}  // namespace durward::api

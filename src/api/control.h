// The control socket: what the command line asks of a running Durward. JSON in and out; one row a route.
#pragma once

#include <nlohmann/json.hpp>

#include "api/http.h"
#include "app/daemon.h"

namespace durward::api {

class Control {
 public:
  explicit Control(app::Daemon& daemon) : daemon_(daemon) {}
  // Only root and the user Durward runs as are served (SO_PEERCRED); a request a browser could have sent is
  // refused.
  Reply handle(const Request& request);  // any thread

 private:
  using Json = nlohmann::ordered_json;
  Reply status();
  Reply sessions();
  Reply revoke(const Json& body);
  Reply create_token(const Json& body);
  Reply plan(const Json& body);
  Reply apply(const Json& body);
  Reply applied(const app::ApplyResult& result, bool changed);

  app::Daemon& daemon_;
};

// /metrics, /healthz and /readyz for the loopback listener.
Reply observe(app::Daemon& daemon, const Request& request);

nlohmann::ordered_json to_json(const Diagnostics& diagnostics);
nlohmann::ordered_json to_json(const Error& error);
nlohmann::ordered_json to_json(const dataplane::Plan& plan);
nlohmann::ordered_json to_json(const app::AccessReport& access);

}  // namespace durward::api

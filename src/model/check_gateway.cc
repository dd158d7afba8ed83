// Listeners that work together, and a login host of its own.
#include <fmt/format.h>

#include <map>

#include "model/check.h"
#include "model/codes.h"

namespace durward::model {
namespace {

void check_listener(const Listener& listener, const Gateway& gateway, Diagnostics& diagnostics) {
  const SourceSpan& place = listener.bind.empty() ? listener.span : listener.bind.front().span;
  if (listener.redirect_https && listener.certificates)
    diagnostics.error(code::listener.id, listener.certificates->span,
                      "a listener that redirects to https has no tls", "remove tls, or the redirect");
  if (!listener.redirect_https && !listener.certificates)
    diagnostics.error(code::listener.id, place, "the listener has neither tls nor a redirect",
                      "add tls: {certificates: DIRECTORY}, or redirect: https");
  if (listener.proxy_protocol && gateway.trusted_proxies.empty())
    diagnostics.error(code::listener.id, place, "proxyProtocol without trustedProxies trusts nobody",
                      "name the proxies' networks in trustedProxies");
}

}  // namespace

void check_gateway(const Model& model, Diagnostics& diagnostics) {
  const Gateway& gateway = model.gateway;
  std::map<std::pair<std::string, std::uint16_t>, SourceSpan> bound;
  bool serves = false;
  for (const Listener& listener : gateway.listeners) {
    check_listener(listener, gateway, diagnostics);
    serves |= !listener.redirect_https;
    for (const auto& bind : listener.bind) {
      const auto [first, fresh] = bound.emplace(std::pair(bind.value.address, bind.value.port), bind.span);
      if (!fresh)
        diagnostics
            .error(code::listener.id, bind.span, "the address and port are taken", "choose another port")
            .related.push_back({first->second, "first bound here"});
    }
  }
  if (!serves && !gateway.listeners.empty())
    diagnostics.error(code::listener.id, gateway.listeners.front().span, "every listener only redirects",
                      "add one with tls: {certificates: DIRECTORY}");
  for (const App* app : model.all_apps())
    for (const auto& host : app->hosts)
      if (host.value == gateway.login_host.value)
        diagnostics
            .error(code::login_host.id, host.span, fmt::format("'{}' is the login host", host.value),
                   "an app needs a host of its own")
            .related.push_back({gateway.login_host.span, "named here"});
}

}  // namespace durward::model

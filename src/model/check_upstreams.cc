// Upstreams that are no application: a bundle must not turn the gateway into a way to where only it can
// reach.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/mutant.h"
#include "base/text.h"
#include "model/address.h"
#include "model/check.h"
#include "model/codes.h"

namespace durward::model {
namespace {

constexpr std::array metadata_names{"metadata.google.internal", "metadata.goog", "instance-data",
                                    "instance-data.ec2.internal"};

// inet_aton(3) takes "0x7f000001" for an address, so a resolver may. (A name that ends in digits is none to
// us.)
bool reads_as_address(std::string_view host) {
  const auto last = host.substr(host.rfind('.') + 1);
  return last.starts_with("0x") && last.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
}

class Upstreams {
 public:
  Upstreams(const Model& model, Diagnostics& diagnostics) : model_(model), diagnostics_(diagnostics) {
    for (const auto& text : split(never_upstream_networks, ' ')) never_.push_back(*Cidr::parse(text));
    for (const auto& listener : model.gateway.listeners)
      for (const auto& bind : listener.bind) bound_[bind.value.port].push_back(&bind);
    hosts_.insert(model.gateway.login_host.value);
    for (const App* app : model.all_apps())
      for (const auto& host : app->hosts) hosts_.insert(host.value);
  }

  void check() {
    for (const App* app : model_.all_apps())
      for (const auto& [name, upstream] : app->upstreams)
        for (const auto& server : upstream.servers) check(server);
  }

 private:
  void check(const Spanned<Server>& server) {
    const auto& host = server.value.host;
    const auto address = IpAddress::parse(host);
    if (!address && reads_as_address(host)) {
      diagnostics_.error(code::upstream_address.id, server.span,
                         fmt::format("'{}' is neither a name nor an address in the usual form", host),
                         "write an address as 10.20.4.11");
      return;
    }
    const bool never =
        address ? std::ranges::any_of(never_, [&](const Cidr& net) { return net.contains(*address); })
                : std::ranges::find(metadata_names, host) != metadata_names.end();
    if (never && !mutant("metadata-upstream-allowed"))
      diagnostics_.error(
          code::upstream_address.id, server.span,
          fmt::format("no application is at {}: it is a link-local, metadata or reserved address", host),
          "name the application's own server");
    if (const auto* bind = own_listener(server.value, address))
      diagnostics_
          .error(code::upstream_address.id, server.span,
                 "this is the gateway itself: requests would go round", "name the application's own server")
          .related.push_back({bind->span, "it listens here"});
  }

  // The listener that a server is, as far as the bundle tells.
  const Spanned<Bind>* own_listener(const Server& server, const std::optional<IpAddress>& address) const {
    const auto found = bound_.find(server.port);
    if (found == bound_.end()) return nullptr;
    const bool local =
        address ? is_loopback(*address) : server.host == "localhost" || hosts_.contains(server.host);
    for (const auto* bind : found->second) {
      const auto at = IpAddress::parse(bind->value.address);
      if (!at) continue;
      const bool everywhere = at->bytes == IpAddress{}.bytes;
      if (address == at || (local && (everywhere || is_loopback(*at)))) return bind;
    }
    return nullptr;
  }

  const Model& model_;
  Diagnostics& diagnostics_;
  std::vector<Cidr> never_;
  std::map<std::uint16_t, std::vector<const Spanned<Bind>*>> bound_;
  std::set<std::string> hosts_;
};

}  // namespace

void check_upstreams(const Model& model, Diagnostics& diagnostics) {
  Upstreams(model, diagnostics).check();
}

}  // namespace durward::model

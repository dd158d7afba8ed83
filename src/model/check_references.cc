// Names that must be declared elsewhere, and credentials that must consent.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "model/check.h"
#include "model/codes.h"

namespace durward::model {
namespace {

template <class Map>
std::vector<std::string> names_of(const Map& map, const std::string& prefix = {}) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(prefix + name);
  return names;
}

class References {
 public:
  References(const Model& model, const Soundness& sound, Diagnostics& diagnostics)
      : model_(model), sound_(sound), diagnostics_(diagnostics), apps_(model.all_apps()) {}

  void check() {
    if (!sound_.root_known) return;
    for (const App* app : apps_) check_app(*app);
    for (const auto& [name, provider] : model_.providers) check_provider(provider);
    for (const auto& [name, role] : model_.roles) check_role(role);
    for (const auto& [name, credential] : model_.credentials) check_users(credential);
  }

 private:
  void role(const Spanned<std::string>& name) {
    if (!model_.roles.contains(name.value))
      diagnostics_.error(code::unknown_role.id, name.span, fmt::format("unknown role '{}'", name.value),
                         model_.roles.empty() ? "declare a Role in the root bundle"
                                              : suggest(name.value, names_of(model_.roles)));
  }

  // `user` is "app/payments" or "idp/corp".
  void credential(const Spanned<std::string>& name, const std::string& user) {
    const auto found = model_.credentials.find(name.value);
    if (found == model_.credentials.end()) {
      diagnostics_.error(code::unknown_credential.id, name.span,
                         fmt::format("unknown credential '{}'", name.value),
                         model_.credentials.empty() ? "declare a Credential in the root bundle"
                                                    : suggest(name.value, names_of(model_.credentials)));
      return;
    }
    const auto& users = found->second.used_by;
    const bool consents = std::any_of(users.begin(), users.end(), [&](const Spanned<std::string>& u) {
      return u.value == user || (u.value == "app/*" && user.starts_with("app/"));
    });
    if (!consents && !users.empty())
      diagnostics_
          .error(code::consent.id, name.span, fmt::format("credential '{}' is not for {}", name.value, user),
                 fmt::format("add {} to its usedBy", user))
          .related.push_back({found->second.name.span, "declared here"});
  }

  void check_app(const App& app) {
    const std::string user = "app/" + app.name.value;
    for (const auto& [name, upstream] : app.upstreams)
      if (upstream.tls && upstream.tls->ca) credential(*upstream.tls->ca, user);
    for (const AccessRule& rule : app.access)
      for (const auto* list : {&rule.audience.any_of, &rule.audience.all_of, &rule.audience.none_of})
        for (const auto& name : *list) role(name);
  }

  void check_provider(const IdentityProvider& provider) {
    const std::string user = "idp/" + provider.name.value;
    if (!provider.client_secret.value.empty()) credential(provider.client_secret, user);
    if (provider.ca) credential(*provider.ca, user);
    for (const auto& pattern : provider.may_assert_roles)
      if (!pattern.value.ends_with('*')) role(pattern);
    // A subject is (issuer, sub): two providers of one issuer would be two words about the same person.
    const auto [first, fresh] = issuers_.emplace(provider.issuer.value, provider.issuer.span);
    if (!fresh && !provider.issuer.value.empty())
      diagnostics_
          .error(code::provider.id, provider.issuer.span, "the issuer is another provider's",
                 "keep one of the two")
          .related.push_back({first->second, "first named here"});
  }

  void check_role(const Role& subject) {
    for (const auto& other : subject.excludes) {
      if (other.value == subject.name.value)
        diagnostics_.error(code::exclusion.id, other.span, fmt::format("'{}' excludes itself", other.value),
                           "nobody could hold it; remove it from excludes");
      else
        role(other);
    }
  }

  void check_users(const Credential& credential) {
    for (const auto& user : credential.used_by) {
      const std::string name = user.value.substr(4);
      if (user.value.starts_with("idp/")) {
        if (!model_.providers.contains(name)) unknown_user(user, names_of(model_.providers, "idp/"));
      } else if (sound_.tree_known && name != "*" && !app_names().contains(name)) {
        std::vector<std::string> names;
        for (const App* app : apps_) names.push_back("app/" + app->name.value);
        unknown_user(user, names);
      }
    }
  }

  void unknown_user(const Spanned<std::string>& user, const std::vector<std::string>& names) {
    diagnostics_.error(code::credential_user.id, user.span, fmt::format("there is no {}", user.value),
                       suggest(user.value, names));
  }

  const std::unordered_set<std::string_view>& app_names() {
    if (app_names_.empty())
      for (const App* app : apps_) app_names_.insert(app->name.value);
    return app_names_;
  }

  const Model& model_;
  const Soundness& sound_;
  Diagnostics& diagnostics_;
  std::vector<const App*> apps_;
  std::unordered_set<std::string_view> app_names_;
  std::unordered_map<std::string_view, SourceSpan> issuers_;
};

}  // namespace

void check_references(const Model& model, const Soundness& sound, Diagnostics& diagnostics) {
  References(model, sound, diagnostics).check();
}

}  // namespace durward::model

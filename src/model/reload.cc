#include "model/reload.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "bundle/parse.h"
#include "model/check.h"
#include "model/language.h"
#include "model/limits.h"

namespace durward::model {
namespace {

using Apps = std::vector<const App*>;

bool same(const Upstream& a, const Upstream& b) {
  const auto tls = [](const Upstream& upstream) {
    return upstream.tls
               ? std::pair(upstream.tls->ca, upstream.tls->sni)
               : std::pair<std::optional<Spanned<std::string>>, std::optional<Spanned<std::string>>>();
  };
  return a.tls.has_value() == b.tls.has_value() && tls(a) == tls(b) && a.protocol == b.protocol &&
         a.balance == b.balance && a.health_path == b.health_path &&
         std::equal(a.servers.begin(), a.servers.end(), b.servers.begin(), b.servers.end(),
                    [](const auto& x, const auto& y) {
                      return x.value.host == y.value.host && x.value.port == y.value.port;
                    });
}

// All but who may do what by which route.
bool same_frame(const App& a, const App& b) {
  return a.name == b.name && a.hosts == b.hosts && a.child_paths == b.child_paths &&
         std::equal(
             a.upstreams.begin(), a.upstreams.end(), b.upstreams.begin(), b.upstreams.end(),
             [](const auto& x, const auto& y) { return x.first == y.first && same(x.second, y.second); });
}

std::optional<std::vector<App>> read_apps(const Model& before, const SourceFilePtr& file,
                                          Diagnostics& diagnostics) {
  const bundle::Parsed parsed = bundle::parse(file, diagnostics);
  if (!parsed.complete) return std::nullopt;
  Context context{diagnostics};
  context.variables = &before.variables;
  context.ladder = &before.gateway.acr;
  std::vector<App> out;
  for (const auto& document : parsed.documents) {
    const Node* kind = document.root.find("kind");
    App app;
    if (kind == nullptr || kind->text != "App" || !app_document().decode(document.root, app, context))
      return std::nullopt;
    out.push_back(std::move(app));
  }
  return out;
}

class Reload {
 public:
  Reload(const Model& before, Diagnostics& diagnostics)
      : before_(before), diagnostics_(diagnostics), apps_(before.all_apps()) {
    for (const App* app : apps_) {
      by_file_[app->name.span.file].push_back(app);
      for (const auto& host : app->hosts) by_host_[host.value].push_back(app);
      routes_ += app->routes.size();
    }
    for (const auto& file : before.files) {
      files_.emplace(file->path, file.get());
      bytes_ += file->text.size();
    }
  }

  std::optional<Reloaded> run(const std::vector<SourceFilePtr>& changed) {
    for (const auto& file : changed)
      if (!take(file)) return std::nullopt;
    if (bytes_ > bundle_bytes_max || routes_ > routes_max || !spread()) return std::nullopt;
    auto part_before = part();
    for (const App* app : part_) part_before->apps.push_back(without_children(*app));
    auto part_now = part();
    for (const App* app : part_) {
      const auto fresh = fresh_.find(app);
      part_now->apps.push_back(without_children(fresh == fresh_.end() ? *app : fresh->second));
    }
    // Of names and credentials of the whole nothing changes.
    Soundness sound;
    sound.tree_known = false;
    check(*part_now, sound, diagnostics_);
    if (diagnostics_.has_errors()) return std::nullopt;
    return Reloaded{whole(changed, *part_now), std::move(part_before), std::move(part_now)};
  }

 private:
  bool take(const SourceFilePtr& file) {
    const auto known = files_.find(file->path);
    if (known == files_.end()) return false;
    const auto old = by_file_.find(known->second);
    if (old == by_file_.end()) return false;
    bytes_ = bytes_ - known->second->text.size() + file->text.size();
    auto apps = read_apps(before_, file, diagnostics_);
    if (!apps || apps->size() != old->second.size()) return false;
    for (std::size_t i = 0; i < apps->size(); ++i) {
      const App& was = *old->second[i];
      App& is = (*apps)[i];
      if (!same_frame(was, is)) return false;
      is.directory = was.directory;
      routes_ = routes_ - was.routes.size() + is.routes.size();
      fresh_.emplace(&was, std::move(is));
    }
    return true;
  }

  // To those that share a host or a file, and on from them.
  bool spread() {
    std::vector<const App*> queue;
    const auto add = [&](const Apps& apps) {
      for (const App* app : apps)
        if (reached_.insert(app).second) queue.push_back(app);
    };
    for (const auto& [app, fresh] : fresh_) add({app});
    while (!queue.empty() && reached_.size() <= reloaded_apps_max) {
      const App* app = queue.back();
      queue.pop_back();
      add(by_file_.at(app->name.span.file));
      for (const auto& host : app->hosts) add(by_host_.at(host.value));
    }
    for (const App* app : apps_)
      if (reached_.contains(app)) part_.push_back(app);
    return reached_.size() <= reloaded_apps_max;
  }

  std::shared_ptr<Model> part() const {
    auto out = std::make_shared<Model>();
    out->environment = before_.environment;
    out->variables = before_.variables;
    out->gateway = before_.gateway;
    out->providers = before_.providers;
    out->roles = before_.roles;
    out->credentials = before_.credentials;
    return out;
  }

  static App without_children(const App& app) {
    App out = app;
    out.apps.clear();
    return out;
  }

  ModelPtr whole(const std::vector<SourceFilePtr>& changed, const Model& part_now) const {
    auto out = std::make_shared<Model>(before_);
    for (const auto& file : changed)
      for (auto& known : out->files)
        if (known->path == file->path) known = file;
    std::map<std::string_view, const App*> fresh;
    for (std::size_t i = 0; i < part_.size(); ++i)
      if (fresh_.contains(part_[i])) fresh.emplace(part_now.apps[i].name.value, &part_now.apps[i]);
    replace(out->apps, fresh);
    return out;
  }

  // All other apps stay the very ones of the model before. Whether any was replaced.
  static bool replace(SharedList<App>& apps, const std::map<std::string_view, const App*>& fresh) {
    bool any = false;
    for (std::size_t i = 0; i < apps.size(); ++i) {
      SharedList<App> children = apps[i].apps;
      const auto found = fresh.find(apps[i].name.value);
      if (!replace(children, fresh) && found == fresh.end()) continue;
      App next = found == fresh.end() ? apps[i] : *found->second;
      next.apps = std::move(children);
      apps.replace(i, std::move(next));
      any = true;
    }
    return any;
  }

  const Model& before_;
  Diagnostics& diagnostics_;
  Apps apps_;
  std::map<const SourceFile*, Apps> by_file_;
  std::map<std::string_view, Apps> by_host_;
  std::map<std::string_view, const SourceFile*> files_;
  std::map<const App*, App> fresh_;
  std::set<const App*> reached_;
  Apps part_;  // in the order of the tree
  std::size_t routes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::optional<Reloaded> reload(const Model& before, const std::vector<SourceFilePtr>& changed,
                               Diagnostics& diagnostics) {
  return Reload(before, diagnostics).run(changed);
}

}  // namespace durward::model

#include "model/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "bundle/parse.h"
#include "model/check.h"
#include "model/language.h"
#include "model/patch.h"

namespace durward::model {
namespace {

std::string join_path(const std::string& directory, const std::string& child) {
  return directory.empty() ? child : directory + "/" + child;
}

class Loader {
 public:
  Loader(BundleSource& source, Diagnostics& diagnostics)
      : source_(source), context_{diagnostics}, model_(std::make_shared<Model>()) {}

  ModelPtr load(const std::string& environment) {
    auto root = read("", SourceSpan::none("the root is named on the command line"));
    if (!root) return nullptr;
    sort_by_kind(*root, true);
    if (!choose_environment(environment) || !read_gateway()) return nullptr;
    read_named(documents("IdentityProvider"), provider_document(), model_->providers);
    read_named(documents("Role"), role_document(), model_->roles);
    read_named(documents("Credential"), credential_document(), model_->credentials);
    sound_.root_known = known_;
    read_apps(documents("App"), "", model_->apps);
    descend(model_->gateway.child_paths, "", 1, model_->apps);
    sound_.tree_known = known_;
    report_unused_patches();
    check(*model_, sound_, context_.diagnostics);
    return model_;
  }

  bool patches_apps() const { return !patches_by_app_.empty(); }

 private:
  using DocumentList = std::vector<bundle::Document>;

  // ---- reading -------------------------------------------------------------------------------------

  std::optional<DocumentList> read(const std::string& directory, const SourceSpan& span) {
    auto files = source_.files(directory);
    if (!files) {
      known_ = false;
      context_.error(code::tree, span, std::move(files.error().message), std::move(files.error().hint));
      return std::nullopt;
    }
    DocumentList documents;
    bool whole = true;
    for (SourceFilePtr& file : *files) {
      bytes_ += file->text.size();
      if (bytes_ > bundle_bytes_max) {
        known_ = false;
        context_.error(code::limit, span,
                       fmt::format("the bundle is larger than {} MiB", bundle_bytes_max >> 20));
        return std::nullopt;
      }
      bundle::Parsed parsed = bundle::parse(file, context_.diagnostics);
      whole &= parsed.complete;
      model_->files.push_back(std::move(file));
      std::move(parsed.documents.begin(), parsed.documents.end(), std::back_inserter(documents));
    }
    known_ &= whole;
    if (!documents.empty() || !whole) return documents;
    context_.error(
        code::tree, span,
        fmt::format("no documents in {}", directory.empty() ? "the bundle" : "'" + directory + "'"),
        "every *.yaml and *.yml directly in the directory is read");
    return std::nullopt;
  }

  DocumentList& documents(const char* kind) { return by_kind_[kind]; }

  void sort_by_kind(DocumentList& list, bool root) {
    by_kind_.clear();
    for (bundle::Document& document : list)
      if (const Kind* kind = kind_of(document.root, root))
        by_kind_[kind->name].push_back(std::move(document));
  }

  const Kind* head_error(const Code& what, const SourceSpan& span, std::string message, std::string hint) {
    known_ = false;
    context_.error(what, span, std::move(message), std::move(hint));
    return nullptr;
  }

  const Kind* kind_of(const Node& node, bool root) {
    const Node* word = node.find("kind");
    if (word == nullptr || word->kind != Node::Kind::scalar)
      return head_error(code::head, word == nullptr ? node.span : word->span, "the document says no kind",
                        "begin with apiVersion: durward/v1 and kind: App");
    std::vector<std::string> names;
    for (const Kind& kind : kinds()) {
      if (kind.name != word->text) {
        if (kind.shape != nullptr) names.push_back(kind.name);
        continue;
      }
      if (kind.shape == nullptr)
        return head_error(code::unsupported, word->span,
                          fmt::format("kind '{}' is not supported by this version", kind.name),
                          fmt::format("remove it: {}", kind.doc));
      if (kind.root_only && !root)
        return head_error(code::root_only, word->span, fmt::format("a child cannot declare a {}", kind.name),
                          "move it to the root bundle");
      return &kind;
    }
    return head_error(code::kind, word->span, fmt::format("unknown kind '{}'", word->text),
                      suggest(word->text, names));
  }

  // ---- what only the root declares -----------------------------------------------------------------

  // Two things with one name: the first stays.
  template <class Map>
  bool claim_name(const Map& taken, const Spanned<std::string>& name, const SourceSpan& first) {
    if (!taken.contains(name.value)) return true;
    context_
        .error(code::duplicate_name, name.span, fmt::format("'{}' is declared twice", name.value),
               "rename one")
        .related.push_back({first, "first declared here"});
    return false;
  }

  template <class T>
  bool read_named(const DocumentList& list, const Codec<T>& codec, std::map<std::string, T>& out) {
    bool sound = true;
    for (const bundle::Document& document : list) {
      T value;
      sound &= codec.decode(document.root, value, context_);
      if (value.name.value.empty()) {
        known_ = false;
        continue;
      }
      const auto found = out.find(value.name.value);
      if (claim_name(out, value.name, found == out.end() ? SourceSpan{} : found->second.name.span))
        out.emplace(value.name.value, std::move(value));
    }
    return sound;
  }

  bool choose_environment(const std::string& wanted) {
    std::map<std::string, Environment> environments;
    context_.variables = nullptr;
    const bool sound = read_named(documents("Environment"), environment_document(), environments);
    // What could not be read may have declared what a placeholder names.
    context_.quiet_placeholders = !sound || !known_;
    const SourceSpan nowhere = SourceSpan::none("the environment is named on the command line");
    std::vector<std::string> names;
    for (const auto& [name, e] : environments) names.push_back(name);
    auto chosen = environments.find(wanted);
    if (wanted.empty() && environments.size() == 1) chosen = environments.begin();
    if (chosen == environments.end() && !(wanted.empty() && environments.empty())) {
      if (!known_) return false;
      context_.error(code::environment, nowhere,
                     wanted.empty() ? "several environments are declared"
                                    : fmt::format("there is no environment '{}'", wanted),
                     wanted.empty() ? fmt::format("choose one with --env: {}", join(names, ", "))
                                    : suggest(wanted, names));
      return false;
    }
    if (chosen != environments.end()) adopt(chosen->second);
    context_.variables = &model_->variables;
    return true;
  }

  void adopt(Environment& environment) {
    model_->environment = environment.name.value;
    model_->variables = std::move(environment.vars);
    if (environment.domain) model_->variables.emplace("domain", environment.domain->value);
    patches_ = std::move(environment.set);
    constexpr std::string_view prefix = "app/";
    for (AppPatches& p : patches_) {
      if (p.target.value.starts_with(prefix))
        patches_by_app_.emplace(p.target.value.substr(prefix.size()), &p);
      else
        context_.error(code::patch, p.target.span, fmt::format("'{}' is not an app", p.target.value),
                       "write app/NAME");
    }
  }

  bool read_gateway() {
    const DocumentList& list = documents("Gateway");
    if (list.empty()) {
      if (known_)
        context_.error(code::gateway, SourceSpan::none("it is nowhere"), "the bundle declares no Gateway",
                       "add one to the root bundle");
      return false;
    }
    for (std::size_t i = 1; i < list.size(); ++i)
      context_
          .error(code::gateway, list[i].root.find("kind")->span, "a second Gateway",
                 "an estate has one; remove the other")
          .related.push_back({list[0].root.find("kind")->span, "the first is here"});
    // Everything else refers to the ladder, so a gateway that is partly wrong still lends what could be read.
    const bool good = gateway_document().decode(list[0].root, model_->gateway, context_);
    context_.ladder = &model_->gateway.acr;
    return good || !model_->gateway.name.value.empty();
  }

  // ---- the tree ------------------------------------------------------------------------------------

  void read_apps(DocumentList& list, const std::string& directory, SharedList<App>& out) {
    const std::size_t first = out.size();
    for (bundle::Document& document : list) {
      const SourceSpan place = document.root.find("kind")->span;
      if (++apps_ > apps_max) {
        if (apps_ == apps_max + 1)
          context_.error(code::limit, place, fmt::format("more than {} apps", apps_max), "split the estate");
        break;
      }
      patch(document.root);
      App app;
      app.directory = directory;
      const bool good = app_document().decode(document.root, app, context_);
      if (app.name.value.empty()) known_ = false;
      if (!good) sound_.broken_apps.insert(app.name.value);
      if (!app.name.value.empty() && claim_app(app.name)) out.push_back(std::move(app));
      document.root = {};
    }
    list.clear();
    for (std::size_t i = first; i < out.size(); ++i) {
      SharedList<App> children;
      descend(out[i].child_paths, directory, depth_ + 1, children);
      out.own(i).apps = std::move(children);
    }
  }

  void patch(Node& document) {
    const Node* metadata = document.find("metadata");
    const Node* name = metadata == nullptr ? nullptr : metadata->find("name");
    if (name == nullptr) return;
    const auto found = patches_by_app_.find(name->text);
    if (found == patches_by_app_.end()) return;
    apply_patches(*found->second, document, context_);
    patched_.insert(found->first);
  }

  bool claim_app(const Spanned<std::string>& name) {
    const auto found = app_names_.find(name.value);
    if (!claim_name(app_names_, name, found == app_names_.end() ? SourceSpan{} : found->second)) return false;
    app_names_.emplace(name.value, name.span);
    return true;
  }

  void descend(const std::vector<Spanned<std::string>>& paths, const std::string& from, std::size_t depth,
               SharedList<App>& out) {
    if (paths.empty()) return;
    if (depth > tree_depth_max) {
      known_ = false;
      context_.error(code::limit, paths.front().span,
                     fmt::format("the tree is deeper than {} levels", tree_depth_max), "flatten it");
      return;
    }
    for (const Spanned<std::string>& path : paths) {
      const std::string directory = join_path(from, path.value);
      const auto [taken, fresh] = directories_.emplace(directory, path.span);
      if (!fresh) {
        context_
            .error(code::tree, path.span, fmt::format("'{}' is in the tree already", directory),
                   "name it once")
            .related.push_back({taken->second, "first named here"});
        continue;
      }
      auto list = read(directory, path.span);
      if (!list) continue;
      sort_by_kind(*list, false);
      DocumentList apps = std::move(documents("App"));
      const std::size_t outer = std::exchange(depth_, depth);
      read_apps(apps, directory, out);
      depth_ = outer;
    }
  }

  void report_unused_patches() {
    if (!known_) return;  // the app may be in what could not be read
    std::vector<std::string> names;
    for (const auto& [name, span] : app_names_) names.push_back("app/" + name);
    std::sort(names.begin(), names.end());
    for (const auto& [name, patches] : patches_by_app_) {
      if (patched_.contains(name)) continue;
      context_.error(code::patch, patches->target.span, fmt::format("there is no app '{}'", name),
                     suggest(patches->target.value, names));
    }
  }

  BundleSource& source_;
  Context context_;
  std::shared_ptr<Model> model_;
  std::map<std::string, DocumentList> by_kind_;
  std::vector<AppPatches> patches_;
  std::map<std::string, const AppPatches*> patches_by_app_;
  std::set<std::string> patched_;
  std::unordered_map<std::string, SourceSpan> app_names_;
  std::unordered_map<std::string, SourceSpan> directories_;
  std::size_t apps_ = 0;
  std::size_t depth_ = 0;
  std::size_t bytes_ = 0;
  Soundness sound_;
  bool known_ = true;  // of every document so far, at least the name was read
};

}  // namespace

Result<std::vector<SourceFilePtr>> BundleSource::files(const std::string& directory) {
  auto found = read(directory);
  if (found) kept_.insert(kept_.end(), found->begin(), found->end());
  return found;
}

ModelPtr load(BundleSource& source, const std::string& environment, Diagnostics& diagnostics, bool* patched) {
  Loader loader(source, diagnostics);
  ModelPtr model = loader.load(environment);
  if (patched != nullptr) *patched = loader.patches_apps();
  diagnostics.sort();
  return model;
}

}  // namespace durward::model

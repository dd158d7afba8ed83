#include "importer/draft.h"

#include <fmt/format.h>

#include <algorithm>

#include "importer/codes.h"
#include "importer/notes.h"
#include "model/load.h"

namespace durward::importer {
namespace {

// The draft's own files, to be loaded as any bundle.
class DraftSource final : public model::BundleSource {
 public:
  explicit DraftSource(const std::vector<DraftFile>& files) : files_(files) {}

  Result<std::vector<SourceFilePtr>> read(const std::string& directory) override {
    std::vector<SourceFilePtr> out;
    for (const DraftFile& file : files_) {
      const auto slash = file.path.rfind('/');
      if ((slash == std::string::npos ? "" : file.path.substr(0, slash)) == directory)
        out.push_back(std::make_shared<SourceFile>(SourceFile{file.path, file.text}));
    }
    return out;
  }

 private:
  const std::vector<DraftFile>& files_;
};

// Writes the draft, and leaves out whatever the bundle language refuses, until it loads.
class Settler {
 public:
  Settler(Context& context, const GatewayDraft& gateway, const RoleBook& roles, std::vector<AppDraft>& apps)
      : context_(context),
        gateway_(gateway),
        roles_(roles),
        apps_(apps),
        source_(shown(context.input.file->path)) {}

  std::vector<DraftFile> settle() {
    for (std::size_t round = 0; round <= lines_max; ++round) {
      std::vector<WrittenApp> written;
      std::vector<DraftFile> files{write_root(gateway_, apps_, roles_, source_)};
      for (const AppDraft& app : apps_) {
        written.push_back(write_app(app, source_));
        files.push_back(written.back().file);
      }
      if (apps_.empty()) return {};
      DraftSource source(files);
      Diagnostics found;
      const auto model = model::load(source, "", found);
      if (!found.has_errors() && model != nullptr) return files;
      if (!mend(found, written)) return {};
    }
    return {};
  }

 private:
  // Takes out the servers and apps that are wrong; false when the trouble lies elsewhere.
  bool mend(const Diagnostics& found, const std::vector<WrittenApp>& written) {
    std::set<std::size_t> gone;
    std::map<std::size_t, std::set<std::size_t>> servers;
    for (const Diagnostic& diagnostic : found.all()) {
      if (diagnostic.severity != Severity::error) continue;
      const std::string path = diagnostic.span.known() ? diagnostic.span.file->path : "";
      const auto at =
          std::find_if(written.begin(), written.end(), [&](const auto& w) { return w.file.path == path; });
      if (at == written.end()) {
        root_refused(diagnostic);
        continue;
      }
      const auto app = static_cast<std::size_t>(at - written.begin());
      const auto server = at->servers.find(diagnostic.span.line);
      if (server != at->servers.end() && !apps_[app].upstream.made_up) {
        if (servers[app].insert(server->second).second)
          say(apps_[app].upstream.servers[server->second].line, diagnostic);
      } else if (gone.insert(app).second) {
        for (const std::uint32_t line : apps_[app].lines()) context_.ledger.lost(line, text(diagnostic));
        warn(apps_[app].backend->line, diagnostic);
      }
    }
    for (const auto& [app, indexes] : servers) remove(apps_[app], indexes);
    for (auto app = gone.rbegin(); app != gone.rend(); ++app)
      apps_.erase(apps_.begin() + static_cast<std::ptrdiff_t>(*app));
    return !gone.empty() || !servers.empty();
  }

  static std::string text(const Diagnostic& diagnostic) {
    return fmt::format("the bundle language refuses it: {}", shown(diagnostic.message));
  }

  void warn(std::uint32_t line, const Diagnostic& diagnostic) {
    context_.diagnostics.warning(code::refused.id, context_.span(line), text(diagnostic),
                                 "it is left out of the draft: write that part by hand");
  }

  void say(std::uint32_t line, const Diagnostic& diagnostic) {
    context_.ledger.lost(line, text(diagnostic));
    warn(line, diagnostic);
  }

  void root_refused(const Diagnostic& diagnostic) {
    context_.diagnostics.error(code::refused.id, context_.span(1), text(diagnostic),
                               "write the bundle by hand");
  }

  static void remove(AppDraft& app, const std::set<std::size_t>& indexes) {
    auto& servers = app.upstream.servers;
    for (auto at = indexes.rbegin(); at != indexes.rend(); ++at)
      servers.erase(servers.begin() + static_cast<std::ptrdiff_t>(*at));
    if (!servers.empty()) return;
    app.upstream.made_up = true;
    servers.push_back({made_up_server(*app.backend), app.backend->line});
  }

  Context& context_;
  const GatewayDraft& gateway_;
  const RoleBook& roles_;
  std::vector<AppDraft>& apps_;
  std::string source_;
};

bool within_bounds(const Input& input, Draft& draft, Diagnostics& diagnostics) {
  const std::string& text = input.file->text;
  const std::size_t lines = count_lines(text);
  if (text.size() <= config_bytes_max && lines <= lines_max) return true;
  const bool bytes = text.size() > config_bytes_max;
  diagnostics.error(code::limit.id, {draft.display.get(), 1, 1, 1},
                    bytes ? fmt::format("the file has more than {} bytes", config_bytes_max)
                          : fmt::format("the file has more than {} lines", lines_max),
                    "import it in parts");
  return false;
}

// Those that a listener of the gateway can stand for: HTTP, and leading somewhere or to https.
bool publishes(const FrontendDraft& frontend, const Rules& rules) {
  const bool upgrades = std::any_of(rules.sets.begin(), rules.sets.end(), [](const auto& set) {
    return std::any_of(set.begin(), set.end(), [](const Rule& r) { return r.act == Rule::Act::upgrade; });
  });
  return !frontend.hosts.empty() || upgrades;
}

}  // namespace

const char* about_word(Question::About about) {
  switch (about) {
    case Question::About::addresses:
      return "addresses";
    case Question::About::login:
      return "login";
    case Question::About::users:
      return "users";
    case Question::About::host:
      break;
  }
  return "host";
}

Draft make_draft(const Input& input, Diagnostics& diagnostics) {
  Draft draft;
  draft.display = without_secrets(*input.file);
  if (!within_bounds(input, draft, diagnostics)) return draft;
  Ledger ledger(count_lines(input.file->text));
  Context context{input, draft.display, diagnostics, ledger};
  const Config config = parse_config(context);
  RoleBook roles(config);
  Router router(context, config, roles);
  std::vector<const Section*> published;
  std::vector<FrontendDraft> frontends;
  for (const bool tls : {true, false}) {  // a host is the TLS listener's before the plain one's
    for (const Section& section : config.sections) {
      if (section.kind == "backend" || !section.proxy() || !section.http() || speaks_tls(section) != tls)
        continue;
      if (section.last("disabled") != nullptr) continue;
      FrontendDraft frontend = router.route(section, tls);
      if (publishes(frontend, router.rules_of(section))) published.push_back(&section);
      frontends.push_back(std::move(frontend));
    }
  }
  for (const Section& section : config.sections)
    if (section.kind == "backend" && section.http()) router.rules_of(section);
  const GatewayDraft gateway = read_gateway(context, published);
  const auto timeout = gateway.timeouts.find("server");
  auto apps = make_apps(context, config, frontends,
                        timeout == gateway.timeouts.end() ? "30s" : timeout->second, roles);
  draft.files = Settler(context, gateway, roles, apps).settle();
  if (draft.files.empty()) apps.clear();
  if (apps.empty() && !diagnostics.has_errors())
    diagnostics.warning(code::nothing.id, context.span(1), "no frontend of mode http leads to a backend",
                        "Durward publishes HTTP: see the report for what became of each line");
  const Standing standing{config, router, roles, gateway, apps};
  note_lines(context, standing);
  draft.questions = questions(context, standing);
  draft.lines = ledger.lines();
  draft.apps = apps.size();
  for (const AppDraft& app : apps) draft.routes += app.routes.size();
  diagnostics.sort();
  return draft;
}

}  // namespace durward::importer

#include "model/print.h"

#include "bundle/print.h"
#include "model/language.h"

namespace durward::model {
namespace {

class Printer {
 public:
  explicit Printer(const Model& model) : model_(model), printing_{&model.gateway.acr} {}

  std::vector<PrintedFile> print() {
    add("", gateway_document().encode(model_.gateway, printing_));
    for (const auto& [name, provider] : model_.providers)
      add("", provider_document().encode(provider, printing_));
    for (const auto& [name, role] : model_.roles) add("", role_document().encode(role, printing_));
    for (const auto& [name, credential] : model_.credentials)
      add("", credential_document().encode(credential, printing_));
    if (!model_.environment.empty()) add("", environment_document().encode(environment(), printing_));
    for (const App* app : model_.all_apps()) add(app->directory, app_document().encode(*app, printing_));
    return std::move(files_);
  }

 private:
  Environment environment() const {
    Environment out;
    out.name.value = model_.environment;
    out.vars = model_.variables;
    if (const auto domain = out.vars.extract("domain"))
      out.domain = Spanned<std::string>{domain.mapped(), {}};
    return out;
  }

  // Apps of one directory follow each other, but for those of its children in between.
  void add(const std::string& directory, const Node& document) {
    auto [slot, fresh] = index_.emplace(directory, files_.size());
    if (fresh) files_.push_back({directory, ""});
    std::string& text = files_[slot->second].text;
    if (!text.empty()) text += "---\n";
    text += bundle::print(document);
  }

  const Model& model_;
  Printing printing_;
  std::vector<PrintedFile> files_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace

std::vector<PrintedFile> print_files(const Model& model) {
  return Printer(model).print();
}

std::string print(const Model& model) {
  std::string out;
  for (const PrintedFile& file : print_files(model))
    out += fmt::format("# {}\n{}", file.directory.empty() ? "." : file.directory, file.text);
  return out;
}

}  // namespace durward::model

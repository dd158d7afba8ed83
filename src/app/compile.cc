#include "app/compile.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "model/address.h"
#include "sys/environment.h"
#include "sys/file_store.h"

namespace durward::app {
namespace {

namespace fs = std::filesystem;

bool is_yaml(const std::string& name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

// HAProxy reads certificates of upstreams' authorities from files, so these credentials must be files.
generation::CredentialPaths authority_paths(const model::Model& model, const std::string& bundle,
                                            Diagnostics& diagnostics) {
  generation::CredentialPaths out;
  for (const auto* app : model.all_apps()) {
    for (const auto& [name, upstream] : app->upstreams) {
      if (!upstream.tls || !upstream.tls->ca) continue;
      const auto found = model.credentials.find(upstream.tls->ca->value);
      if (found == model.credentials.end()) continue;
      const auto& credential = found->second;
      if (credential.from != model::Credential::From::file) {
        diagnostics.error("APP003", upstream.tls->ca->span,
                          fmt::format("'{}' does not come from a file", credential.name.value),
                          "HAProxy reads an upstream's authority from a file: use 'from: {file: …}'");
        continue;
      }
      out[credential.name.value] = credential_path(credential, bundle);
    }
  }
  return out;
}

bool is_local(const std::string& host) {
  const auto address = model::IpAddress::parse(host);
  return host == "localhost" || (address && model::is_loopback(*address));
}

// Where Durward tells about itself is no application: through a route of one, anybody might read it.
void check_observed(const model::Model& model, const std::string& observed, Diagnostics& diagnostics) {
  const auto colon = observed.rfind(':');
  if (colon == std::string::npos) return;
  std::string host = observed.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string port = observed.substr(colon + 1);
  const bool local = is_local(host) || host == "0.0.0.0" || host == "::";
  for (const auto* app : model.all_apps())
    for (const auto& [name, upstream] : app->upstreams)
      for (const auto& server : upstream.servers)
        if (std::to_string(server.value.port) == port &&
            (server.value.host == host || (local && is_local(server.value.host))))
          diagnostics.error("MDL050", server.span, "Durward's own metrics are served there",
                            "name the application's own server, or start durward with another --metrics");
}

}  // namespace

Result<std::vector<std::string>> bundle_files(const std::string& directory) {
  auto names = sys::list_files(directory);
  if (names) std::erase_if(*names, [](const std::string& name) { return !is_yaml(name); });
  return names;
}

Result<std::vector<SourceFilePtr>> DirectorySource::read(const std::string& directory) {
  const std::string path = directory.empty() ? root_ : root_ + "/" + directory;
  const auto names = bundle_files(path);
  if (!names) return tl::unexpected(names.error());
  std::vector<SourceFilePtr> out;
  for (const auto& name : *names) {
    std::string shown = directory.empty() ? name : directory + "/" + name;
    if (before_reading) before_reading(shown);
    auto text = sys::read_file(path + "/" + name);
    if (!text) return tl::unexpected(text.error());
    out.push_back(std::make_shared<SourceFile>(SourceFile{std::move(shown), std::move(*text)}));
  }
  return out;
}

Compiled compile(const CompileInput& input, const CompileNotes& notes) {
  Compiled out;
  out.source = std::make_unique<DirectorySource>(input.bundle);
  out.source->before_reading = notes.before_reading;
  auto& diagnostics = out.diagnostics;
  out.model = model::load(*out.source, input.environment, diagnostics, notes.patched);
  if (out.model) check_observed(*out.model, input.observed, diagnostics);
  if (out.model && !diagnostics.has_errors()) out.policies = policy::compile(out.model, diagnostics);
  if (out.policies && !diagnostics.has_errors()) {
    const auto paths = authority_paths(*out.model, input.bundle, diagnostics);
    if (!diagnostics.has_errors())
      out.generation = generation::generate(out.policies, input.platform, paths, diagnostics);
  }
  diagnostics.sort();
  out.source->before_reading = nullptr;
  return out;
}

std::string credential_path(const model::Credential& credential, const std::string& bundle) {
  const fs::path path(credential.source.value);
  return path.is_absolute() ? path.string()
                            : fs::absolute(fs::path(bundle) / path).lexically_normal().string();
}

Result<Secret> read_credential(const model::Credential& credential, const std::string& bundle) {
  std::string value;
  if (credential.from == model::Credential::From::env) {
    const auto found = sys::environment(credential.source.value);
    if (!found)
      return fail("APP001", fmt::format("credential '{}': variable {} is not set", credential.name.value,
                                        credential.source.value));
    value = *found;
  } else {
    auto read = sys::read_file(credential_path(credential, bundle));
    if (!read)
      return fail("APP001", fmt::format("credential '{}': {}", credential.name.value, read.error().message),
                  "the file must be readable by the user Durward runs as");
    value = std::move(*read);
  }
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  if (value.empty()) return fail("APP002", fmt::format("credential '{}' is empty", credential.name.value));
  return Secret(std::move(value));
}

}  // namespace durward::app

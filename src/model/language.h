// The language: one codec a kind. Every key, type, bound, word and line of documentation of the bundle is
// written once, in language_*.cc; decoding, printing, patches, hints and the JSON Schema all come from there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/codec.h"
#include "model/model.h"
#include "model/words.h"

namespace durward::model {

// `set: {app/payments: {upstreams.main.servers: [...]}}`, not yet applied.
struct Patch {
  Spanned<std::string> path;
  Node value;
};
struct AppPatches {
  Spanned<std::string> target;  // "app/NAME"
  std::vector<Patch> patches;
};
struct Environment {
  Spanned<std::string> name;
  std::optional<Spanned<std::string>> domain;
  std::map<std::string, std::string> vars;
  std::vector<AppPatches> set;
  SourceSpan span;
};

const Codec<Gateway>& gateway_document();
const Codec<IdentityProvider>& provider_document();
const Codec<Role>& role_document();
const Codec<Credential>& credential_document();
const Codec<Environment>& environment_document();
const Codec<App>& app_document();  // children are read, not resolved

constexpr std::string_view api_version = "durward/v1";

struct Kind {
  const char* name;
  const char* doc;
  bool root_only;
  ShapePtr (*shape)();  // null: a kind of a later release
};
const std::vector<Kind>& kinds();

// `apiVersion` and `kind` in front of the fields of one document.
template <class S>
Codec<S> document(const char* kind, std::string doc, std::vector<Field<S>> metadata,
                  std::vector<Field<S>> spec, Finish<S> finish = {}) {
  const auto fixed = [](std::string name, std::string text, std::string about) {
    const Codec<std::string> codec = constant(text);
    return Field<S>{{std::move(name), codec.shape, Need::required, std::move(about)},
                    [codec](const Node& node, S&, Context& context) {
                      std::string unused;
                      return codec.decode(node, unused, context);
                    },
                    [codec, text](const S&, const Printing& printing) -> std::optional<Node> {
                      return codec.encode(text, printing);
                    },
                    true};
  };
  std::vector<Field<S>> fields{fixed("apiVersion", std::string(api_version), "The version of the language"),
                               fixed("kind", kind, std::move(doc)),
                               nested<S>("metadata", "Its name", std::move(metadata), Need::required),
                               nested<S>("spec", "What it says", std::move(spec), Need::required)};
  return object<S>("a resource", std::move(fields), std::move(finish));
}

// `apps: [{path: payments}]` of a Gateway and of an App.
struct Child {
  Spanned<std::string> path;
};
const Codec<Child>& child();

template <class S>
Field<S> children_field() {
  const auto codec = list_of<Child>(child());
  return {{"apps", codec.shape, Need::optional, "Directories of further apps, below this one's"},
          [codec](const Node& node, S& out, Context& context) {
            std::vector<Child> children;
            const bool good = codec.decode(node, children, context);
            for (Child& c : children) out.child_paths.push_back(std::move(c.path));
            return good;
          },
          [codec](const S& value, const Printing& printing) -> std::optional<Node> {
            std::vector<Child> children;
            for (const auto& path : value.child_paths) children.push_back({path});
            return codec.encode(children, printing);
          }};
}

}  // namespace durward::model

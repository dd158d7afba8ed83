// The tables of what only the root bundle declares: gateway, providers, roles, credentials, environments.
#include <algorithm>

#include "model/language.h"

namespace durward::model {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// ---- Gateway ---------------------------------------------------------------------------------------

const Codec<Listener>& listener() {
  static const Codec<Listener> codec = object<Listener>(
      "a listener",
      {required("bind", &Listener::bind, list_of<Spanned<Bind>>(bind_word(), {.max = 64}),
                "Addresses with their ports; IPv6 in brackets"),
       nested<Listener>("tls", "Serve TLS",
                        {required("certificates", &Listener::certificates, text_word(),
                                  "A directory of PEM files (chain and key), relative to the root bundle")}),
       {{"redirect", choice<bool>({{"https", true}}).shape, Need::optional,
         "https: answer every request with a redirect to https"},
        [](const Node& node, Listener& out, Context& context) {
          return choice<bool>({{"https", true}}).decode(node, out.redirect_https, context);
        },
        [](const Listener& value, const Printing& printing) -> std::optional<Node> {
          if (!value.redirect_https) return std::nullopt;
          return choice<bool>({{"https", true}}).encode(true, printing);
        }},
       field("proxyProtocol", &Listener::proxy_protocol, boolean_word(),
             "Expect PROXY protocol v1 or v2 from trustedProxies")});
  return codec;
}

Field<Gateway> timeouts() {
  const auto time = [](const char* name, milliseconds Gateway::*member, const char* doc) {
    return field(name, member, milliseconds_word(Duration(1), time_max), doc);
  };
  return nested<Gateway>(
      "timeouts", "How long to wait",
      {time("client", &Gateway::timeout_client, "For the client to speak (default 30s)"),
       time("server", &Gateway::timeout_server, "For an upstream to answer (default 30s)"),
       time("connect", &Gateway::timeout_connect, "For a connection to an upstream (default 5s)"),
       time("tunnel", &Gateway::timeout_tunnel, "For a silent WebSocket (default 1h)")});
}

// Printed always: its default comes from the listeners.
Field<Gateway> public_port() {
  auto port = field("publicPort", &Gateway::public_port, port_word(),
                    "The port in URLs people see; that of the first TLS listener when left out");
  port.always = true;
  return port;
}

std::uint16_t first_tls_port(const Gateway& gateway) {
  for (const Listener& l : gateway.listeners)
    if (l.certificates && !l.bind.empty()) return l.bind.front().value.port;
  return Gateway{}.public_port;
}

// ---- IdentityProvider ------------------------------------------------------------------------------

bool finish_provider(const Node& node, IdentityProvider& out, Context& context) {
  if (out.title.empty()) out.title = out.name.value;
  if (out.scopes.empty()) out.scopes = {"openid"};
  const auto has_sub =
      std::any_of(out.unique.begin(), out.unique.end(), [](const auto& c) { return c.value == "sub"; });
  if (!has_sub) out.unique.insert(out.unique.begin(), {"sub", out.name.span});
  const Node* spec = node.find("spec");
  if (std::find(out.scopes.begin(), out.scopes.end(), "openid") == out.scopes.end()) {
    context.error(code::provider, spec->find("scopes")->span, "scopes lack 'openid'",
                  "add openid: without it there is no login");
    return false;
  }
  if (out.idle <= out.absolute) return true;
  const Node* session = spec->find("session");
  context.error(code::session, session != nullptr ? session->span : out.name.span,
                "the idle lifetime is longer than the absolute one", "make idle the shorter of the two");
  return false;
}

// ---- Role ------------------------------------------------------------------------------------------

Field<MemberLiteral> member(const char* name, MemberLiteral::Kind kind, const Codec<std::string>& codec,
                            const char* doc) {
  return {{name, codec.shape, Need::optional, doc},
          [codec, kind](const Node& node, MemberLiteral& out, Context& context) {
            out.kind = kind;
            out.value.span = node.span;
            return codec.decode(node, out.value.value, context);
          },
          [codec, kind](const MemberLiteral& value, const Printing& printing) -> std::optional<Node> {
            if (value.kind != kind) return std::nullopt;
            return codec.encode(value.value.value, printing);
          },
          true};
}

const Codec<MemberLiteral>& claim_member() {
  static const Codec<MemberLiteral> codec =
      object<MemberLiteral>("a claim's name and value",
                            {required("name", &MemberLiteral::claim, token_word(), "The claim"),
                             required("is", &MemberLiteral::value, text_word(), "Its value, byte for byte")});
  return codec;
}

const Codec<MemberLiteral>& member_literal() {
  static const Codec<MemberLiteral> codec = object<MemberLiteral>(
      "group, claim or person",
      {member("group", MemberLiteral::Kind::group, text_word(), "Everyone in this group of the provider"),
       {{"claim", claim_member().shape, Need::optional, "Everyone whose claim has this value"},
        [](const Node& node, MemberLiteral& out, Context& context) {
          out.kind = MemberLiteral::Kind::claim;
          return claim_member().decode(node, out, context);
        },
        [](const MemberLiteral& value, const Printing& printing) -> std::optional<Node> {
          if (value.kind != MemberLiteral::Kind::claim) return std::nullopt;
          return claim_member().encode(value, printing);
        },
        true},
       member("person", MemberLiteral::Kind::person, email_word(), "One person, by verified e-mail")},
      {}, {"group", "claim", "person"});
  return codec;
}

// ---- Credential ------------------------------------------------------------------------------------

Field<Credential> source(const char* name, Credential::From from, const Codec<std::string>& codec,
                         const char* doc) {
  return {{name, codec.shape, Need::optional, doc},
          [codec, from](const Node& node, Credential& out, Context& context) {
            out.from = from;
            out.source.span = node.span;
            return codec.decode(node, out.source.value, context);
          },
          [codec, from](const Credential& value, const Printing& printing) -> std::optional<Node> {
            if (value.from != from) return std::nullopt;
            return codec.encode(value.source.value, printing);
          },
          true};
}

// ---- Environment -----------------------------------------------------------------------------------

// Values are checked where they land; here only the form is.
Field<Environment> patches() {
  Shape any;
  any.form = Shape::Form::any;
  any.what = "a value";
  Shape by_path;
  by_path.form = Shape::Form::map;
  by_path.what = "values by dotted path";
  by_path.item = std::make_shared<const Shape>(std::move(any));
  by_path.items_max = list_items_max;
  Shape by_app;
  by_app.form = Shape::Form::map;
  by_app.what = "patches by app/NAME";
  by_app.item = std::make_shared<const Shape>(std::move(by_path));
  by_app.key_pattern = "^app/[a-z0-9-]{1,63}$";
  by_app.items_max = apps_max;
  const ShapePtr shape = std::make_shared<const Shape>(std::move(by_app));
  return {{"set", shape, Need::optional,
           "Values that differ here: app/NAME, then a dotted path such as routes.read.timeout"},
          [shape](const Node& node, Environment& out, Context& context) {
            bool good = check_map(node, *shape, context);
            for (const Node& app : node.children) {
              if (node.kind != Node::Kind::mapping || !check_map(app, *shape->item, context)) {
                good = false;
                continue;
              }
              AppPatches& target = out.set.emplace_back();
              target.target = {app.key, app.key_span};
              for (const Node& value : app.children)
                target.patches.push_back({{value.key, value.key_span}, value});
            }
            return good;
          },
          nullptr};
}

}  // namespace

const Codec<Child>& child() {
  static const Codec<Child> codec = object<Child>(
      "{path: DIRECTORY}",
      {required("path", &Child::path, tree_path_word(), "The child's directory, below this one's"),
       later<Child>("after", "ordering by health comes later")});
  return codec;
}

const Codec<Gateway>& gateway_document() {
  static const Codec<Gateway> codec = document<Gateway>(
      "Gateway", "The edge: where it listens, who it trusts, its bounds. One in the estate",
      {required("name", &Gateway::name, name_word(), "Its name in logs and reports")},
      {required("listen", &Gateway::listeners, list_of<Listener>(listener(), {.max = 64}),
                "Where it listens"),
       required("loginHost", &Gateway::login_host, host_word(), "The host of the login pages; no app's"),
       public_port(),
       field("trustedProxies", &Gateway::trusted_proxies,
             list_of<Spanned<Cidr>>(cidr_word(), {.max = sources_per_rule_max}),
             "Networks whose word about the client's address is believed"),
       field("acr", &Gateway::acr, list_of<Spanned<std::string>>(name_word(), {.max = acr_levels_max}),
             "The ladder of login strengths, weakest first"),
       timeouts(),
       nested<Gateway>("limits", "Bounds on a request",
                       {field("body", &Gateway::max_body_bytes, size_word(0, body_bytes_max),
                              "The largest request body (default 64MiB)")}),
       field("lease", &Gateway::lease, seconds_word(Duration(5'000), hours(24)),
             "With Durward gone, everything lapses within this (default 60s)"),
       children_field<Gateway>()},
      [](const Node& node, Gateway& out, Context&) {
        if (node.find("spec")->find("publicPort") == nullptr) out.public_port = first_tls_port(out);
        return true;
      });
  return codec;
}

const Codec<IdentityProvider>& provider_document() {
  using Idp = IdentityProvider;
  const auto tokens = list_of<Spanned<std::string>>(token_word());
  static const Codec<Idp> codec = document<Idp>(
      "IdentityProvider", "An OpenID provider at which people log in",
      {required("name", &Idp::name, name_word(), "Unique among the providers")},
      {field("title", &Idp::title, text_word(), "What people see when they choose; the name when left out"),
       required("issuer", &Idp::issuer, issuer_word(), "Its issuer URL, byte for byte"),
       nested<Idp>("client", "Durward's registration there",
                   {required("id", &Idp::client_id, token_word(), "The client id"),
                    required("secret", &Idp::client_secret, name_word(),
                             "Names the Credential with the client secret")},
                   Need::required),
       field("ca", &Idp::ca, name_word(), "Names a Credential with PEM; the system's store when left out"),
       field("scopes", &Idp::scopes, list_of<std::string>(token_word()),
             "Asked for at login; must hold openid (default [openid])"),
       nested<Idp>("claims", "Which claims say what",
                   {field("groups", &Idp::groups_claim, token_word(), "The groups (default groups)"),
                    field("email", &Idp::email_claim, token_word(), "The e-mail address (default email)")}),
       field("unique", &Idp::unique, tokens,
             "Claims that never change and belong to one person; sub always is"),
       field("acr", &Idp::acr,
             map_of(token_word(), acr_word(), "a mapping of levels by the provider's value"),
             "The provider's acr values on the gateway's ladder"),
       nested<Idp>(
           "session", "How long a login lasts",
           {field("idle", &Idp::idle, seconds_word(minutes(1), time_max), "Without a request (default 30m)"),
            field("absolute", &Idp::absolute, seconds_word(minutes(1), time_max), "In all (default 10h)"),
            field(
                "refresh", &Idp::refresh, seconds_word(Duration(5'000), hours(24)),
                "Claims are read again this often, where the provider gives a refresh token (default 5m)")}),
       nested<Idp>("mayAssert", "What it is believed about",
                   {field("roles", &Idp::may_assert_roles, list_of<Spanned<std::string>>(role_pattern_word()),
                          "Roles, with one trailing *; all when left out"),
                    field("emailDomains", &Idp::email_domains, list_of<Spanned<std::string>>(host_word()),
                          "Domains of e-mail addresses; any when left out")})},
      finish_provider);
  return codec;
}

const Codec<Role>& role_document() {
  static const Codec<Role> codec = document<Role>(
      "Role", "What a person may be: who holds it",
      {required("name", &Role::name, name_word(), "Unique among the roles")},
      {required("members", &Role::members, list_of<MemberLiteral>(member_literal()), "Any of these holds it"),
       field("excludes", &Role::excludes, list_of<Spanned<std::string>>(name_word()),
             "Roles that nobody may hold besides: who holds both holds neither")});
  return codec;
}

const Codec<Credential>& credential_document() {
  static const Codec<Credential> codec = document<Credential>(
      "Credential", "A reference to a secret, never the secret",
      {required("name", &Credential::name, name_word(), "Unique among the credentials")},
      {nested<Credential>(
           "from", "Where its value is",
           {source("file", Credential::From::file, text_word(),
                   "A file: absolute, or relative to the root bundle"),
            source("env", Credential::From::env, env_name_word(), "A variable of Durward's process"),
            later<Credential>("command", "credentials from a command come later")},
           Need::required, {"file", "env"}),
       required("usedBy", &Credential::used_by, list_of<Spanned<std::string>>(user_word()),
                "Who may use it: idp/NAME, app/NAME or app/*"),
       later<Credential>("rotate", "rotation comes later")});
  return codec;
}

const Codec<Environment>& environment_document() {
  static const Codec<Environment> codec = document<Environment>(
      "Environment", "What differs between dev, staging and prod",
      {required("name", &Environment::name, name_word(), "What --env names")},
      {field("domain", &Environment::domain, host_word(), "The value of {env.domain}"),
       field("vars", &Environment::vars, map_of(variable_word(), text_word(), "a mapping of variables"),
             "Values of {env.NAME}"),
       patches()},
      [](const Node& node, Environment& out, Context& context) {
        const Node* vars = node.find("spec")->find("vars");
        if (!out.vars.contains("domain")) return true;
        context.error(code::environment, vars->find("domain")->key_span, "'domain' is a key of its own",
                      "write spec.domain");
        return false;
      });
  return codec;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table{
      {"Gateway", "the edge", true, [] { return gateway_document().shape; }},
      {"IdentityProvider", "where people log in", true, [] { return provider_document().shape; }},
      {"Role", "who holds it", true, [] { return role_document().shape; }},
      {"Credential", "a reference to a secret", true, [] { return credential_document().shape; }},
      {"Environment", "what differs by stage", true, [] { return environment_document().shape; }},
      {"App", "an application", false, [] { return app_document().shape; }},
      {"Template", "parametrised apps come later", true, nullptr},
      {"Elevation", "elevated access comes later", true, nullptr},
  };
  return table;
}

}  // namespace durward::model

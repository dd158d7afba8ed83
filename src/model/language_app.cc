// The table of an App: hosts, upstreams, routes, access.
#include "model/language.h"
#include "model/phrases.h"

namespace durward::model {
namespace {

// ---- access ----------------------------------------------------------------------------------------

// authAge: 15m. Someone who writes a comparison wants a bound that is not in the language.
const Codec<seconds>& auth_age() {
  static const Codec<seconds> codec = [] {
    Codec<seconds> plain = seconds_word(Duration(1'000), time_max);
    const auto decode = plain.decode;
    plain.decode = [decode](const Node& node, seconds& out, Context& context) {
      const bool compared =
          node.kind == Node::Kind::scalar && node.text.find_first_of("<>=!") != std::string::npos;
      if (compared || node.kind == Node::Kind::mapping) {
        context.error(code::age_bound, node.span, "authAge is one upper bound, inclusive",
                      "write authAge: 15m");
        return false;
      }
      return decode(node, out, context);
    };
    return plain;
  }();
  return codec;
}

const Codec<Conditions>& conditions() {
  static const Codec<Conditions> codec = object<Conditions>(
      "conditions",
      {field("acr", &Conditions::acr, acr_word(),
             "The login was at this level of the gateway's ladder, or above"),
       field("authAge", &Conditions::auth_age, auth_age(), "The login is at most this old"),
       field("weekly", &Conditions::weekly,
             list_of<WeeklyWindow>(window_word(), {.max = windows_per_rule_max, .or_single = true}),
             "The time lies in one of these weekly windows"),
       field("source", &Conditions::source,
             list_of<Cidr>(cidr_word(), {.max = sources_per_rule_max, .or_single = true}),
             "The client's address lies in one of these networks"),
       later<Conditions>("share", "sticky shares of traffic come later")},
      [](const Node& node, Conditions&, Context& context) {
        if (!node.children.empty()) return true;
        context.error(code::empty_condition, node.key_span, "the condition says nothing",
                      "give acr, authAge, weekly or source, or leave the key out");
        return false;
      });
  return codec;
}

const Codec<Audience>& role_words() {
  const auto names = list_of<Spanned<std::string>>(name_word());
  static const Codec<Audience> codec =
      object<Audience>("a list of roles, or anyOf, allOf, noneOf",
                       {field("anyOf", &Audience::any_of, names, "Holds at least one of these"),
                        field("allOf", &Audience::all_of, names, "Holds all of these"),
                        field("noneOf", &Audience::none_of, names, "Holds none of these")},
                       [](const Node& node, Audience&, Context& context) {
                         if (!node.children.empty()) return true;
                         context.error(code::empty_condition, node.key_span, "no role is named",
                                       "give anyOf, allOf or noneOf");
                         return false;
                       });
  return codec;
}

// roles: [a, b] is short for {anyOf: [a, b]}.
const Codec<Audience>& roles() {
  static const Codec<Audience> codec = [] {
    const auto names = list_of<Spanned<std::string>>(name_word());
    Shape shape;
    shape.form = Shape::Form::either;
    shape.what = "a list of roles, or anyOf, allOf, noneOf";
    shape.either = {names.shape, role_words().shape};
    return Codec<Audience>{std::make_shared<const Shape>(std::move(shape)),
                           [names](const Node& node, Audience& out, Context& context) {
                             if (node.kind == Node::Kind::mapping)
                               return role_words().decode(node, out, context);
                             return names.decode(node, out.any_of, context);
                           },
                           [names](const Audience& value, const Printing& printing) {
                             if (value.all_of.empty() && value.none_of.empty())
                               return names.encode(value.any_of, printing);
                             return role_words().encode(value, printing);
                           }};
  }();
  return codec;
}

const Codec<Who>& who() {
  static const Codec<Who> codec = choice<Who>({{who_word(Who::anyone), Who::anyone},
                                               {who_word(Who::anonymous), Who::anonymous},
                                               {who_word(Who::signed_in), Who::signed_in}});
  return codec;
}

const Codec<Audience>& audience_object() {
  static const Codec<Audience> codec = object<Audience>(
      "anyone, anonymous, signedIn or {roles: [...]}",
      {{{"roles", roles().shape, Need::required, "By the roles held: a list means any of them"},
        [](const Node& node, Audience& out, Context& context) {
          out.who = Who::roles;
          return roles().decode(node, out, context);
        },
        [](const Audience& value, const Printing& printing) -> std::optional<Node> {
          return roles().encode(value, printing);
        },
        true},
       later<Audience>("elevation", "elevated access comes later")});
  return codec;
}

const Codec<Audience>& audience() {
  static const Codec<Audience> codec = [] {
    Shape shape;
    shape.form = Shape::Form::either;
    shape.what = "anyone, anonymous, signedIn or {roles: [...]}";
    shape.either = {who().shape, audience_object().shape};
    return Codec<Audience>{std::make_shared<const Shape>(std::move(shape)),
                           [](const Node& node, Audience& out, Context& context) {
                             out.span = node.span;
                             if (node.kind != Node::Kind::scalar)
                               return audience_object().decode(node, out, context);
                             return who().decode(node, out.who, context);
                           },
                           [](const Audience& value, const Printing& printing) {
                             return value.who == Who::roles ? audience_object().encode(value, printing)
                                                            : who().encode(value.who, printing);
                           }};
  }();
  return codec;
}

Field<AccessRule> effect(const char* name, Effect which, const char* doc) {
  return {{name, audience().shape, Need::optional, doc},
          [which](const Node& node, AccessRule& out, Context& context) {
            out.effect = which;
            return audience().decode(node, out.audience, context);
          },
          [which](const AccessRule& rule, const Printing& printing) -> std::optional<Node> {
            if (rule.effect != which) return std::nullopt;
            return audience().encode(rule.audience, printing);
          },
          true};
}

const Codec<AccessRule>& access_rule() {
  static const Codec<AccessRule> codec = object<AccessRule>(
      "an access rule",
      {required("id", &AccessRule::id, name_word(), "Names the rule in logs, pages and patches"),
       effect("allow", Effect::allow, "Who is let in. Nothing is open that no rule allows"),
       effect("deny", Effect::deny, "Who is kept out, whatever else allows them"),
       field("routes", &AccessRule::routes, list_of<Spanned<std::string>>(name_word()),
             "Ids of the routes it covers; all of the app's when left out"),
       field("methods", &AccessRule::methods, list_of<Spanned<std::string>>(method_word()),
             "Methods it covers; all when left out"),
       field("when", &AccessRule::when, conditions(), "Applies only when all of this holds"),
       field("unless", &AccessRule::unless, conditions(), "Does not apply when all of this holds"),
       later<AccessRule>("to", "identity routes come later"),
       later<AccessRule>("share", "sticky shares of traffic come later")},
      {}, {"allow", "deny"});
  return codec;
}

// ---- routes and upstreams --------------------------------------------------------------------------

const Codec<Route>& route() {
  static const Codec<Route> codec = object<Route>(
      "a route",
      {required("id", &Route::id, name_word(), "Stable: patches, logs and rules use it"),
       field("methods", &Route::methods, list_of<Spanned<std::string>>(method_word()),
             "Methods it takes; any when left out. HEAD follows GET unless listed"),
       required("path", &Route::path, path_template_word(),
                "Exact path; {name} is one segment that is not empty, {**} at the end is any rest"),
       field("upstream", &Route::upstream, name_word(),
             "A key of upstreams; `main` or the only one when left out"),
       field("cors", &Route::cors, choice<Cors>({{"none", Cors::none}, {"preflight", Cors::preflight}}),
             "preflight: let CORS preflight requests through, never with an identity"),
       field("timeout", &Route::timeout, milliseconds_word(Duration(1), time_max),
             "How long the upstream may take; the gateway's when left out"),
       nested<Route>(
           "limits", "Bounds on a request",
           {field("body", &Route::max_body_bytes, size_word(0, body_bytes_max),
                  "The largest request body; the gateway's when left out"),
            field("stream", &Route::stream_body, boolean_word(),
                  "Take bodies of unknown length and size too: gRPC streams, uploads made on the way "
                  "(default false)")}),
       later<Route>("tail", "routes that take ambiguous paths come later")});
  return codec;
}

const Codec<UpstreamTls>& upstream_tls() {
  static const Codec<UpstreamTls> codec =
      object<UpstreamTls>("a mapping with TLS settings",
                          {field("ca", &UpstreamTls::ca, name_word(),
                                 "Names a Credential with PEM; the system's store when left out"),
                           field("sni", &UpstreamTls::sni, host_word(),
                                 "The name to send and to verify; the server's own when left out")});
  return codec;
}

const Codec<Upstream>& upstream() {
  static const Codec<Upstream> codec = object<Upstream>(
      "an upstream",
      {required("servers", &Upstream::servers,
                list_of<Spanned<Server>>(server_word(), {.max = servers_per_upstream_max}),
                "host:port of each server"),
       field("tls", &Upstream::tls, upstream_tls(),
             "Speak TLS to the servers and verify them; {} for the defaults"),
       field("protocol", &Upstream::protocol,
             choice<UpstreamProtocol>({{"http1", UpstreamProtocol::http1}, {"h2", UpstreamProtocol::h2}}),
             "h2 for gRPC"),
       field("balance", &Upstream::balance,
             choice<Balance>({{"roundrobin", Balance::roundrobin},
                              {"leastconn", Balance::leastconn},
                              {"source", Balance::source}}),
             "How requests are shared out"),
       nested<Upstream>("health", "How to see that a server is well",
                        {required("path", &Upstream::health_path, health_path_word(),
                                  "Asked with GET; 2xx and 3xx are well")})},
      [](const Node& node, Upstream& out, Context&) {
        out.name = {node.key, node.key_span};
        return true;
      });
  return codec;
}

}  // namespace

const Codec<App>& app_document() {
  static const Codec<App> codec = document<App>(
      "App", "An application, a parent of applications, or both",
      {required("name", &App::name, name_word(), "Unique in the estate"),
       field("owner", &App::owner, text_word(), "The team that answers for it"),
       field("labels", &App::labels, map_of(variable_word(), text_word(), "a mapping of labels"),
             "For people and reports")},
      {field("hosts", &App::hosts, list_of<Spanned<std::string>>(host_word(), {.max = hosts_per_app_max}),
             "Host names it answers on; apps may share one"),
       field("upstreams", &App::upstreams, map_of(name_word(), upstream(), "a mapping of upstreams by name"),
             "Where its requests go"),
       field("routes", &App::routes, list_of<Route>(route(), {.max = routes_per_app_max, .item_id = "id"}),
             "What it serves. One request has one route, the most specific"),
       field("access", &App::access,
             list_of<AccessRule>(access_rule(), {.max = rules_per_app_max, .item_id = "id"}),
             "Who may reach it. Their order never matters"),
       children_field<App>(), later<App>("boundary", "ceilings on a subtree come later"),
       later<App>("defaults", "defaults for children come later"),
       later<App>("requires", "service-to-service access comes later"),
       later<App>("asserts", "assertions come later")});
  return codec;
}

}  // namespace durward::model

#include "api/edge.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pages.h"
#include "app/log.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "base/text.h"
#include "session/flow.h"
#include "sys/environment.h"

namespace durward::api {
namespace {

constexpr const char* session_cookie = "__Host-durward";
constexpr const char* nonce_cookie = "__Host-durward-login";
constexpr const char* state_cookie = "__Host-durward-state";
constexpr std::string_view back_channel_path = "/back-channel-logout/";
constexpr unsigned logout_tokens_at_once_max = 4;

std::string set_cookie(const char* name, const std::string& value, const char* same_site, long max_age = -1) {
  std::string out = fmt::format("{}={}; Path=/; Secure; HttpOnly; SameSite={}", name, value, same_site);
  if (max_age >= 0) out += fmt::format("; Max-Age={}", max_age);
  return out;
}

std::string drop_cookie(const char* name, const char* same_site) {
  return set_cookie(name, "", same_site, 0);
}

Reply with_cookie(Reply reply, std::string cookie) {
  reply.headers.emplace_back("set-cookie", std::move(cookie));
  return reply;
}

// What the verdict asked for: "U|ACR|SECONDS" or "B|SECONDS|…".
void read_needs(const std::string& needs, const model::Gateway& gateway, session::Start& start) {
  const auto parts = split(needs, '|');
  if (parts.size() < 2) return;
  const std::string age = parts[0] == "U" && parts.size() > 2 ? parts[2] : parts[0] == "B" ? parts[1] : "-";
  if (age != "-") start.need_age = std::chrono::seconds(std::atoll(age.c_str()));
  if (parts[0] != "U") return;
  for (std::size_t level = 0; level < gateway.acr.size(); ++level)
    if (gateway.acr[level].value == parts[1]) start.need_acr = static_cast<int>(level);
}

// For a label: what a stranger names is not repeated.
std::string known_provider(const app::Estate& estate, const std::string& name) {
  return estate.providers.contains(name) ? name : "unknown";
}

bool satisfies(const session::Login& login, const session::Start& start, std::chrono::sys_seconds now) {
  if (start.need_acr && login.subject.acr < *start.need_acr) return false;
  if (!start.need_age) return true;
  return login.subject.auth_time && now - *login.subject.auth_time <= *start.need_age;
}

}  // namespace

struct Edge::Context {
  const Request& request;
  app::EstatePtr estate;
  std::string host;  // lower case, no port
  std::string port;  // ":8443", or "" for 443
  std::chrono::sys_seconds now;

  const model::Gateway& gateway() const { return estate->model->gateway; }
  std::string origin(const std::string& at) const { return "https://" + at + port; }
  std::string login_origin() const { return origin(gateway().login_host.value); }
  bool on_login_host() const { return host == gateway().login_host.value; }
  std::string callback_url(const std::string& provider) const {
    return login_origin() + "/callback/" + provider;
  }
};

Reply Edge::handle(const Request& request) {
  Context context{request, daemon_.estate(), lower_ascii(request.header("x-forwarded-host")), "",
                  daemon_.clock().now_seconds()};
  // The socket lies in a directory of our own; this is the second lock, since this peer's headers are
  // believed.
  if (!request.peer_uid || (*request.peer_uid != 0 && *request.peer_uid != sys::effective_user()))
    return problem_page({403, "This is not for you", "Only HAProxy speaks here.", "", ""});
  if (!context.estate)
    return problem_page({503, "One moment", "The gateway is starting. Try again in a moment.", "", ""});
  if (context.gateway().public_port != 443) context.port = fmt::format(":{}", context.gateway().public_port);
  if (!request.header("x-durward-login").empty() && !context.on_login_host()) return begin(context);
  const std::string path = request.path();
  if (!context.on_login_host()) {
    if (request.method == "POST" && path == "/.durward/adopt") return adopt(context);
    if (request.method == "POST" && path == "/.durward/logout") return logout_app(context);
    return problem_page({404, "Nothing is published here", "There is no page at this address.", "", ""});
  }
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (get && path == "/") return account(context);
  if (get && path == "/login") return login(context);
  if (get && path == "/signed-out") return signed_out_page(true);
  if (get && path == "/.well-known/jwks.json") return keys();
  if (get && path.starts_with("/callback/")) return callback(context, path.substr(10));
  if (request.method == "POST" && path == "/logout") return logout_here(context);
  if (request.method == "POST" && path.starts_with(back_channel_path))
    return back_channel_logout(context, path.substr(back_channel_path.size()));
  return problem_page({404, "Nothing is published here", "There is no page at this address.", "", ""});
}

Reply Edge::failed(const Context& context, const char* event, const Error& error, Reply page) {
  app::log_error(event, error,
                 {{"request_id", context.request.header("x-request-id")},
                  {"detail", error.hint},
                  {"client", context.request.header("x-durward-peer")}});
  return page;
}

// On an app host, for someone who has to log in: note where they were going, and send them to the login host.
Reply Edge::begin(const Context& context) {
  auto url = session::make_return_url(context.host, context.gateway().public_port, context.request.target);
  if (!url)
    return failed(
        context, "return address refused", url.error(),
        problem_page({400, "This address cannot be returned to", "Log in first, then open it again.",
                      context.request.header("x-request-id"), context.login_origin() + "/login"}));
  const std::string nonce = base64url(daemon_.random().bytes(32));
  session::Start start{.host = context.host,
                       .return_url = *url,
                       .nonce_hash = session::nonce_hash(nonce),
                       .need_acr = {},
                       .need_age = {}};
  read_needs(context.request.header("x-durward-needs"), context.gateway(), start);
  auto sealed = session::seal_start(daemon_.sessions().sealer(), start, context.now);
  if (!sealed)
    return failed(context, "login not begun", sealed.error(),
                  problem_page({500, "The login could not begin", "Try again.",
                                context.request.header("x-request-id"), ""}));
  Reply reply = redirect(context.login_origin() + "/login?start=" + *sealed, 302);
  // None: the ticket comes back by a POST from the login host, which may be another site.
  return with_cookie(std::move(reply), set_cookie(nonce_cookie, nonce, "None", session::start_ttl.count()));
}

std::optional<session::Login> Edge::login_of(const Context& context) {
  const std::string token = context.request.cookie(session_cookie);
  if (token.empty()) return std::nullopt;
  auto found = daemon_.sessions().find_by_login_token(context.gateway().login_host.value, token);
  if (!found) {
    app::log_error("login not looked up", found.error());
    return std::nullopt;
  }
  return *found;
}

Reply Edge::login(const Context& context) {
  const auto query = parse_form(context.request.query());
  if (!query)
    return problem_page(
        {400, "This link is not complete", "Start again at the page you were going to.", "", ""});
  const std::string sealed = query->contains("start") ? query->at("start") : "";
  std::optional<session::Start> start;
  if (!sealed.empty()) {
    auto opened = session::open_start(daemon_.sessions().sealer(), sealed, context.now);
    if (!opened)
      return failed(context, "login start refused", opened.error(),
                    problem_page({400, "This login link is no longer valid",
                                  "Open the page you were going to again; you will be brought back here.",
                                  context.request.header("x-request-id"), ""}));
    start = *opened;
  }
  const auto known = login_of(context);
  if (known && start && satisfies(*known, *start, context.now))
    return finish(context, *known, *start, sealed);
  if (known && !start) return redirect(context.login_origin() + "/");

  const auto& providers = context.estate->providers;
  // A step-up goes back to where the login came from.
  std::string chosen = query->contains("provider") ? query->at("provider") : known ? known->provider : "";
  if (chosen.empty() && providers.size() == 1) chosen = providers.begin()->first;
  if (!providers.contains(chosen)) {
    std::vector<ProviderChoice> choices;
    for (const auto& [name, provider] : providers)
      choices.push_back(
          {provider->settings().title.empty() ? name : provider->settings().title,
           "/login?provider=" + name + (sealed.empty() ? "" : "&start=" + percent_encode(sealed))});
    return choose_page(choices);
  }
  auto& provider = *providers.at(chosen);
  const std::string browser = base64url(daemon_.random().bytes(32));
  session::State state{.provider = chosen,
                       .nonce = base64url(daemon_.random().bytes(32)),
                       .code_verifier = base64url(daemon_.random().bytes(32)),
                       .browser_hash = session::nonce_hash(browser),
                       .max_age = start ? start->need_age : std::nullopt,
                       .start = start};
  auto sealed_state = session::seal_state(daemon_.sessions().sealer(), state, context.now);
  if (!sealed_state)
    return failed(context, "login not begun", sealed_state.error(),
                  problem_page({500, "The login could not begin", "Try again.",
                                context.request.header("x-request-id"), ""}));
  identity::AuthorizationRequest authorization{.redirect_uri = context.callback_url(chosen),
                                               .state = *sealed_state,
                                               .nonce = state.nonce,
                                               .code_verifier = state.code_verifier,
                                               .acr_values = {},
                                               .max_age = state.max_age,
                                               .prompt_login = false,
                                               .login_hint = ""};
  if (start && start->need_acr) authorization.acr_values = provider.acr_values_for(*start->need_acr);
  auto url = provider.authorization_url(authorization);
  if (!url) {
    daemon_.metrics().logins(chosen, "provider_unreachable").Increment();
    return failed(context, "provider not usable", url.error(),
                  problem_page({502, "The identity provider does not answer",
                                "Nobody can log in through it right now. People who are logged in can go on.",
                                context.request.header("x-request-id"),
                                sealed.empty() ? "/login" : "/login?start=" + percent_encode(sealed)}));
  }
  return with_cookie(redirect(*url, 302),
                     set_cookie(state_cookie, browser, "Lax", session::state_ttl.count()));
}

Reply Edge::callback(const Context& context, const std::string& provider_name) {
  const auto refuse = [&](const Error& error, int status, const char* title, const char* text) {
    daemon_.metrics().logins(known_provider(*context.estate, provider_name), "refused").Increment();
    return failed(context, "login refused", error,
                  problem_page({status, title, text, context.request.header("x-request-id"), "/login"}));
  };
  constexpr const char* again = "Start again at the page you were going to.";
  const auto query = parse_form(context.request.query());
  const auto found = context.estate->providers.find(provider_name);
  if (!query || found == context.estate->providers.end() || !query->contains("state"))
    return refuse({"API010", "the callback is incomplete or says something twice", ""}, 400,
                  "This login cannot be completed", again);
  auto state = session::open_state(daemon_.sessions().sealer(), query->at("state"), context.now);
  if (!state) return refuse(state.error(), 400, "This login cannot be completed", again);
  const bool same_browser =
      equal_constant_time(state->browser_hash, session::nonce_hash(context.request.cookie(state_cookie)));
  if (state->provider != provider_name || (!same_browser && !mutant("state-not-bound-to-browser")))
    return refuse({"API011", "the state belongs to another browser or provider", ""}, 400,
                  "This login was begun in another browser", again);
  if (query->contains("error"))
    return refuse(
        {"API012",
         "the provider answered with an error: " + percent_encode(query->at("error").substr(0, 80), " "), ""},
        403, "The identity provider refused the login", "Its administrators can say why.");
  if (!query->contains("code"))
    return refuse({"API010", "the callback has no code", ""}, 400, "This login cannot be completed", again);
  auto identity = found->second->exchange(
      {.code = query->at("code"),
       .redirect_uri = context.callback_url(provider_name),
       .code_verifier = state->code_verifier,
       .nonce = state->nonce,
       .max_age = state->max_age,
       .response_issuer = query->contains("iss") ? std::optional(query->at("iss")) : std::nullopt});
  if (!identity)
    return refuse(identity.error(), 502, "The login could not be verified",
                  "The identity provider's answer was not accepted. Try again.");

  // Never into the session the browser brought: a new token always, and for a step-up only the same person.
  const auto known = login_of(context);
  const bool same = known && known->subject.issuer == identity->issuer && known->subject.sub == identity->sub;
  // The provider may have taken long: by the estate of now, not by that of before.
  const auto estate = daemon_.estate();
  auto issued = same ? daemon_.sessions().step_up(known->id, *identity, *estate->model)
                     : daemon_.sessions().create_login(*identity, *estate->model);
  if (!issued) return refuse(issued.error(), 500, "The login could not be stored", "Try again.");
  if (auto judged = daemon_.judged_by(estate); !judged)
    return refuse(judged.error(), 500, "The login could not be stored", "Try again.");
  if (known && !same) {
    if (auto ended = daemon_.revoke(session::ByLogin{known->id}); !ended)
      return refuse(ended.error(), 500, "The former login could not be ended", "Try again.");
  }
  for (const auto& note : issued->notes)
    app::log_warning("login note", {{"login", issued->login.id}, {"note", note}});
  for (const auto& note : identity->notes)
    app::log_warning("login note", {{"login", issued->login.id}, {"note", note}});
  daemon_.metrics().logins(provider_name, same ? "stepped_up" : "logged_in").Increment();
  app::log_info(same ? "stepped up" : "logged in", {{"login", issued->login.id},
                                                    {"provider", provider_name},
                                                    {"acr", std::to_string(issued->login.subject.acr)}});

  Reply reply =
      state->start ? arrive(context, issued->login, *state->start) : redirect(context.login_origin() + "/");
  reply = with_cookie(std::move(reply), set_cookie(session_cookie, issued->token, "Lax"));
  return with_cookie(std::move(reply), drop_cookie(state_cookie, "Lax"));
}

// Logged in: on to where they were going, when this login is good enough for it.
Reply Edge::arrive(const Context& context, const session::Login& login, const session::Start& start) {
  const std::string id = context.request.header("x-request-id");
  auto sealed = session::seal_start(daemon_.sessions().sealer(), start, context.now);
  if (!sealed)
    return failed(context, "login not completed", sealed.error(),
                  problem_page({500, "The login could not be completed", "Try again.", id, "/login"}));
  if (satisfies(login, start, context.now)) return finish(context, login, start, *sealed);
  return problem_page(
      {403, "This login is not strong enough",
       "The page you were going to needs a stronger or fresher login than the identity provider "
       "made. Choose another way to log in there.",
       id, "/login?start=" + percent_encode(*sealed)});
}

Reply Edge::finish(const Context& context, const session::Login& login, const session::Start& start,
                   const std::string& sealed_start) {
  auto ticket = daemon_.sessions().issue_ticket({.login = login.id,
                                                 .host = start.host,
                                                 .return_url = start.return_url,
                                                 .nonce_hash = start.nonce_hash});
  if (!ticket)
    return failed(context, "no ticket", ticket.error(),
                  problem_page({500, "The login could not be completed", "Try again.",
                                context.request.header("x-request-id"), ""}));
  return adopt_page(context.origin(start.host) + "/.durward/adopt", *ticket, sealed_start,
                    base64url(daemon_.random().bytes(16)));
}

Reply Edge::adopt(const Context& context) {
  const auto refuse = [&](const Error& error) {
    return failed(
        context, "adoption refused", error,
        problem_page({403, "This login cannot be used here", "Open the page you were going to again.",
                      context.request.header("x-request-id"), context.origin(context.host) + "/"}));
  };
  const auto form = parse_form(context.request.body);
  const bool from_login_host = context.request.header("origin") == context.login_origin() &&
                               context.request.header_count("origin") == 1;
  if (!from_login_host && !mutant("adopt-origin-unchecked"))
    return refuse({"API013", "the form did not come from the login host", ""});
  if (!form || !form->contains("ticket") || !form->contains("start"))
    return refuse({"API013", "the form is incomplete", ""});
  auto start = session::open_start(daemon_.sessions().sealer(), form->at("start"), context.now);
  if (!start) return refuse(start.error());
  if (start->host != context.host) return refuse({"API013", "the login was for another host", ""});
  auto issued =
      daemon_.adopt({.ticket = form->at("ticket"),
                     .host = context.host,
                     .return_url = start->return_url,
                     .nonce = context.request.cookie(nonce_cookie),
                     .table_of = [this](std::chrono::seconds idle) { return daemon_.table_letter(idle); }});
  if (!issued) return refuse(issued.error());
  Reply reply = redirect(start->return_url);
  reply = with_cookie(std::move(reply), set_cookie(session_cookie, issued->token, "Lax"));
  return with_cookie(std::move(reply), drop_cookie(nonce_cookie, "None"));
}

// Ends the whole login, then offers the provider to end its own.
Reply Edge::end_login(const Context& context, const session::Login& login) {
  if (auto ended = daemon_.revoke(session::ByLogin{login.id}); !ended)
    return failed(context, "logout failed", ended.error(),
                  problem_page({500, "You could not be logged out", "Try again.",
                                context.request.header("x-request-id"), ""}));
  const auto provider = context.estate->providers.find(login.provider);
  if (provider != context.estate->providers.end()) {
    auto url =
        provider->second->logout_url({.id_token = daemon_.sessions().id_token_of(login),
                                      .post_logout_redirect_uri = context.login_origin() + "/signed-out",
                                      .state = ""});
    if (url && *url) return redirect(**url);
  }
  return redirect(context.login_origin() + "/signed-out");
}

Reply Edge::logout_app(const Context& context) {
  if (context.request.header("origin") != context.origin(context.host))
    return problem_page({403, "Logging out was refused", "The request came from another site.", "", ""});
  const std::string token = context.request.cookie(session_cookie);
  Reply reply = redirect(context.login_origin() + "/signed-out");
  auto session = daemon_.sessions().find_session(session::session_key(context.host, token));
  if (!session)
    return failed(context, "logout failed", session.error(),
                  problem_page({500, "You could not be logged out", "Try again.", "", ""}));
  if (*session) {
    auto login = daemon_.sessions().find((*session)->login);
    if (login && *login) reply = end_login(context, **login);
  }
  return with_cookie(std::move(reply), drop_cookie(session_cookie, "Lax"));
}

Reply Edge::logout_here(const Context& context) {
  if (context.request.header("origin") != context.login_origin())
    return problem_page({403, "Logging out was refused", "The request came from another site.", "", ""});
  Reply reply = redirect(context.login_origin() + "/signed-out");
  if (const auto login = login_of(context)) reply = end_login(context, *login);
  return with_cookie(std::move(reply), drop_cookie(session_cookie, "Lax"));
}

Reply Edge::account(const Context& context) {
  const auto login = login_of(context);
  if (!login) return redirect(context.login_origin() + "/login", 302);
  SignedIn who{.name = login->subject.name,
               .email = login->subject.email.value_or(""),
               .provider = login->provider,
               .level = login->subject.acr >= 0 &&
                                static_cast<std::size_t>(login->subject.acr) < context.gateway().acr.size()
                            ? context.gateway().acr[static_cast<std::size_t>(login->subject.acr)].value
                            : "",
               .roles = {login->subject.roles.begin(), login->subject.roles.end()},
               .hosts = {}};
  for (const auto& [host, key] : login->sessions) who.hosts.push_back(host);
  return account_page(who);
}

// Anybody may call, and a key that is not known yet has to be fetched: a few at a time, so that they never
// take all the threads that logins need.
Reply Edge::back_channel_logout(const Context& context, const std::string& provider) {
  struct Seat {
    std::atomic<unsigned>& taken;
    unsigned before = taken.fetch_add(1);
    ~Seat() { taken.fetch_sub(1); }
  } const seat{logout_tokens_};
  if (seat.before < logout_tokens_at_once_max) return judge_logout_token(context, provider);
  daemon_.metrics().logout_tokens(known_provider(*context.estate, provider), "busy").Increment();
  return {503, {{"cache-control", "no-store"}, {"retry-after", "1"}}, ""};
}

// The provider itself speaks here, not a browser: what it says is believed for its signature alone.
Reply Edge::judge_logout_token(const Context& context, const std::string& provider) {
  const auto answer = [](int status, const std::string& body) {
    return Reply{status, {{"content-type", "application/json"}, {"cache-control", "no-store"}}, body};
  };
  const auto counted = [&](const char* outcome) {
    daemon_.metrics().logout_tokens(known_provider(*context.estate, provider), outcome).Increment();
  };
  const auto refuse = [&](const Error& error) {
    counted("refused");
    return failed(context, "back-channel logout refused", error,
                  answer(400, R"({"error":"invalid_request","error_description":")" + error.code + "\"}"));
  };
  const auto found = context.estate->providers.find(provider);
  const auto form = parse_form(context.request.body);
  if (found == context.estate->providers.end() || !form || !form->contains("logout_token"))
    return refuse({"API014", "the request names no provider of ours, or has no logout token", ""});
  const auto token = found->second->read_logout_token(form->at("logout_token"));
  if (!token) return refuse(token.error());
  const auto ended = daemon_.back_channel_logout(provider, *token);
  if (!ended) return refuse(ended.error());
  counted(ended->logins.empty() ? "nothing_to_end" : "ended");
  app::log_info("back-channel logout",
                {{"provider", provider}, {"logins", std::to_string(ended->logins.size())}});
  return answer(200, "");
}

Reply Edge::keys() {
  return {200,
          {{"content-type", "application/jwk-set+json"}, {"cache-control", "public, max-age=300"}},
          daemon_.public_keys()};
}

}  // namespace durward::api

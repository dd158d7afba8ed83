#include "api/pages.h"

#include <fmt/format.h>

#include "base/text.h"

namespace durward::api {
namespace {

constexpr const char* style =
    ":root{color-scheme:light "
    "dark;--bg:#f5f6f8;--card:#fff;--text:#1b2430;--dim:#566070;--line:#dfe3e8;--accent:#2455c3;"
    "--on:#fff}@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b2129;--text:#e8ecf1;--dim:#"
    "a3adba;"
    "--line:#303844;--accent:#8fb0ff;--on:#10151c}}*{box-sizing:border-box}body{margin:0;min-height:100vh;"
    "display:flex;"
    "align-items:center;justify-content:center;padding:24px;background:var(--bg);color:var(--text);"
    "font:16px/1.55 system-ui,sans-serif}main{width:100%;max-width:460px;background:var(--card);"
    "border:1px solid var(--line);border-radius:14px;padding:36px "
    "40px}.brand{font-size:13px;letter-spacing:.08em;"
    "text-transform:uppercase;color:var(--dim);margin:0 0 20px}h1{font-size:24px;line-height:1.25;margin:0 0 "
    "12px}"
    "p{margin:0 0 14px}.button{display:block;width:100%;padding:12px 16px;margin:12px 0 "
    "0;border:0;border-radius:9px;"
    "background:var(--accent);color:var(--on);font:inherit;font-weight:600;text-align:center;text-decoration:"
    "none;"
    "cursor:pointer}.button:focus-visible{outline:3px solid var(--text);outline-offset:2px}"
    "dl{margin:20px 0;display:grid;grid-template-columns:max-content 1fr;gap:6px 18px;font-size:15px}"
    "dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}";

Reply html(int status, const std::string& title, const std::string& body,
           const std::string& script_nonce = {}, const std::string& form_to = "'self'") {
  Reply reply;
  reply.status = status;
  const std::string script = script_nonce.empty() ? "" : fmt::format("; script-src 'nonce-{}'", script_nonce);
  reply.headers = {
      {"content-type", "text/html; charset=utf-8"},
      {"cache-control", "no-store"},
      {"content-security-policy",
       fmt::format(
           "default-src 'none'; style-src 'unsafe-inline'; form-action {}; frame-ancestors 'none'; base-uri "
           "'none'{}",
           form_to, script)},
      {"x-content-type-options", "nosniff"},
      // Not no-referrer: browsers then say "Origin: null" on a form, and the origin is what adopt and logout
      // check.
      {"referrer-policy", "strict-origin"},
  };
  reply.body = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{} · Durward</title>"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{}</style></head>\n"
      "<body><main><p class=\"brand\">Durward</p>\n{}\n</main></body>\n</html>\n",
      html_escape(title), style, body);
  return reply;
}

std::string row(std::string_view name, const std::string& value) {
  return value.empty() ? "" : fmt::format("<dt>{}</dt><dd>{}</dd>", name, html_escape(value));
}

}  // namespace

Reply choose_page(const std::vector<ProviderChoice>& choices) {
  std::string links;
  for (const auto& choice : choices)
    links += fmt::format("<a class=\"button\" href=\"{}\">{}</a>\n", html_escape(choice.url),
                         html_escape(choice.title));
  return html(200, "Log in", "<h1>Log in</h1>\n<p>Choose where you have your account.</p>\n" + links);
}

Reply adopt_page(const std::string& action, const std::string& ticket, const std::string& start,
                 const std::string& nonce) {
  const std::string body = fmt::format(
      "<h1>You are logged in</h1>\n<p>Taking you back to where you were going.</p>\n"
      "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"ticket\" value=\"{}\">"
      "<input type=\"hidden\" name=\"start\" value=\"{}\"><button class=\"button\">Continue</button></form>\n"
      "<script nonce=\"{}\">document.forms[0].submit()</script>",
      html_escape(action), html_escape(ticket), html_escape(start), html_escape(nonce));
  // Browsers hold every redirect that follows a form to form-action, and a step-up may lead on to any
  // provider.
  return html(200, "Logged in", body, nonce, "https:");
}

Reply account_page(const SignedIn& who) {
  const std::string body = fmt::format(
      "<h1>{}</h1>\n<dl>{}{}{}{}{}</dl>\n<form method=\"post\" action=\"/logout\"><button "
      "class=\"button\">Log out "
      "everywhere</button></form>",
      html_escape(who.name.empty() ? "You are logged in" : who.name), row("E-mail", who.email),
      row("Account", who.provider), row("Login level", who.level), row("Roles", join(who.roles, ", ")),
      row("Logged in at", join(who.hosts, ", ")));
  return html(200, "Your login", body, {}, "https:");
}

Reply signed_out_page(bool at_provider) {
  return html(200, "Logged out",
              fmt::format("<h1>You are logged out</h1>\n<p>All your sessions here have ended.{}</p>\n"
                          "<a class=\"button\" href=\"/login\">Log in again</a>",
                          at_provider ? "" : " Your account's own page may still be logged in."));
}

Reply problem_page(const Problem& problem) {
  std::string body =
      fmt::format("<h1>{}</h1>\n<p>{}</p>", html_escape(problem.title), html_escape(problem.text));
  if (!problem.reference.empty()) body += "\n<dl>" + row("Reference", problem.reference) + "</dl>";
  if (!problem.retry_url.empty())
    body += fmt::format("\n<a class=\"button\" href=\"{}\">Try again</a>", html_escape(problem.retry_url));
  return html(problem.status, problem.title, body);
}

Reply redirect(const std::string& url, int status) {
  return {status, {{"location", url}, {"cache-control", "no-store"}, {"referrer-policy", "no-referrer"}}, ""};
}

}  // namespace durward::api

// The pages HAProxy serves by itself. They are log-format text ("lf-file"): '%' is doubled, and what a
// stranger wrote (host, path) is never in them; ids, reasons and hints come from the gateway's own maps.
#include <fmt/format.h>

#include "generation/config.h"

namespace durward::generation {
namespace {

constexpr const char* style =
    ":root{color-scheme:light "
    "dark;--bg:#f5f6f8;--card:#fff;--text:#1b2430;--dim:#566070;--line:#dfe3e8;--accent:#2455c3}"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b2129;--text:#e8ecf1;--dim:#a3adba;--line:"
    "#303844;"
    "--accent:#8fb0ff}}*{box-sizing:border-box}body{margin:0;min-height:100vh;display:flex;align-items:"
    "center;"
    "justify-content:center;padding:24px;background:var(--bg);color:var(--text);font:16px/1.55 "
    "system-ui,sans-serif}"
    "main{width:100%;max-width:520px;background:var(--card);border:1px solid var(--line);border-radius:14px;"
    "padding:36px 40px}.brand{font-size:13px;letter-spacing:.08em;text-transform:uppercase;color:var(--dim);"
    "margin:0 0 20px}h1{font-size:24px;line-height:1.25;margin:0 0 12px}p{margin:0 0 14px}"
    "dl{margin:22px 0 0;padding-top:18px;border-top:1px solid var(--line);display:grid;"
    "grid-template-columns:max-content 1fr;gap:6px 18px;font-size:14px}dt{color:var(--dim)}"
    "dd{margin:0;overflow-wrap:anywhere;font-family:ui-monospace,monospace}a{color:var(--accent)}";

std::string doubled(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

std::string html(std::string_view title, std::string_view body, std::string_view css) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title>"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{}</style></head>\n"
      "<body><main><p class=\"brand\">Durward</p>\n{}\n</main></body>\n</html>\n",
      title, css, body);
}

constexpr const char* request_id = "<dt>Request</dt><dd>%[unique-id]</dd>";

std::string denied() {
  return html(
      "Access denied",
      fmt::format(
          "<h1>You do not have access to this page</h1>\n<p>%[var(txn.why),map_str(maps/reasons.map)]</p>\n"
          "<p>%[var(txn.hint)]</p>\n<dl><dt>Reason</dt><dd>%[var(txn.why)]</dd><dt>Route</dt>"
          "<dd>%[var(txn.route)]</dd><dt>Rule</dt><dd>%[var(txn.rule_words)]</dd>{}</dl>",
          request_id),
      doubled(style));
}

std::string refused() {
  return html(
      "Request refused",
      fmt::format("<h1>This request was refused</h1>\n<p>%[var(txn.why),map_str(maps/reasons.map)]</p>\n"
                  "<dl><dt>Reason</dt><dd>%[var(txn.why)]</dd>{}</dl>",
                  request_id),
      doubled(style));
}

std::string not_found() {
  return html(
      "Not found",
      fmt::format("<h1>Nothing is published here</h1>\n<p>%[var(txn.why),map_str(maps/reasons.map)]</p>\n"
                  "<dl><dt>Reason</dt><dd>%[var(txn.why)]</dd>{}</dl>",
                  request_id),
      doubled(style));
}

std::string not_ready() {
  return html(
      "One moment",
      fmt::format(
          "<h1>The gateway is getting ready</h1>\n<p>It does not know yet who may go where, so it lets "
          "nobody through. Try again in a moment.</p>\n<dl><dt>Reason</dt><dd>%[var(txn.why)]</dd>{}</dl>",
          request_id),
      doubled(style));
}

constexpr const char* problem =
    "{\"type\":\"urn:durward:problem:%[var(txn.why)]\",\"title\":\"%[var(txn.why),map_str(maps/"
    "reasons.map)]\","
    "\"reason\":\"%[var(txn.why)]\",\"detail\":\"%[var(txn.hint)]\",\"route\":\"%[var(txn.route)]\","
    "\"rule\":\"%[var(txn.rule)]\",\"request_id\":\"%[unique-id]\"}\n";

// Raw HTTP for HAProxy's own errors: no log-format here.
std::string raw(int status, std::string_view phrase, std::string_view title, std::string_view text) {
  const std::string body = html(phrase, fmt::format("<h1>{}</h1>\n<p>{}</p>", title, text), style);
  return fmt::format(
      "HTTP/1.1 {} {}\r\ncontent-type: text/html; charset=utf-8\r\ncache-control: no-store\r\nconnection: "
      "close\r\n"
      "content-length: {}\r\n\r\n{}",
      status, phrase, body.size(), body);
}

}  // namespace

std::map<std::string, std::string> render_pages() {
  return {
      {"denied.html", denied()},
      {"refused.html", refused()},
      {"not_found.html", not_found()},
      {"not_ready.html", not_ready()},
      {"denied.json", problem},
      {"400.http", raw(400, "Bad Request", "This request was refused", "It was not well-formed HTTP.")},
      {"408.http", raw(408, "Request Time-out", "This request took too long", "Send it again.")},
      {"500.http",
       raw(500, "Internal Server Error", "The gateway failed", "Nothing was let through. Try again.")},
      {"502.http",
       raw(502, "Bad Gateway", "The application gave no valid answer", "Its owner has to look at it.")},
      {"503.http",
       raw(503, "Service Unavailable", "This is not available right now",
           "The application, or the gateway's login service, is not running. People who are already "
           "logged in can go on using everything else.")},
      {"504.http", raw(504, "Gateway Time-out", "The application did not answer in time", "Try again.")},
  };
}

}  // namespace durward::generation

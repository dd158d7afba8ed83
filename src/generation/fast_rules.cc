#include "generation/fast_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/mutant.h"
#include "generation/rows.h"
#include "generation/words.h"

namespace durward::generation {
namespace {

// A header without any meaning to the gateway: none that it speaks for, none that changes how the connection
// or the body is read, none that upstreams could take for one of these.
constexpr const char* harmless_header =
    "(?!x-(?:durward|forwarded|original|rewrite|real|envoy|http|method|request)|forwarded|connection:|"
    "upgrade:|"
    "authorization:|transfer-encoding:|service-worker|host:|cookie:|content-length:|content-type: "
    "application/grpc)"
    "[a-z0-9-]+: [\\x20-\\x7e\\x80-\\xff]*+\\r\\n";
// One host in lower case; our cookie once, with others before or behind it.
constexpr const char* host_line = "host: [a-z0-9][a-z0-9.-]*+(?::[0-9]{1,5})?\\r\\n";
constexpr const char* cookie_line =
    "cookie: (?:(?:[\\x21-\\x3a\\x3c-\\x5e\\x60-\\x7e]++|_(?!_Host-durward))++; )*+"
    "__Host-durward=[a-z][A-Za-z0-9_-]{43}"
    "(?:; (?:[\\x21-\\x3a\\x3c-\\x5e\\x60-\\x7e]++|_(?!_Host-durward))++)*+\\r\\n";
// Segments that do not begin with a dot, of characters that never need escaping.
constexpr const char* plain_path = "^(?:(?:/[A-Za-z0-9_~@-][A-Za-z0-9._~@-]*+)++/?|/)$";

class FastRules {
 public:
  FastRules(const ConfigInput& input, const model::Listener& listener, Writer& out)
      : in_(input), listener_(listener), w_(out) {}

  void render() {
    w_.comment(
        "--- the short way: a request with nothing unusual about it, allowed to a session. Everything else "
        "is left to "
        "the rules below, which begin anew");
    plain();
    routing();
    session();
    verdict();
    admit();
    w_.comment("--- all others");
    for (const char* name : {"r", "key", "c", "v", "who"}) w_.line("http-request unset-var(txn.{})", name);
  }

 private:
  std::string map(const char* name) const { return runtime_map(in_.platform, name); }

  void plain() {
    unsigned digits = 0;
    for (auto rest = largest_body(*in_.policies.model); rest >= 10; rest /= 10) ++digits;
    const std::string harmless =
        fmt::format("(?:{}|content-length: [0-9]{{1,{}}}\\r\\n)*+", harmless_header, std::max(1U, digits));
    w_.line("http-request set-var(txn.now) date");
    w_.line(
        "http-request set-var(txn.host) req.fhdr(host),field(1,:) if {{ method GET HEAD POST PUT DELETE }} "
        "{{ path -m "
        "reg {} }} {{ req.hdrs -m reg {} }}",
        quoted(plain_path), quoted(fmt::format("^{0}{1}{0}{2}{0}\\r\\n$", harmless, host_line, cookie_line)));
    if (listener_.certificates && !mutant("fast-sni-unchecked"))
      w_.line(
          "http-request unset-var(txn.host) if {{ ssl_fc_has_sni }} !{{ ssl_fc_sni,lower,strcmp(txn.host) eq "
          "0 }}");
  }

  // As in request_rules.cc, but a step is one substitution: what the row says to drop goes, its state comes
  // before what is left.
  void routing() {
    w_.line(
        "http-request set-var-fmt(txn.k) %[var(txn.host)]%[path]/^%[method]^ if {{ var(txn.host) -m found "
        "}}");
    w_.line("http-request set-var(txn.r) var(txn.k),map_beg(maps/routes.map)");
    std::string ways = "=[|]([^:]*:).*(\\\\^[A-Z]+\\\\^)\\$";
    for (std::size_t n = 1; n < in_.routing.step_lengths.size(); ++n)
      if (in_.routing.step_lengths[n])
        ways += fmt::format("|>{0}[|]([^:]*:)[^:/]*[:/](?:[^/]*/){{{0}}}()", n);
    const std::string next = fmt::format("var(txn.r),concat(,txn.k),regsub('^(?|{})','\\\\1\\\\2')", ways);
    for (unsigned step = 1; step < in_.routing.steps; ++step) {
      w_.line("http-request set-var(txn.k) \"{}\" if {{ var(txn.r) -m beg > = }}", next);
      w_.line(
          "http-request set-var(txn.r) var(txn.k),map_beg(maps/routes.map) if {{ var(txn.r) -m beg > = }}");
    }
    if (in_.routing.steps > 0)
      w_.line("http-request set-var(txn.r) \"{},map_beg(maps/routes.map)\" if {{ var(txn.r) -m beg > = }}",
              next);
  }

  void session() {
    w_.line("http-request set-var(txn.tok) req.cook(__Host-durward) if {{ var(txn.r) -m beg p }}");
    w_.line("http-request set-var(txn.key) var(txn.host),concat(/,txn.tok),sha2(256),bytes(0,16),hex");
    for (std::size_t i = 0; i < in_.login_tables.size(); ++i) {
      const char letter = static_cast<char>('a' + i);
      const std::string which =
          in_.login_tables.size() > 1 ? fmt::format(" {{ var(txn.tok) -m beg {} }}", letter) : "";
      w_.line("http-request track-sc1 var(txn.key) table {0}{1} if{2} {{ var(txn.key),in_table({0}{1}) }}",
              sessions_table, letter, which);
    }
    w_.line("http-request set-var(txn.c) sc1_get_gpt0 if {{ sc1_get_gpc0,sub(txn.now) gt {} }}",
            mutant("fast-end-unchecked") ? "-999999999" : "0");
    w_.line("http-request set-var(txn.auth) sc1_get_gpc1");
  }

  void verdict() {
    w_.line("http-request set-var(txn.v) var(txn.c),concat(.,txn.r),map_beg({})", map(verdicts_map));
    w_.line("http-request set-var(txn.who) var(txn.key),map_str({})", map(identities_map));
    w_.line("acl f_always var(txn.v) -m beg A");
    w_.line("acl f_fresh var(txn.v) -m beg B");
    w_.line("acl f_fresh_enough var(txn.v),field(2,|),add(txn.auth),sub(txn.now) ge 0");
    w_.line("acl f_leased str(lease),map_str({}),sub(txn.now) gt {}", map(switches_map),
            mutant("fast-lease-unchecked") ? "-999999999" : "0");
    w_.line("acl f_open str(gate),map_str({}),sub(proc.started) ge 0", map(switches_map));
  }

  void admit() {
    const ConfigInput& in = in_;
    const bool staged = std::any_of(in.policies.policies.begin(), in.policies.policies.end(),
                                    [](const auto& entry) { return verdict_stages(*entry.second) > 0; });
    const char* whole = staged ? " !{ var(txn.v) -m sub ~ }" : "";
    w_.line(
        "http-request set-var(txn.be) var(txn.r),field(2,|) if f_always {0}{{ var(txn.who) -m found }} "
        "f_leased f_open "
        "|| f_fresh f_fresh_enough {0}{{ var(txn.who) -m found }} f_leased f_open",
        whole);
    w_.line("acl f_allowed var(txn.be) -m found");
    const auto add = [&](const char* name, const char* value, const char* unless = "") {
      w_.line("http-request add-header {} {} if f_allowed{}", name, value, unless);
    };
    add("x-forwarded-for", "%[src]");
    add("x-forwarded-proto", listener_.certificates ? "https" : "http");
    add("x-forwarded-host", "%[var(txn.host)]");
    add("x-durward-user", "%[var(txn.who),field(1,|)]");
    add("x-durward-email", "%[var(txn.who),field(2,|)]", " !{ var(txn.who),field(2,|) -m str -- - }");
    add("x-durward-roles", "%[var(txn.who),field(3,|)]", " !{ var(txn.who),field(3,|) -m str -- - }");
    // Of a row of many hundred bytes field() looks at each, this at those before it.
    add("x-durward-assertion", "\"%[var(txn.who),regsub('^(?:.*?[|]){3}',)]\"");
    if (!mutant("fast-cookie-kept")) our_cookie_goes();
    w_.line("http-request allow if f_allowed");
    w_.line("http-request unset-var(txn.auth)");
  }

  void our_cookie_goes() {
    w_.line("http-request del-header cookie if f_allowed {{ req.fhdr(cookie),length eq 59 }}");
    w_.line(
        "http-request replace-header cookie "
        "'^(?|__Host-durward=[^;]*; ()(.*)|(.*); __Host-durward=[^;]*(.*))$' '\\1\\2' if f_allowed");
  }

  const ConfigInput& in_;
  const model::Listener& listener_;
  Writer& w_;
};

}  // namespace

void render_fast_rules(const ConfigInput& input, const model::Listener& listener, Writer& out) {
  FastRules(input, listener, out).render();
}

}  // namespace durward::generation

#include "session/record.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/mutant.h"
#include "base/text.h"
#include "identity/json.h"
#include "session/versioned.h"

namespace durward::session {
namespace {

using identity::Json;

constexpr std::size_t key_hash_bytes = 16;

// ---- total readers: false when the member is missing or of another type ------------------------------

bool take(const Json& object, const char* name, std::string& out) {
  auto text = identity::string_member(object, name);
  if (text) out = std::move(*text);
  return text.has_value();
}

bool take(const Json& object, const char* name, std::int64_t& out) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return false;
  out = found->get<std::int64_t>();
  return true;
}

bool take(const Json& object, const char* name, sys_seconds& out) {
  std::int64_t count = 0;
  const bool there = take(object, name, count);
  out = sys_seconds(seconds(count));
  return there;
}

bool take(const Json& object, const char* name, seconds& out) {
  std::int64_t count = 0;
  const bool there = take(object, name, count);
  out = seconds(count);
  return there;
}

template <class Add>
bool take_words(const Json& object, const char* name, Add add) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return false;
  for (const Json& word : *found) {
    if (!word.is_string()) return false;
    add(word.get<std::string>());
  }
  return true;
}

bool take(const Json& object, const char* name, Kind& out) {
  std::string word;
  if (!take(object, name, word) || (word != "browser" && word != "bearer")) return false;
  out = word == "bearer" ? Kind::bearer : Kind::browser;
  return true;
}

bool take(const Json& object, const char* name, bool& out) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_boolean()) return false;
  out = found->get<bool>();
  return true;
}

// False when the member is there and of another type.
template <class T>
bool take_optional(const Json& object, const char* name, T& out) {
  return !object.contains(name) || take(object, name, out);
}

const char* word_of(Kind kind) {
  return kind == Kind::bearer ? "bearer" : "browser";
}
std::int64_t count_of(sys_seconds time) {
  return time.time_since_epoch().count();
}

Json json_of(const model::Subject& subject) {
  Json out{{"signed_in", subject.signed_in},
           {"issuer", subject.issuer},
           {"sub", subject.sub},
           {"name", subject.name},
           {"roles", subject.roles},
           {"unknown_roles", subject.unknown_roles},
           {"acr", subject.acr}};
  if (subject.email) out["email"] = *subject.email;
  if (subject.auth_time) out["auth_time"] = count_of(*subject.auth_time);
  return out;
}

bool take(const Json& object, const char* name, model::Subject& out) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_object()) return false;
  if (!take(*found, "signed_in", out.signed_in)) return false;
  std::int64_t acr = -1;
  const bool whole =
      take(*found, "issuer", out.issuer) && take(*found, "sub", out.sub) && take(*found, "name", out.name) &&
      take(*found, "acr", acr) && acr >= -1 && acr < 1'000 &&
      take_words(*found, "roles", [&](std::string role) { out.roles.insert(std::move(role)); }) &&
      take_words(*found, "unknown_roles",
                 [&](std::string role) { out.unknown_roles.insert(std::move(role)); });
  if (!whole) return false;
  out.acr = static_cast<int>(acr);
  if (found->contains("email") && !take(*found, "email", out.email.emplace())) return false;
  return !found->contains("auth_time") || take(*found, "auth_time", out.auth_time.emplace());
}

tl::unexpected<Error> damaged(const std::string& what) {
  return fail("SES008", "the stored " + what + " is damaged", "end it, or restore the state directory");
}

}  // namespace

Result<Json> read_versioned(std::string_view value, const std::string& what) {
  auto object = identity::parse_object(value, "SES008", "the stored " + what);
  if (!object) return object;
  std::int64_t version = 0;
  if (!take(*object, "v", version) || version < 1) return damaged(what);
  if (version > record_version) {
    return fail("SES009", "the stored " + what + " is newer than this program",
                "use the newer program again");
  }
  return object;
}

std::string session_key(std::string_view host, std::string_view token) {
  std::string input(mutant("token-host-unbound") ? "x" : host);
  input += '/';
  input += token;
  std::string out = hex(std::string_view(sha256(input)).substr(0, key_hash_bytes));
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

bool token_shape(std::string_view token) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return token.size() == token_bytes && token[0] >= 'a' && token[0] <= 'z' &&
         token.find_first_not_of(digits) == std::string_view::npos;
}

std::string write(const HostSession& session) {
  return identity::dump({{"v", record_version},
                         {"table", std::string(1, session.table)},
                         {"login", session.login},
                         {"host", session.host},
                         {"kind", word_of(session.kind)},
                         {"created", count_of(session.created)},
                         {"absolute_end", count_of(session.absolute_end)},
                         {"idle", session.idle.count()},
                         {"subject", json_of(session.subject)}});
}

Result<HostSession> read_host_session(std::string_view key, std::string_view value) {
  const auto object = read_versioned(value, "session");
  if (!object) return tl::unexpected(object.error());
  HostSession out;
  out.key = key;
  std::string table;
  const bool whole = take(*object, "table", table) && table.size() == 1 &&
                     take(*object, "login", out.login) && take(*object, "host", out.host) &&
                     take(*object, "kind", out.kind) && take(*object, "created", out.created) &&
                     take(*object, "absolute_end", out.absolute_end) && take(*object, "idle", out.idle) &&
                     take(*object, "subject", out.subject);
  if (!whole) return damaged("session");
  out.table = table[0];
  return out;
}

std::string write(const Login& login) {
  Json out = {{"v", record_version},
              {"kind", word_of(login.kind)},
              {"parent", login.parent},
              {"label", login.label},
              {"provider", login.provider},
              {"claims", login.claims},
              {"id_token", login.id_token},
              {"subject", json_of(login.subject)},
              {"created", count_of(login.created)},
              {"absolute_end", count_of(login.absolute_end)},
              {"idle", login.idle.count()},
              {"login_key", login.login_key},
              {"sessions", login.sessions},
              {"bearers", login.bearers}};
  if (!login.sid.empty()) out["sid"] = login.sid;
  if (login.claims_read != sys_seconds()) out["claims_read"] = count_of(login.claims_read);
  if (!login.refresh_token.empty()) out["refresh_token"] = login.refresh_token;
  if (login.lapsed) out["lapsed"] = true;
  if (!login.last_email.empty()) out["last_email"] = login.last_email;
  return identity::dump(out);
}

Result<Login> read_login(std::string_view id, std::string_view value) {
  const auto object = read_versioned(value, "login");
  if (!object) return tl::unexpected(object.error());
  Login out;
  out.id = id;
  const bool whole =
      take(*object, "kind", out.kind) && take(*object, "parent", out.parent) &&
      take(*object, "label", out.label) && take(*object, "provider", out.provider) &&
      take(*object, "claims", out.claims) && take(*object, "id_token", out.id_token) &&
      take(*object, "subject", out.subject) && take(*object, "created", out.created) &&
      take(*object, "absolute_end", out.absolute_end) && take(*object, "idle", out.idle) &&
      take(*object, "login_key", out.login_key) &&
      take_words(*object, "bearers", [&](std::string id_) { out.bearers.push_back(std::move(id_)); }) &&
      take_optional(*object, "sid", out.sid) && take_optional(*object, "claims_read", out.claims_read) &&
      take_optional(*object, "refresh_token", out.refresh_token) &&
      take_optional(*object, "lapsed", out.lapsed) && take_optional(*object, "last_email", out.last_email);
  const auto sessions = object->find("sessions");
  if (!whole || sessions == object->end() || !sessions->is_object()) return damaged("login");
  for (const auto& [host, key] : sessions->items()) {
    if (!key.is_string()) return damaged("login");
    out.sessions[host] = key.get<std::string>();
  }
  return out;
}

bool same_subject(const model::Subject& a, const model::Subject& b) {
  return json_of(a) == json_of(b);
}

bool HostSession::operator==(const HostSession& other) const {
  return key == other.key && write(*this) == write(other);
}

}  // namespace durward::session

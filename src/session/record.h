// What the store holds about logins: values with a version, written and read here only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/subject.h"

namespace durward::session {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr int record_version = 1;        // a record with a higher `v` is refused, never guessed at
constexpr std::size_t token_bytes = 44;  // a letter and 43 base64url characters (32 random bytes)
constexpr std::size_t sessions_per_login_max = 256;
constexpr std::size_t bearers_per_login_max = 64;

enum class Kind { browser, bearer };

// One row of the data plane: this token, on this host, is this person until then. Immutable for a key but for
// `subject`, which reevaluate() and step_up() of a bearer's login rewrite. Store key `session/<key>`.
struct HostSession {
  std::string key;    // session_key(host, token): 32 upper-case hex digits
  char table = 'a';   // the token's first letter
  std::string login;  // Login::id
  std::string host;   // lower case, no port
  Kind kind = Kind::browser;
  sys_seconds created{};
  sys_seconds absolute_end{};
  seconds idle{};          // 0 = none (bearer)
  model::Subject subject;  // subject.auth_time is the session's; none = counts as too old for any bound
  bool operator==(const HostSession&) const;
};

// A person, signed in once at a provider. Store key `login/<id>`.
struct Login {
  std::string id;  // 22 base64url characters
  Kind kind = Kind::browser;
  std::string parent;    // bearer: the login it was made from; it goes with that one
  std::string label;     // bearer: the name given to it
  std::string provider;  // its name in the model
  std::string claims;    // JSON, restricted to what the model reads
  std::string id_token;  // sealed; for the logout hint
  std::string sid;       // the provider's name for its session; empty when it says none
  // Reading the claims again (refresh.cc): sealed; empty when the provider gave none, and for a bearer, which
  // follows its parent.
  std::string refresh_token;
  sys_seconds claims_read{};  // when the provider last said `claims`
  bool lapsed = false;        // that is too long ago: every attribute is unknown until it says them again
  std::string last_email;     // lapsed: the address it had, so that the person can still be revoked by it
  model::Subject subject;
  sys_seconds created{};
  sys_seconds absolute_end{};
  seconds idle{};
  std::string login_key;  // session_key() of the login host's cookie; empty for a bearer
  std::map<std::string, std::string> sessions;  // host -> key of its HostSession
  std::vector<std::string> bearers;             // ids of the logins made from this one
};

// Upper-case hex of the first 16 bytes of SHA-256(host + "/" + token): HAProxy computes the same.
std::string session_key(std::string_view host, std::string_view token);
bool token_shape(std::string_view token);  // [a-z] and 43 base64url characters

// Errors: SES008 the record is damaged, SES009 it is newer than this program.
std::string write(const HostSession& session);
Result<HostSession> read_host_session(std::string_view key, std::string_view value);
std::string write(const Login& login);
Result<Login> read_login(std::string_view id, std::string_view value);
bool same_subject(const model::Subject& a, const model::Subject& b);

}  // namespace durward::session

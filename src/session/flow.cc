#include "session/flow.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "identity/json.h"
#include "session/record.h"
#include "session/versioned.h"

namespace durward::session {
namespace {

using identity::Json;
using identity::string_member;

constexpr std::uint16_t https_port = 443;
constexpr std::int64_t number_max = 1'000'000'000;

auto malformed() {
  return fail("SES006", "the sealed content is of another version", "begin the login again");
}

Json json_of(const Start& start) {
  Json out{
      {"v", record_version}, {"host", start.host}, {"url", start.return_url}, {"nonce", start.nonce_hash}};
  if (start.need_acr) out["acr"] = *start.need_acr;
  if (start.need_age) out["age"] = start.need_age->count();
  return out;
}

// False when the member is there and is no number of a sane size.
bool take_number(const Json& object, const char* name, std::optional<std::int64_t>& out) {
  const auto found = object.find(name);
  if (found == object.end()) return true;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > number_max) return false;
  out = found->get<std::int64_t>();
  return true;
}

Result<Start> start_of(const Json& object) {
  const auto host = string_member(object, "host");
  const auto url = string_member(object, "url");
  const auto nonce = string_member(object, "nonce");
  std::optional<std::int64_t> acr, age;
  if (!host || !url || !nonce || !take_number(object, "acr", acr) || !take_number(object, "age", age))
    return malformed();
  Start out{.host = *host, .return_url = *url, .nonce_hash = *nonce, .need_acr = {}, .need_age = {}};
  if (acr) out.need_acr = static_cast<int>(*acr);
  if (age) out.need_age = std::chrono::seconds(*age);
  return out;
}

Result<Json> open_json(const Sealer& sealer, std::string_view purpose, std::string_view sealed,
                       std::chrono::sys_seconds now) {
  const auto text = sealer.unseal(purpose, sealed, now);
  if (!text) return tl::unexpected(text.error());
  auto object = read_versioned(*text, "login step");
  return object ? std::move(object) : malformed();
}

std::string origin(std::string_view host, std::uint16_t port) {
  std::string out = "https://" + std::string(host);
  return port == https_port ? out : out + ":" + std::to_string(port);
}

bool safe_target(std::string_view target) {
  const bool one_slash = target.starts_with('/') && !target.starts_with("//");
  return one_slash &&
         std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f && c != '\\' && c != '#'; });
}

auto foreign() {
  return fail("SES007", "the return address is not a plain address on that host");
}

}  // namespace

Result<std::string> seal_start(const Sealer& sealer, const Start& start, std::chrono::sys_seconds now) {
  return sealer.seal("start", identity::dump(json_of(start)), now + start_ttl);
}

Result<Start> open_start(const Sealer& sealer, std::string_view sealed, std::chrono::sys_seconds now) {
  const auto object = open_json(sealer, "start", sealed, now);
  if (!object) return tl::unexpected(object.error());
  return start_of(*object);
}

Result<std::string> seal_state(const Sealer& sealer, const State& state, std::chrono::sys_seconds now) {
  Json out{{"v", record_version},
           {"provider", state.provider},
           {"nonce", state.nonce},
           {"verifier", state.code_verifier},
           {"browser", state.browser_hash}};
  if (state.max_age) out["max_age"] = state.max_age->count();
  if (state.start) out["start"] = json_of(*state.start);
  return sealer.seal("state", identity::dump(out), now + state_ttl);
}

Result<State> open_state(const Sealer& sealer, std::string_view sealed, std::chrono::sys_seconds now) {
  const auto object = open_json(sealer, "state", sealed, now);
  if (!object) return tl::unexpected(object.error());
  State out;
  std::optional<std::int64_t> max_age;
  for (const auto& [name, member] :
       {std::pair{"provider", &out.provider}, std::pair{"nonce", &out.nonce},
        std::pair{"verifier", &out.code_verifier}, std::pair{"browser", &out.browser_hash}}) {
    auto text = string_member(*object, name);
    if (!text) return malformed();
    *member = std::move(*text);
  }
  if (!take_number(*object, "max_age", max_age)) return malformed();
  if (max_age) out.max_age = std::chrono::seconds(*max_age);
  if (const auto start = object->find("start"); start != object->end()) {
    if (!start->is_object()) return malformed();
    auto read = start_of(*start);
    if (!read) return tl::unexpected(read.error());
    out.start = std::move(*read);
  }
  return out;
}

std::string nonce_hash(std::string_view nonce) {
  return sha256_hex(nonce);
}

Result<std::string> make_return_url(std::string_view host, std::uint16_t port, std::string_view target) {
  std::string out = origin(host, port) + std::string(target);
  if (!safe_target(target) || out.size() > return_url_bytes_max) return foreign();
  return out;
}

Status check_return_url(std::string_view url, std::string_view host, std::uint16_t port) {
  const std::string base = origin(host, port);
  if (!url.starts_with(base) || url.size() > return_url_bytes_max) return foreign();
  return safe_target(url.substr(base.size())) ? Status() : foreign();
}

}  // namespace durward::session

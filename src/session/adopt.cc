// How an app host comes to a session: by a ticket, or by a bearer token someone asked for.
#include <algorithm>

#include "base/hash.h"
#include "base/mutant.h"
#include "base/text.h"
#include "session/flow.h"
#include "session/sessions.h"
#include "session/state.h"
#include "session/versioned.h"

namespace durward::session {
namespace {

using identity::Json;
using identity::string_member;

constexpr std::size_t host_bytes_max = 253;
constexpr std::size_t bearer_name_bytes_max = 64;

struct Ticket {
  std::string login, host, return_url, nonce_hash;
  sys_seconds expires{};
  store::Revision modified = 0;
};

std::string ticket_key(const std::string& ticket) {
  return keys::ticket(sha256_hex(ticket));
}

std::string write(const Ticket& ticket) {
  return identity::dump({{"v", record_version},
                         {"login", ticket.login},
                         {"host", ticket.host},
                         {"url", ticket.return_url},
                         {"nonce", ticket.nonce_hash},
                         {"until", ticket.expires.time_since_epoch().count()}});
}

Result<Ticket> read_ticket(const store::Entry& entry) {
  const auto object = read_versioned(entry.value, "ticket");
  if (!object) return tl::unexpected(object.error());
  const auto until = identity::numeric_date(object->value("until", Json()));
  if (!until) return fail("SES008", "the stored ticket is damaged");
  return Ticket{.login = string_member(*object, "login").value_or(""),
                .host = string_member(*object, "host").value_or(""),
                .return_url = string_member(*object, "url").value_or(""),
                .nonce_hash = string_member(*object, "nonce").value_or(""),
                .expires = *until,
                .modified = entry.modified};
}

tl::unexpected<Error> refused(const char* why) {
  return fail("SES011", "the ticket is refused", why);
}

Status judge(const Ticket& ticket, const Redemption& redemption, sys_seconds now) {
  if (now >= ticket.expires) return refused("late");
  if (ticket.host != redemption.host && !mutant("ticket-any-host")) return refused("another host");
  if (ticket.return_url != redemption.return_url) return refused("another return address");
  if (!equal_constant_time(ticket.nonce_hash, nonce_hash(redemption.nonce)))
    return refused("another browser");
  return {};
}

bool sane_host(const std::string& host) {
  return !host.empty() && host.size() <= host_bytes_max &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos;
}

bool sane_name(const std::string& name) {
  return !name.empty() && name.size() <= bearer_name_bytes_max &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
             std::string::npos;
}

Status check_place(const std::string& host, char table) {
  if (!sane_host(host)) return fail("SES012", "the host is not a lower-case name without port");
  if (table < 'a' || table > 'z') return fail("SES012", "the table letter is not a lower-case letter");
  return {};
}

HostSession row_of(const Login& login, const std::string& host, const std::string& token, sys_seconds now) {
  HostSession out;
  out.key = session_key(host, token);
  out.table = token[0];
  out.login = login.id;
  out.host = host;
  out.kind = login.kind;
  out.created = now;
  out.absolute_end = login.absolute_end;
  out.idle = login.idle;
  out.subject = login.subject;
  return out;
}

// Bearers end without a word to the login they were made from.
Status drop_ended_bearers(SessionsState& state, Login& parent) {
  if (parent.bearers.size() < bearers_per_login_max) return {};
  std::vector<std::string> live;
  for (const std::string& id : parent.bearers) {
    const auto stored = state.load(id);
    if (!stored) return tl::unexpected(stored.error());
    if (*stored) live.push_back(id);
  }
  parent.bearers = std::move(live);
  return {};
}

// The live browser login of that person which ends last.
Result<std::string> login_of_person(Sessions& sessions, const std::string& person) {
  const auto logins = sessions.list();
  if (!logins) return tl::unexpected(logins.error());
  const Login* best = nullptr;
  for (const Login& login : *logins) {
    const bool usable = login.kind == Kind::browser && !login.login_key.empty();  // not idled away
    if (!usable || login.subject.email != lower_ascii(person)) continue;
    if (best == nullptr || login.absolute_end > best->absolute_end) best = &login;
  }
  if (best == nullptr) {
    return fail("SES010", "nobody with that verified e-mail address is signed in",
                "a token carries the roles of a live login: ask the person to sign in first");
  }
  return best->id;
}

}  // namespace

Result<std::string> Sessions::issue_ticket(const TicketRequest& request) {
  if (auto checked = check_place(request.host, 'a'); !checked) return tl::unexpected(checked.error());
  const bool sane = !request.return_url.empty() && request.return_url.size() <= return_url_bytes_max &&
                    request.nonce_hash.size() == nonce_hash("").size();
  if (!sane) return fail("SES012", "the return address or the nonce's hash is malformed");
  const auto stored = state_->load_live(request.login);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) return fail("SES010", "there is no such login, or it has ended");
  std::string ticket = state_->new_token('t');
  const Ticket record{.login = request.login,
                      .host = request.host,
                      .return_url = request.return_url,
                      .nonce_hash = request.nonce_hash,
                      .expires = state_->now() + ticket_ttl,
                      .modified = 0};
  const auto committed =
      state_->options.store.transact({.compares = {{keys::revoked(request.login), 0}},
                                      .puts = {{.key = ticket_key(ticket), .value = write(record)}},
                                      .deletes = {}});
  if (!committed) return tl::unexpected(committed.error());
  if (!committed->applied) return fail("SES010", "there is no such login, or it has ended");
  return ticket;
}

Result<IssuedSession> Sessions::redeem_ticket(const Redemption& redemption) {
  if (auto checked = check_place(redemption.host, 'a'); !checked) return tl::unexpected(checked.error());
  if (!token_shape(redemption.ticket)) return refused("malformed");
  const std::string key = ticket_key(redemption.ticket);
  const auto entry = state_->options.store.get(key);
  if (!entry) return tl::unexpected(entry.error());
  if (!*entry) return refused("unknown or used");
  const auto ticket = read_ticket(**entry);
  if (!ticket) return tl::unexpected(ticket.error());
  // Spent by being shown, whatever comes of it. Whoever loses this transaction was not the first to show it.
  store::Transaction spending{.compares = {{key, ticket->modified}}, .puts = {}, .deletes = {key}};
  if (mutant("ticket-reusable")) spending.deletes.clear();
  const auto spent_for_nothing = [&](const Error& why) -> Result<IssuedSession> {
    const auto spent = state_->options.store.transact(spending);
    if (!spent) return tl::unexpected(spent.error());
    return spent->applied ? tl::unexpected(why) : refused("unknown or used");
  };
  if (auto judged = judge(*ticket, redemption, state_->now()); !judged)
    return spent_for_nothing(judged.error());

  IssuedSession out;
  const auto changed =
      state_->change_live(ticket->login, [&](Login& login, store::Transaction& transaction) -> Status {
        // With the session it buys, in one commit: between the two lies a wait for the disk.
        const auto still = state_->options.store.get(key);
        if (!still) return tl::unexpected(still.error());
        if (!*still || (*still)->modified != ticket->modified) return refused("unknown or used");
        transaction = spending;
        const char table = redemption.table_of ? redemption.table_of(login.idle) : 'a';
        if (auto checked = check_place(redemption.host, table); !checked) return checked;
        out.token = state_->new_token(table);
        out.session = row_of(login, redemption.host, out.token, state_->now());
        const auto former = login.sessions.find(redemption.host);
        if (former != login.sessions.end()) transaction.deletes.push_back(keys::session(former->second));
        if (former == login.sessions.end() && login.sessions.size() >= sessions_per_login_max) {
          return fail("SES014", "the login has sessions on too many hosts");
        }
        login.sessions[redemption.host] = out.session.key;
        transaction.puts.push_back(put_session(out.session));
        return {};
      });
  if (!changed) return spent_for_nothing(changed.error());
  return out;
}

Result<IssuedSession> Sessions::create_bearer(const BearerRequest& request) {
  if (auto checked = check_place(request.host, request.table); !checked)
    return tl::unexpected(checked.error());
  if (!sane_name(request.name)) return fail("SES012", "the token's name is not 1 to 64 of [A-Za-z0-9._-]");
  if (request.ttl < seconds(1) || request.ttl > bearer_ttl_max) {
    return fail("SES012", "the token's life is not between one second and 30 days");
  }
  auto parent_id = request.login.empty() ? login_of_person(*this, request.person) : request.login;
  if (!parent_id) return tl::unexpected(parent_id.error());
  IssuedSession out;
  out.token = state_->new_token(request.table);
  Login bearer;
  bearer.id = state_->new_id();
  const auto change = [&](Login& parent, store::Transaction& transaction) -> Status {
    if (parent.kind != Kind::browser) return fail("SES012", "a bearer token cannot make others");
    if (auto dropped = drop_ended_bearers(*state_, parent); !dropped) return dropped;
    if (parent.bearers.size() >= bearers_per_login_max)
      return fail("SES014", "the login has too many tokens");
    const sys_seconds now = state_->now();
    if (now + request.ttl > parent.absolute_end) {
      return fail("SES012", "the token would outlive the login it is made from",
                  "that login ends in " + std::to_string((parent.absolute_end - now).count()) + " seconds");
    }
    bearer.kind = Kind::bearer;
    bearer.parent = parent.id;
    bearer.label = request.name;
    bearer.provider = parent.provider;
    bearer.claims = parent.claims;
    bearer.subject = parent.subject;
    bearer.sid = parent.sid;
    bearer.claims_read = parent.claims_read;
    bearer.lapsed = parent.lapsed;
    bearer.last_email = parent.last_email;
    bearer.created = now;
    bearer.absolute_end = now + request.ttl;
    out.session = row_of(bearer, request.host, out.token, now);
    bearer.sessions = {{request.host, out.session.key}};
    parent.bearers.push_back(bearer.id);
    transaction.compares.push_back({keys::login(bearer.id), 0});
    transaction.puts.push_back(put_login(bearer));
    transaction.puts.push_back(put_session(out.session));
    return {};
  };
  if (const auto changed = state_->change_live(*parent_id, change); !changed)
    return tl::unexpected(changed.error());
  state_->remember(bearer, {});
  return out;
}

}  // namespace durward::session

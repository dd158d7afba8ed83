// How logins end, by hand or by time, and how they change with the model.
#include <algorithm>

#include "base/text.h"
#include "session/sessions.h"
#include "session/state.h"
#include "session/versioned.h"

namespace durward::session {
namespace {

constexpr seconds sweep_interval{60};
// Times of last use are many and never urgent: few at a time, with pauses in which those who end or begin a
// session get at the store.
constexpr std::size_t seen_at_once_min = 128, seen_at_once_max = 1'024;
constexpr std::size_t logins_per_seen_at_once = 1'000;
constexpr std::size_t seen_transactions_a_round = 16;
constexpr std::chrono::milliseconds seen_pause{20};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

bool strikes(const RevokeWhom& whom, const Login& login) {
  return std::visit(
      Overloaded{[&](const ByLogin& by) { return login.id == by.id; },
                 [&](const ByPerson& by) {
                   const std::string email = lower_ascii(by.email);
                   return login.subject.email == email || (login.lapsed && login.last_email == email);
                 },
                 [&](const BySubject& by) {
                   return login.subject.issuer == by.issuer && login.subject.sub == by.sub;
                 },
                 [&](const ByProvider& by) {
                   return login.provider == by.provider && (by.sid.empty() || login.sid == by.sid) &&
                          (by.sub.empty() || login.subject.sub == by.sub);
                 },
                 [](const Everyone&) { return true; }},
      whom);
}

// What the revocation names in the index; nothing when it names nobody in particular.
std::optional<std::uint64_t> mark_of(const RevokeWhom& whom) {
  if (const auto* by = std::get_if<ByPerson>(&whom)) return mark(MarkKind::email, lower_ascii(by->email));
  if (const auto* by = std::get_if<BySubject>(&whom)) return mark(MarkKind::sub, by->sub);
  if (const auto* by = std::get_if<ByProvider>(&whom)) {
    if (!by->sid.empty()) return mark(MarkKind::sid, by->sid);
    if (!by->sub.empty()) return mark(MarkKind::sub, by->sub);
  }
  return std::nullopt;
}

std::vector<std::string> due(SessionsState& state) {
  std::vector<std::string> out;
  const sys_seconds now = state.now();
  for_each_login(state.index, [&](const std::string& id, const Index::Entry& entry) {
    if (now >= entry.absolute_end || (entry.idle.count() > 0 && now - entry.seen >= entry.idle))
      out.push_back(id);
  });
  return out;
}

// Times of last use that the store does not have yet, at their pace: `most` or some more; the others have
// their turn in the next rounds.
std::vector<store::Put> unwritten(SessionsState& state, std::size_t most) {
  std::vector<store::Put> out;
  std::string last = state.index.lock()->seen_upto;
  do {
    for_some_logins(state.index, last, [&](const std::string& id, Index::Entry& entry) {
      if (entry.seen < entry.written + seen_interval || entry.idle.count() == 0) return;
      entry.written = entry.seen;
      out.push_back(
          {.key = keys::seen(id),
           .value = identity::dump({{"v", record_version}, {"at", entry.seen.time_since_epoch().count()}})});
    });
  } while (!last.empty() && out.size() < most);
  state.index.lock()->seen_upto = last;
  return out;
}

Status write_seen(SessionsState& state) {
  const std::size_t at_once = std::clamp(state.index.lock()->logins.size() / logins_per_seen_at_once,
                                         seen_at_once_min, seen_at_once_max);
  const std::vector<store::Put> puts = unwritten(state, at_once * seen_transactions_a_round);
  for (std::size_t begin = 0; begin < puts.size(); begin += at_once) {
    if (begin > 0) std::this_thread::sleep_for(seen_pause);
    const auto first = puts.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = first + static_cast<std::ptrdiff_t>(std::min(at_once, puts.size() - begin));
    const auto committed =
        state.options.store.transact({.compares = {}, .puts = {first, last}, .deletes = {}});
    if (!committed) return tl::unexpected(committed.error());
  }
  return {};
}

// Tickets nobody came for, tombstones of logins that would be over by now, logout tokens too old to be shown
// again.
Status sweep(SessionsState& state) {
  store::Transaction transaction;
  for (const std::string& prefix : {keys::ticket(""), keys::revoked(""), keys::logout_token("")}) {
    const auto entries = state.options.store.list(prefix);
    if (!entries) return tl::unexpected(entries.error());
    for (const store::Entry& entry : *entries) {
      const auto object = read_versioned(entry.value, "mark");
      if (!object) return tl::unexpected(object.error());
      const auto until = identity::numeric_date(object->value("until", identity::Json()));
      if (!until || *until < state.now()) transaction.deletes.push_back(entry.key);
    }
  }
  if (transaction.deletes.empty()) return {};
  const auto committed = state.options.store.transact(transaction);
  return committed ? Status() : tl::unexpected(committed.error());
}

bool sweep_is_due(SessionsState& state) {
  auto index = state.index.lock();
  if (state.now() < index->swept + sweep_interval) return false;
  index->swept = state.now();
  return true;
}

// A login that has idled away lives on without any token of its own while bearers made from it do and its
// claims can be read again: they follow its. False: it is to end.
Result<bool> live_on_for_bearers(SessionsState& state, const std::string& id, Ended& out) {
  auto stored = state.load(id);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored || state.now() >= (*stored)->login.absolute_end) return false;
  Login login = std::move((*stored)->login);
  if (login.refresh_token.empty()) return false;
  const auto wanted = has_live_bearer(state, login);
  if (!wanted || !*wanted) return wanted;
  const auto former = login.sessions;
  std::vector<HostSession> ended;
  store::Transaction transaction{.compares = {{keys::login(id), (*stored)->modified}, {keys::revoked(id), 0}},
                                 .puts = {},
                                 .deletes = {}};
  if (auto dropped = drop_tokens(state, login, transaction, ended); !dropped)
    return tl::unexpected(dropped.error());
  login.idle = seconds(0);
  transaction.puts.push_back(put_login(login));
  const auto committed = state.options.store.transact(transaction);
  if (!committed) return tl::unexpected(committed.error());
  if (!committed->applied) return true;  // something changed it: looked at again in a moment
  state.remember(login, former);
  std::ranges::move(ended, std::back_inserter(out.sessions));
  return true;
}

}  // namespace

// Reading every login there is would take seconds: the index says who is worth reading.
Result<std::vector<Login>> SessionsState::load_struck(const RevokeWhom& whom) {
  std::vector<Login> out;
  const auto named = mark_of(whom);
  if (!named) {
    auto logins = load_all();
    if (!logins) return logins;
    std::ranges::copy_if(*logins, std::back_inserter(out),
                         [&](const Login& one) { return strikes(whom, one); });
    return out;
  }
  std::vector<std::string> candidates;
  for_each_login(index, [&](const std::string& id, const Index::Entry& entry) {
    if (entry.bearer || std::ranges::find(entry.marks, *named) != entry.marks.end()) candidates.push_back(id);
  });
  for (const std::string& id : candidates) {
    auto stored = load(id);
    if (!stored) return tl::unexpected(stored.error());
    if (*stored && strikes(whom, (*stored)->login)) out.push_back(std::move((*stored)->login));
  }
  return out;
}

Result<bool> has_live_bearer(SessionsState& state, const Login& login) {
  for (const std::string& id : login.bearers) {
    const auto bearer = state.load_live(id);
    if (!bearer) return tl::unexpected(bearer.error());
    if (*bearer) return true;
  }
  return false;
}

Result<std::optional<identity::Evaluated>> judge_again(const Login& login, const model::Model& model) {
  const auto provider = model.providers.find(login.provider);
  if (provider == model.providers.end() || provider->second.issuer.value != login.subject.issuer) {
    return std::nullopt;
  }
  auto evaluated = identity::evaluate(login.claims, provider->second, model);
  if (!evaluated) return tl::unexpected(evaluated.error());
  return std::move(*evaluated);
}

Status put_subject_in_rows(SessionsState& state, const Login& login, store::Transaction& transaction) {
  for (const auto& [host, key] : login.sessions) {
    auto row = state.load_session(key);
    if (!row) return tl::unexpected(row.error());
    if (!*row) continue;
    (*row)->subject = login.subject;
    transaction.puts.push_back(put_session(**row));
  }
  return {};
}

Result<Ended> Sessions::revoke(const RevokeWhom& whom) {
  std::vector<std::string> ids;
  if (const auto* by = std::get_if<ByLogin>(&whom)) {
    ids.push_back(by->id);
  } else {
    const auto found = state_->load_struck(whom);
    if (!found) return tl::unexpected(found.error());
    for (const Login& login : *found) ids.push_back(login.id);
  }
  Ended out;
  if (auto ended = state_->end(ids, true, out); !ended) return tl::unexpected(ended.error());
  return out;
}

Result<std::optional<HostSession>> Sessions::end_session(const std::string& key) {
  const auto row = state_->load_session(key);
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  const auto changed =
      state_->change_live((*row)->login, [&](Login& login, store::Transaction& transaction) -> Status {
        const auto found = login.sessions.find((*row)->host);
        if (found != login.sessions.end() && found->second == key) login.sessions.erase(found);
        transaction.deletes.push_back(keys::session(key));
        return {};
      });
  if (!changed && changed.error().code == "SES010") return std::nullopt;  // it ended meanwhile, with its rows
  if (!changed) return tl::unexpected(changed.error());
  return row;
}

void Sessions::touch(const std::string& key, sys_seconds at) {
  std::string id;
  {
    auto index = state_->index.lock();
    const auto session = index->by_session.lower_bound(key);
    if (session == index->by_session.end() || !session->first.starts_with(key)) return;
    id = session->second;
  }
  state_->saw(id, at);
}

sys_seconds Sessions::last_seen(const Login& login) {
  auto index = state_->index.lock();
  const auto found = index->logins.find(login.id);
  return found == index->logins.end() ? login.created : found->second.seen;
}

Result<Ended> Sessions::expire() {
  std::vector<std::string> ids;
  Ended out;
  for (std::string& id : due(*state_)) {
    const auto lives_on = live_on_for_bearers(*state_, id, out);
    if (!lives_on) return tl::unexpected(lives_on.error());
    if (!*lives_on) ids.push_back(std::move(id));
  }
  if (auto ended = state_->end(ids, false, out); !ended) return tl::unexpected(ended.error());
  {
    auto index = state_->index.lock();
    for (const std::string& id : ids) index->logins.erase(id);  // those that someone else ended, too
  }
  if (auto written = write_seen(*state_); !written) return tl::unexpected(written.error());
  if (sweep_is_due(*state_)) {
    if (auto swept = sweep(*state_); !swept) return tl::unexpected(swept.error());
  }
  return out;
}

Result<Reevaluated> Sessions::reevaluate(const model::Model& model) {
  const auto logins = list();
  if (!logins) return tl::unexpected(logins.error());
  Reevaluated out;
  std::vector<std::string> gone;
  for (const Login& candidate : *logins) {
    std::optional<identity::Evaluated> judged;
    const auto change = [&](Login& login, store::Transaction& transaction) -> Status {
      auto again = judge_again(login, model);
      if (!again) return tl::unexpected(again.error());
      judged = std::move(*again);
      login.subject = judged ? judged->subject : login.subject;
      return put_subject_in_rows(*state_, login, transaction);
    };
    const auto first = judge_again(candidate, model);
    if (!first) return tl::unexpected(first.error());
    if (!*first) gone.push_back(candidate.id);
    if (!*first || same_subject((*first)->subject, candidate.subject)) continue;
    auto changed = state_->change_live(candidate.id, change);
    if (!changed && changed.error().code == "SES010") continue;  // it ended meanwhile
    if (!changed) return tl::unexpected(changed.error());
    if (judged) out.notes.insert(out.notes.end(), judged->notes.begin(), judged->notes.end());
    out.changed.push_back(std::move(*changed));
  }
  if (auto ended = state_->end(gone, true, out.ended); !ended) return tl::unexpected(ended.error());
  return out;
}

}  // namespace durward::session

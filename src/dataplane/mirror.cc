#include "dataplane/mirror.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "generation/rows.h"
#include "sys/file_store.h"

namespace durward::dataplane {
namespace {

constexpr std::string_view session_prefix = "session/";

std::int64_t unix_seconds(sys_seconds at) {
  return at.time_since_epoch().count();
}

std::string session_value(const SessionRow& row) {
  return fmt::format("{}|{}|{}", row.class_id, row.end, row.auth_time);
}

}  // namespace

std::string lease_value(sys_seconds end) {
  return std::to_string(unix_seconds(mutant("lease-not-checked") ? end + std::chrono::hours(24) : end));
}

generation::Rows switch_rows(const std::string& generation, sys_seconds lease_end, std::int64_t gate) {
  return {{"gate", std::to_string(gate)},
          {"generation", generation.empty() ? "-" : generation},
          {"lease", lease_value(lease_end)}};
}

Mirror::Sliced Mirror::only_in(const policy::PolicySet& policies, const policy::PolicySet& other,
                               sys_seconds now) {
  Sliced out;
  for (const auto& [name, policy] : policies.policies)
    if (!other.policies.contains(name)) out.emplace_back(policy.get(), policy::slices(*policy, now));
  return out;
}

void Mirror::add_facts(std::uint32_t number, const policy::Class& subject_class, const Sliced& policies,
                       const model::Gateway& gateway, generation::Rows& out) {
  for (const auto& [policy, slices] : policies)
    for (const auto& slice : slices)
      if (const auto fact = policy::fact(*policy, subject_class, slice))
        out.emplace_back(generation::verdict_key(number, *policy, slice),
                         generation::verdict_value(*fact, gateway));
}

void Mirror::add_all_facts(std::uint32_t number, const policy::Class& subject_class, sys_seconds now,
                           generation::Rows& out) const {
  for (const auto& set : {policies_, wanted_}) {
    if (!set) continue;
    const auto& gateway = set->model->gateway;
    policy::for_each_fact(*set, subject_class, now,
                          [&](const auto& policy, const auto& slice, const auto& fact) {
                            if (set == wanted_ && policies_ && policies_->policies.contains(policy.name))
                              return;
                            out.emplace_back(generation::verdict_key(number, policy, slice),
                                             generation::verdict_value(fact, gateway));
                          });
  }
}

Result<std::uint32_t> Mirror::class_of(const model::Subject& subject, sys_seconds now,
                                       generation::Rows& facts) {
  const policy::Class subject_class = classify(vocabulary_, subject);
  auto number = numbers_.number(subject_class);
  if (!number) return number;
  if (classes_.emplace(*number, subject_class).second) {
    const std::size_t before = facts.size();
    add_all_facts(*number, subject_class, now, facts);
    fact_count_ += facts.size() - before;
  }
  return number;
}

Result<std::string> Mirror::identity_of(const session::HostSession& session) {
  auto row = options_.identity_row(session);
  if (!row || row->size() <= identity_bytes_max) return row;
  problems_.push_back({"DAT031",
                       fmt::format("the identity row of session {} on {} has {} bytes, more than {}",
                                   session.key.substr(0, 16), session.host, row->size(), identity_bytes_max),
                       "hold fewer roles, or shorter names"});
  return std::string();
}

Result<SessionChange> Mirror::admit(const session::HostSession& session, sys_seconds now, Delta& delta) {
  auto number = class_of(session.subject, now, delta.facts);
  if (!number) return tl::unexpected(number.error());
  auto identity = identity_of(session);
  if (!identity) return tl::unexpected(identity.error());
  Entry& entry = sessions_[session.key];
  SessionChange change;
  change.identity_known = !entry.identity.empty();
  change.identity = *identity;
  change.row = {session.key, session.table, *number, unix_seconds(session.absolute_end),
                session.subject.auth_time ? unix_seconds(*session.subject.auth_time) : 0};
  entry = {session, change.row, *identity, now};
  if (session.idle.count() == 0)
    bearers_.insert(session.key);
  else
    bearers_.erase(session.key);
  return change;
}

Result<store::Revision> Mirror::reload(sys_seconds now) {
  auto revision = options_.store.revision();
  if (!revision) return revision;
  auto entries = options_.store.list(std::string(session_prefix));
  if (!entries) return tl::unexpected(entries.error());
  sessions_.clear();
  bearers_.clear();
  classes_ = {{anonymous_class_id, policy::anonymous_class()}};
  Delta ignored;  // a resync sends everything
  for (const auto& entry : *entries) {
    auto session = session::read_host_session(entry.key.substr(session_prefix.size()), entry.value);
    if (!session) return tl::unexpected(session.error());
    if (session->absolute_end <= now) continue;
    if (auto change = admit(*session, now, ignored); !change) return tl::unexpected(change.error());
  }
  fact_count_ = all_facts(now).size();
  return revision;
}

Result<Delta> Mirror::take(const std::vector<store::Change>& changes, sys_seconds now) {
  std::map<std::string, std::optional<std::string>> last;  // a key that changed twice counts as it is now
  for (const auto& change : changes)
    if (change.key.starts_with(session_prefix)) last[change.key.substr(session_prefix.size())] = change.value;
  Delta delta;
  for (const auto& [key, value] : last) {
    if (value) {
      auto session = session::read_host_session(key, *value);
      if (!session) return tl::unexpected(session.error());
      auto change = admit(*session, now, delta);
      if (!change) return tl::unexpected(change.error());
      delta.put.push_back(*change);
    } else if (const auto found = sessions_.find(key); found != sessions_.end()) {
      delta.gone.push_back(found->second.row);
      sessions_.erase(found);
      bearers_.erase(key);
    }
  }
  return delta;
}

Status Mirror::open_transition(const generation::Generation& wanted, sys_seconds now) {
  wanted_ = wanted.policies;
  const auto before = std::exchange(vocabulary_, wanted_->vocabulary);
  if (policies_) vocabulary_.insert(policies_->vocabulary.begin(), policies_->vocabulary.end());
  transition_ = {};
  if (!policies_) {
    auto read = reload(now);
    return read ? Status{} : tl::unexpected(read.error());
  }
  const Sliced fresh = only_in(*wanted_, *policies_, now);
  for (const auto& [number, subject_class] : classes_)
    if (!mutant("forget-a-class-in-update") || number != classes_.rbegin()->first)
      add_facts(number, subject_class, fresh, wanted_->model->gateway, transition_.facts);
  fact_count_ += transition_.facts.size();
  if (vocabulary_ == before) return {};  // nobody's class changes
  for (auto& [key, entry] : sessions_) {
    auto number = class_of(entry.session.subject, now, transition_.facts);
    if (!number) return tl::unexpected(number.error());
    if (*number == entry.row.class_id) continue;
    entry.row.class_id = *number;
    transition_.put.push_back({entry.row, "", true});
  }
  return {};
}

void Mirror::close_transition(sys_seconds now) {
  if (policies_) {
    generation::Rows gone;
    const Sliced former = only_in(*policies_, *wanted_, now);
    for (const auto& [number, subject_class] : classes_)
      add_facts(number, subject_class, former, policies_->model->gateway, gone);
    garbage_ += gone.size();
    fact_count_ -= std::min(fact_count_, gone.size());
  }
  policies_ = std::move(wanted_);
  wanted_ = nullptr;
  transition_ = {};
}

void Mirror::abandon_transition() {
  garbage_ += transition_.facts.size();
  fact_count_ -= std::min(fact_count_, transition_.facts.size());
  wanted_ = nullptr;
  transition_ = {};
}

Result<generation::Rows> Mirror::renew_identities(std::string& last_key, std::size_t count,
                                                  std::chrono::seconds young, sys_seconds now) {
  generation::Rows out;
  auto at = last_key.empty() ? sessions_.begin() : sessions_.upper_bound(last_key);
  last_key.clear();
  for (; at != sessions_.end() && count > 0; ++at, --count) {
    Entry& entry = at->second;
    if (entry.identity_made + young <= now) {
      auto identity = identity_of(entry.session);
      if (!identity) return tl::unexpected(identity.error());
      entry.identity_made = now;
      entry.identity = std::move(*identity);
    }
    if (!entry.identity.empty()) out.emplace_back(at->first, entry.identity);
    last_key = at->first;
  }
  if (at == sessions_.end()) last_key.clear();
  return out;
}

std::vector<std::uint32_t> Mirror::class_numbers() const {
  std::vector<std::uint32_t> out;
  for (const auto& [number, subject_class] : classes_) out.push_back(number);
  return out;
}

void Mirror::facts_of(std::uint32_t number, sys_seconds now, generation::Rows& out) const {
  if (const auto found = classes_.find(number); found != classes_.end())
    add_all_facts(number, found->second, now, out);
}

std::vector<SessionRow> Mirror::bearers() const {
  std::vector<SessionRow> out;
  for (const auto& key : bearers_) out.push_back(sessions_.at(key).row);
  return out;
}

generation::Rows Mirror::all_facts(sys_seconds now) const {
  generation::Rows out;
  for (const auto& [number, subject_class] : classes_) add_all_facts(number, subject_class, now, out);
  std::sort(out.begin(), out.end());
  return out;
}

generation::Rows Mirror::identity_rows() const {
  generation::Rows out;
  for (const auto& [key, entry] : sessions_)
    if (!entry.identity.empty()) out.emplace_back(key, entry.identity);
  return out;
}

generation::Rows Mirror::slot_rows(sys_seconds now) const {
  std::map<std::string, std::string> rows;
  for (const auto& set : {policies_, wanted_})
    if (set)
      for (const auto& [name, policy] : set->policies)
        if (!policy->windows.empty())
          rows.emplace(generation::policy_token(*policy), generation::slot_value(*policy, now));
  return {rows.begin(), rows.end()};
}

sys_seconds Mirror::next_slot_change(sys_seconds now) const {
  sys_seconds next = sys_seconds::max();
  for (const auto& set : {policies_, wanted_})
    if (set)
      for (const auto& [name, policy] : set->policies)
        if (!policy->windows.empty()) next = std::min(next, policy::slot_at(*policy, now).end);
  return next;
}

generation::Rows Mirror::session_rows() const {
  generation::Rows out;
  for (const auto& [key, entry] : sessions_) out.emplace_back(key, session_value(entry.row));
  return out;
}

std::vector<SessionRow> Mirror::table_rows() const {
  std::vector<SessionRow> out;
  for (const auto& [key, entry] : sessions_) out.push_back(entry.row);
  return out;
}

Status Mirror::write_files(const std::string& directory, const generation::Generation& generation,
                           const StartTimes& times) const {
  const auto put = [&](const char* name, const generation::Rows& rows) {
    return sys::write_file(directory + "/" + name, generation::map_text(rows), 0600);
  };
  const bool always = mutant("gate-opens-after-foreign-start");
  const bool serve = always || times.gate != sys_seconds{};
  const auto gate = always ? times.now + std::chrono::hours(24) : times.gate;
  const auto switches =
      switch_rows(generation.name, serve ? times.lease_end : sys_seconds{}, unix_seconds(gate));
  // Without an ordered start nothing here is believed, so nothing need be written but the shut gate.
  if (!serve) return put(generation::switches_map, switches);
  if (auto done = put(generation::verdicts_map, all_facts(times.now)); !done) return done;
  if (auto done = put(generation::identities_map, identity_rows()); !done) return done;
  if (auto done = put(generation::slots_map, slot_rows(times.now)); !done) return done;
  if (!mutant("snapshot-keeps-revoked"))
    if (auto done = put(generation::sessions_map, session_rows()); !done) return done;
  // Last: should we end before, whoever starts HAProxy finds the gate shut and not what held long ago.
  return put(generation::switches_map, switches);
}

}  // namespace durward::dataplane

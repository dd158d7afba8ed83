#include "dataplane/mirror.h"

#include <fmt/format.h>

#include <algorithm>

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

generation::Rows switch_rows(const std::string& generation, sys_seconds lease_end, std::int64_t gate) {
  return {{"gate", std::to_string(gate)},
          {"generation", generation.empty() ? "-" : generation},
          {"lease", std::to_string(unix_seconds(lease_end))}};
}

void Mirror::add_facts(std::uint32_t number, const policy::Class& subject_class,
                       const policy::PolicySet& policies, const std::set<std::string>* only, sys_seconds now,
                       generation::Rows& out) const {
  const auto add = [&](const policy::Policy& policy, const policy::Slice& slice, const policy::Fact& fact) {
    out.emplace_back(generation::verdict_key(number, policy, slice),
                     generation::verdict_value(fact, policies.model->gateway));
  };
  if (!only) {
    policy::for_each_fact(policies, subject_class, now, add);
    return;
  }
  for (const auto& name : *only) {
    const auto& policy = *policies.policies.at(name);
    for (const auto& slice : policy::slices(policy, now))
      if (const auto fact = policy::fact(policy, subject_class, slice)) add(policy, slice, *fact);
  }
}

void Mirror::add_all_facts(std::uint32_t number, const policy::Class& subject_class, sys_seconds now,
                           generation::Rows& out) const {
  if (policies_) add_facts(number, subject_class, *policies_, nullptr, now, out);
  if (!wanted_) return;
  std::set<std::string> fresh;
  for (const auto& [name, policy] : wanted_->policies)
    if (!policies_ || !policies_->policies.contains(name)) fresh.insert(name);
  add_facts(number, subject_class, *wanted_, &fresh, now, out);
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
  return change;
}

Result<store::Revision> Mirror::reload(sys_seconds now) {
  auto revision = options_.store.revision();
  if (!revision) return revision;
  auto entries = options_.store.list(std::string(session_prefix));
  if (!entries) return tl::unexpected(entries.error());
  sessions_.clear();
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
    }
  }
  return delta;
}

Status Mirror::open_transition(const generation::Generation& wanted, sys_seconds now) {
  wanted_ = wanted.policies;
  vocabulary_ = wanted_->vocabulary;
  if (policies_) vocabulary_.insert(policies_->vocabulary.begin(), policies_->vocabulary.end());
  transition_ = {};
  if (!policies_) {
    auto read = reload(now);
    return read ? Status{} : tl::unexpected(read.error());
  }
  std::set<std::string> fresh;
  for (const auto& [name, policy] : wanted_->policies)
    if (!policies_->policies.contains(name)) fresh.insert(name);
  for (const auto& [number, subject_class] : classes_)
    add_facts(number, subject_class, *wanted_, &fresh, now, transition_.facts);
  fact_count_ += transition_.facts.size();
  for (auto& [key, entry] : sessions_) {
    auto number = class_of(entry.session.subject, now, transition_.facts);
    if (!number) return tl::unexpected(number.error());
    if (*number == entry.row.class_id) continue;
    entry.row.class_id = *number;
    transition_.put.push_back({entry.row, "", true});
  }
  return {};
}

void Mirror::close_transition() {
  policies_ = std::move(wanted_);
  wanted_ = nullptr;
  transition_ = {};
}

void Mirror::abandon_transition() {
  wanted_ = nullptr;
  transition_ = {};
}

Result<Delta> Mirror::stale_identities(sys_seconds now, std::chrono::seconds lifetime) {
  Delta delta;
  for (auto& [key, entry] : sessions_) {
    if (entry.identity_made + lifetime > now) continue;
    auto identity = identity_of(entry.session);
    if (!identity) return tl::unexpected(identity.error());
    entry.identity_made = now;
    if (identity->empty()) continue;
    entry.identity = *identity;
    delta.put.push_back({entry.row, *identity, true});
  }
  return delta;
}

std::vector<SessionRow> Mirror::bearers() const {
  std::vector<SessionRow> out;
  for (const auto& [key, entry] : sessions_)
    if (entry.session.idle.count() == 0) out.push_back(entry.row);
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
  const bool serve = times.gate != sys_seconds{};
  // Without an ordered start nothing here is believed, so nothing need be written but the shut gate.
  if (auto done = put(
          generation::switches_map,
          switch_rows(generation.name, serve ? times.lease_end : sys_seconds{}, unix_seconds(times.gate)));
      !done || !serve)
    return done;
  if (auto done = put(generation::verdicts_map, all_facts(times.now)); !done) return done;
  if (auto done = put(generation::identities_map, identity_rows()); !done) return done;
  if (auto done = put(generation::slots_map, slot_rows(times.now)); !done) return done;
  return put(generation::sessions_map, session_rows());
}

}  // namespace durward::dataplane

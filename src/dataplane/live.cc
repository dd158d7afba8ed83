#include "dataplane/live.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/mutant.h"
#include "generation/rows.h"

namespace durward::dataplane {
namespace {

constexpr std::int64_t gate_open = std::numeric_limits<std::uint32_t>::max();
constexpr const char* key_of_sequence = "1";

}  // namespace

Live::Live(const Haproxy& haproxy, Mirror& mirror)
    : haproxy_(haproxy), mirror_(mirror), api_(haproxy.paths().admin_socket()), streams_(api_) {}

void Live::attach(int worker) {
  worker_ = worker;
  stage_.reset();
  samples_.clear();
  streams_.forget();
  api_.reset();
}

// Maps are named to HAProxy as its configuration names them.
std::string Live::runtime(const char* map) const {
  return fmt::format("../../runtime/{}", map);
}

Result<std::string> Live::ask(const std::string& command) {
  return api_.ask(command);
}

Status Live::change(const std::string& command) {
  auto reply = ask(command);
  if (!reply) return tl::unexpected(reply.error());
  return expect_empty(*reply);
}

Status Live::change_all(const std::vector<std::string>& commands) {
  auto replies = api_.ask_all(commands);
  if (!replies) return tl::unexpected(replies.error());
  for (const auto& reply : *replies)
    if (auto done = expect_empty(reply); !done) return done;
  return {};
}

Status Live::add_rows(const std::string& file, unsigned version, const generation::Rows& rows) {
  for (std::size_t next = 0; next < rows.size();) {
    const std::string command = command::add_rows(file, version, rows, next);
    if (command.empty()) return fail("DAT003", "the row of " + rows[next].first + " is too long to be sent");
    if (auto done = change(command); !done) return done;
  }
  return {};
}

Status Live::replace_map(const std::string& file, const generation::Rows& rows) {
  auto reply = ask(command::prepare(file));
  if (!reply) return tl::unexpected(reply.error());
  const auto version = read_version(*reply);
  if (!version) return tl::unexpected(version.error());
  if (auto done = add_rows(file, *version, rows); !done) return done;
  if (auto done = change(command::commit(file, *version)); !done) return done;
  samples_.erase(file);
  if (rows.empty()) return {};
  samples_[file] = rows[rows.size() / 2].first;
  return read_back(file, rows[rows.size() / 2]);
}

// Cleared, or replaced by a version that somebody else staged: a map loses all its rows at once.
Status Live::check_samples() {
  std::vector<std::string> commands;
  for (const auto& [file, key] : samples_) commands.push_back(command::get_row(file, key));
  const auto replies = api_.ask_all(commands);
  if (!replies) return tl::unexpected(replies.error());
  auto reply = replies->begin();
  for (const auto& [file, key] : samples_) {
    auto read = read_row(*reply++);
    if (!read) return tl::unexpected(read.error());
    if (!*read) return fail("DAT011", "HAProxy does not hold any more what was committed to " + file);
  }
  return {};
}

Status Live::replace_verdicts(const generation::Rows& rows) {
  return replace_map(runtime(generation::verdicts_map), rows);
}

// What was refused silently must not pass for done.
Status Live::read_back(const std::string& file, const std::pair<std::string, std::string>& row) {
  if (mutant("skip-readback")) return {};
  auto reply = ask(command::get_row(file, row.first));
  if (!reply) return tl::unexpected(reply.error());
  auto read = read_row(*reply);
  if (!read) return tl::unexpected(read.error());
  if (*read != row.second) return fail("DAT011", "HAProxy does not hold what was committed to " + file);
  return {};
}

Status Live::change_rows(const std::string& file, const generation::Rows& fresh,
                         const generation::Rows& other) {
  if (auto done = add_rows(file, 0, fresh); !done) return done;
  for (const auto& [key, value] : other) {
    auto reply = ask(command::set_row(file, key, value));
    if (!reply) return tl::unexpected(reply.error());
    auto changed = read_changed(*reply);
    if (!changed) return tl::unexpected(changed.error());
    if (!*changed) return fail("DAT011", "HAProxy does not hold the row of " + key + " in " + file);
  }
  for (const auto* rows : {&fresh, &other})
    if (!rows->empty())
      if (auto done = read_back(file, rows->back()); !done) return done;
  return {};
}

Status Live::stage_begins(const char* map) {
  const std::string file = runtime(map);
  auto reply = ask(command::prepare(file));
  if (!reply) return tl::unexpected(reply.error());
  const auto version = read_version(*reply);
  if (!version) return tl::unexpected(version.error());
  stage_ = Stage{file, *version, "", {}};
  return {};
}

Status Live::stage(const generation::Rows& rows, const std::string& upto) {
  stage_->upto = upto;
  return add_rows(stage_->file, stage_->version, rows);
}

Status Live::stage_commits(const std::optional<std::pair<std::string, std::string>>& sample) {
  const Stage stage = *std::exchange(stage_, std::nullopt);
  samples_.erase(stage.file);
  if (sample) samples_[stage.file] = sample->first;
  if (auto done = change(command::commit(stage.file, stage.version)); !done) return done;
  for (const auto& [key, value] : stage.again)
    if (auto done = set_identity(key, value, true); !done) return done;
  const bool changed =
      sample && std::ranges::any_of(stage.again, [&](const auto& row) { return row.first == sample->first; });
  return sample && !changed ? read_back(stage.file, *sample) : Status{};
}

void Live::stage_ends() {
  stage_.reset();
}

Status Live::set_identity(const std::string& key, const std::string& identity, bool known) {
  const std::string file = runtime(generation::identities_map);
  if (known) {
    auto reply = ask(command::set_row(file, key, identity));
    if (!reply) return tl::unexpected(reply.error());
    auto changed = read_changed(*reply);
    if (!changed) return tl::unexpected(changed.error());
    if (*changed) return {};
  }
  return add_rows(file, 0, {{key, identity}});
}

Status Live::put_identities(const std::vector<SessionChange>& changes) {
  const std::string file = runtime(generation::identities_map);
  generation::Rows fresh, staged;
  for (const auto& [row, identity, known] : changes) {
    if (identity.empty()) continue;
    const bool passed = stage_ && stage_->file == file && row.key <= stage_->upto;
    if (known) {
      if (passed) stage_->again.emplace_back(row.key, identity);
      if (auto done = set_identity(row.key, identity, true); !done) return done;
      continue;
    }
    fresh.emplace_back(row.key, identity);
    if (passed) staged.emplace_back(row.key, identity);
  }
  if (auto done = add_rows(file, 0, fresh); !done || staged.empty()) return done;
  return add_rows(file, stage_->version, staged);
}

// All are refused first, then tidied up, in one write: each turn of a busy HAProxy's loop takes a while. A
// row in use cannot go, and stays as one that refuses until its table forgets it.
Status Live::end(const std::vector<SessionRow>& gone) {
  std::vector<std::string> commands, all;
  for (const auto& row : gone) commands.push_back(command::end_session(row.table, row.key));
  all = commands;
  for (const auto& row : gone) all.push_back(command::clear_session(row.table, row.key));
  const auto replies = api_.ask_all(all);
  if (!replies) return tl::unexpected(replies.error());
  for (std::size_t i = 0; i < all.size(); ++i)
    if (auto done = i < gone.size() ? expect_empty((*replies)[i]) : expect_cleared((*replies)[i]); !done)
      return done;
  if (mutant("skip-old-worker-on-revoke")) return {};
  for (const int pid : old_workers_)
    for (const auto& command : commands)
      if (auto reply = haproxy_.master().ask_worker(pid, command); !reply)
        return tl::unexpected(reply.error());
  return {};
}

// Refused everywhere before anything is cut.
Status Live::end_all(const std::vector<SessionRow>& gone) {
  if (gone.empty()) return {};
  if (auto done = end(gone); !done) return done;
  return cut_streams(gone);
}

Status Live::send(const Delta& delta) {
  const std::string verdicts = runtime(generation::verdicts_map);
  if (auto done = add_rows(verdicts, 0, delta.facts); !done) return done;
  if (stage_ && stage_->file == verdicts)
    if (auto done = add_rows(verdicts, stage_->version, delta.facts); !done) return done;
  if (auto done = put_identities(delta.put); !done) return done;
  std::vector<std::string> commands;
  for (const auto& session : delta.put) commands.push_back(command::set_session(session.row));
  if (auto done = change_all(commands); !done) return done;
  return end_all(delta.gone);
}

Result<std::string> Live::ask_pid(int pid, const std::string& command) {
  return pid == 0 ? ask(command) : haproxy_.master().ask_worker(pid, command);
}

Status Live::cut_streams(const std::vector<SessionRow>& gone) {
  if (mutant("stream-cut-skipped")) return {};
  std::set<std::string> keys;
  for (const auto& row : gone) keys.insert(row.key);
  if (auto done = cut_streams_of(0, keys); !done) return done;
  for (const int pid : old_workers_)
    if (auto done = cut_streams_of(pid, keys); !done) return done;
  return {};
}

// The table names a stream by session and by the number that HAProxy gives every stream.
Status Live::cut_streams_of(int pid, const std::set<std::string>& keys) {
  auto table = ask_pid(pid, command::show_table(generation::streams_table));
  if (!table) return tl::unexpected(table.error());
  auto rows = read_table(*table);
  if (!rows)
    return pid == 0 ? Status(tl::unexpected(rows.error())) : Status{};  // an old worker may just have gone
  OpenStreams::Ids wanted, open;
  for (const auto& row : *rows) {
    const auto at = row.key.find('@');
    if (row.use == 0 || at == std::string::npos) continue;
    const std::uint64_t id = std::strtoull(row.key.c_str() + at + 1, nullptr, 10);
    open.insert(id);
    if (keys.contains(row.key.substr(0, at))) wanted.insert(id);
  }
  if (wanted.empty()) return {};
  if (pid != 0) return cut_in_old_worker(pid, wanted);
  const auto cut = streams_.cut(wanted, open);
  if (!cut) return tl::unexpected(cut.error());
  streams_cut_ += *cut;
  return {};
}

Status Live::cut_in_old_worker(int pid, const OpenStreams::Ids& wanted) {
  auto shown = ask_pid(pid, "show sess all");
  if (!shown) return tl::unexpected(shown.error());
  for (const auto& stream : read_streams(*shown)) {
    if (!wanted.contains(stream.id)) continue;
    auto again = ask_pid(pid, "show sess " + stream.pointer);
    if (!again) return tl::unexpected(again.error());
    const auto same = read_streams(*again);
    if (!mutant("stream-cut-by-pointer") && (same.empty() || same.front().id != stream.id)) continue;
    if (auto cut = ask_pid(pid, command::shutdown_stream(stream.pointer)); !cut)
      return tl::unexpected(cut.error());
    ++streams_cut_;
  }
  return {};
}

Status Live::resync(const generation::Generation& generation, sys_seconds now, sys_seconds lease_end) {
  if (!mutant("resync-skips-a-map"))
    if (auto done = replace_verdicts(mirror_.all_facts(now)); !done) return done;
  if (!mutant("resync-skips-identities"))
    if (auto done = replace_map(runtime(generation::identities_map), mirror_.identity_rows()); !done)
      return done;
  // While policies change the old ones may have windows and the new ones none: what runs then has no such
  // map.
  const auto& policies = generation.policies->policies;
  if (std::any_of(policies.begin(), policies.end(), [](const auto& p) { return !p.second->windows.empty(); }))
    if (auto done = set_slots(now); !done) return done;
  for (const auto& [name, rows] : generation.maps)
    if (auto done = replace_map("maps/" + name, {rows.begin(), rows.end()}); !done) return done;
  if (auto done = resync_tables(generation.login_tables); !done) return done;
  // Only now may a row that is not in the table stay unknown.
  if (auto done = replace_map(runtime(generation::sessions_map), {}); !done) return done;
  return replace_map(runtime(generation::switches_map), switch_rows(generation.name, lease_end, gate_open));
}

Status Live::resync_tables(const std::vector<std::string>& letters) {
  std::vector<SessionRow> strangers;
  std::set<std::string> wanted;
  for (const auto& row : mirror_.table_rows()) wanted.insert(row.key);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const char letter = static_cast<char>('a' + i);
    auto reply = ask(command::show_table(fmt::format("{}{}", generation::sessions_table, letter)));
    if (!reply) return tl::unexpected(reply.error());
    auto rows = read_table(*reply);
    if (!rows) return tl::unexpected(rows.error());
    for (const auto& row : *rows)
      if (!wanted.contains(row.key)) strangers.push_back({row.key, letter, 0, 0, 0});
    if (mutant("resync-forgets-draining-workers")) continue;
    // What ended while we were replacing a worker: that one has its open streams, and only their rows.
    for (const int pid : old_workers_) {
      auto there = ask_pid(pid, command::show_table(fmt::format("{}{}", generation::sessions_table, letter)));
      if (!there) return tl::unexpected(there.error());
      const auto kept = read_table(*there);
      if (!kept) continue;  // it may just have gone
      for (const auto& row : *kept)
        if (wanted.insert(row.key).second) strangers.push_back({row.key, letter, 0, 0, 0});
    }
  }
  if (mutant("resync-skips-revoked")) strangers.clear();
  std::vector<std::string> commands;
  for (const auto& row : mirror_.table_rows()) commands.push_back(command::set_session(row));
  if (auto done = change_all(commands); !done) return done;
  return end_all(strangers);
}

Status Live::set_slots(sys_seconds now) {
  const auto rows = mirror_.slot_rows(now);
  // Without a policy that has windows the configuration does not name this map.
  return rows.empty() ? Status{} : replace_map(runtime(generation::slots_map), rows);
}

Status Live::set_lease(sys_seconds end) {
  return change(command::set_row(runtime(generation::switches_map), "lease", lease_value(end)));
}

Status Live::set_generation(const std::string& name) {
  return change(command::set_row(runtime(generation::switches_map), "generation", name));
}

Status Live::retire(int pid) {
  const std::string routes = "maps/routes.map";
  const auto mark = command::add_row(runtime(generation::switches_map), "retired", "1");
  const auto marked = haproxy_.master().ask_worker(pid, mark);
  if (!marked) return tl::unexpected(marked.error());
  if (auto done = expect_empty(*marked); !done) return done;
  const auto prepared = haproxy_.master().ask_worker(pid, command::prepare(routes));
  if (!prepared) return tl::unexpected(prepared.error());
  if (prepared->empty()) return {};  // it has ended
  const auto version = read_version(*prepared);
  if (!version) return tl::unexpected(version.error());
  const auto committed = haproxy_.master().ask_worker(pid, command::commit(routes, *version));
  return committed ? expect_empty(*committed) : tl::unexpected(committed.error());
}

Status Live::set_closing(bool closing) {
  const std::string file = runtime(generation::switches_map);
  if (closing) return change(command::add_row(file, "closing", "1"));
  auto reply = ask(command::del_row(file, "closing"));
  if (!reply) return tl::unexpected(reply.error());
  return read_changed(*reply).map([](bool) {});
}

Status Live::replace_certificate(const std::string& file, const std::string& pem) {
  // The payload ends at its first empty line, which asking adds.
  auto reply = ask(command::set_certificate(file, pem));
  if (!reply) return tl::unexpected(reply.error());
  if (reply->find("ransaction") == std::string::npos)
    return fail("DAT012", "HAProxy does not take the certificate " + file + ": " + reply->substr(0, 300));
  reply = ask("commit ssl cert " + file);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->find("Success") == std::string::npos)
    return fail("DAT012", "HAProxy does not take the certificate " + file + ": " + reply->substr(0, 300));
  return {};
}

Result<std::string> Live::generation_in_force() {
  auto reply = ask(command::get_row(runtime(generation::switches_map), "generation"));
  if (!reply) return reply;
  auto row = read_row(*reply);
  if (!row) return tl::unexpected(row.error());
  return row->value_or("");
}

Result<std::string> Live::running_generation() {
  auto reply = ask("get var proc.generation");
  if (!reply) return reply;
  // "proc.generation: type=str value=<NAME>"
  const auto at = reply->find("value=<");
  const auto end = reply->find('>', at == std::string::npos ? 0 : at);
  if (at == std::string::npos || end == std::string::npos)
    return fail("DAT010", "HAProxy does not say which generation it was started with");
  return reply->substr(at + 7, end - at - 7);
}

std::optional<sys::Fd> Live::take_log() {
  return api_.hand_over(command::follow_ring(generation::access_ring));
}

bool Live::drained(int pid) const {
  const auto reply = haproxy_.master().ask_worker(pid, "show info");
  return reply && read_drained(*reply);
}

Status Live::reconnect_log() {
  auto streams = ask("show sess all");
  if (!streams) return tl::unexpected(streams.error());
  for (const auto& pointer : read_ring_streams(*streams, generation::access_ring))
    if (auto done = change(command::shutdown_stream(pointer)); !done) return done;
  return {};
}

std::optional<std::uint64_t> Live::last_sequence(int pid) const {
  auto reply = haproxy_.master().ask_worker(pid, command::show_table(generation::sequence_table));
  if (!reply) return std::nullopt;
  const auto at = reply->find("gpc0=");
  if (at == std::string::npos || reply->find(fmt::format("key={} ", key_of_sequence)) == std::string::npos)
    return std::nullopt;
  return std::strtoull(reply->c_str() + at + 5, nullptr, 10);
}

}  // namespace durward::dataplane

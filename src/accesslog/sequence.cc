#include "accesslog/sequence.h"

#include <algorithm>
#include <iterator>

namespace durward::accesslog {
namespace {

constexpr std::size_t missing_ranges_max = 256;  // of one worker; the oldest are forgotten

}  // namespace

SequenceTracker::Worker& SequenceTracker::worker(std::uint32_t pid) {
  const auto [found, fresh] = workers_.try_emplace(pid);
  Worker& state = found->second;
  if (!fresh) {
    if (by_use_.begin() != state.used) by_use_.splice(by_use_.begin(), by_use_, state.used);
    return state;
  }
  by_use_.push_front(pid);
  state.used = by_use_.begin();
  if (workers_.size() > options_.workers_max) {
    workers_.erase(by_use_.back());
    by_use_.pop_back();
  }
  return state;
}

void SequenceTracker::observe(std::uint32_t pid, std::uint64_t seq, Time now, Reports& reports) {
  Worker& state = worker(pid);
  if (seq == state.next) {
    skip_to(state, seq + 1);
  } else if (seq < state.next) {
    observe_old(pid, state, seq, now, reports);
  } else if (!state.ahead.try_emplace(seq, now).second) {
    reports.push_back({SequenceReport::Kind::duplicate, pid, seq, seq});
  } else {
    while (!state.ahead.empty() && state.ahead.rbegin()->first - state.next >= options_.window) {
      give_up_first_gap(pid, state, reports);
    }
  }
}

void SequenceTracker::replay_ends(std::uint32_t pid) {
  if (const auto found = workers_.find(pid); found != workers_.end()) found->second.replayed = false;
}

bool SequenceTracker::replayed(std::uint32_t pid) const {
  const auto found = workers_.find(pid);
  return found != workers_.end() && found->second.replayed;
}

bool SequenceTracker::seen(std::uint32_t pid, std::uint64_t seq) const {
  if (!replayed(pid)) return false;
  const Worker& state = workers_.find(pid)->second;
  return seq < state.next ? !is_missing(state, seq) : state.ahead.contains(seq);
}

void SequenceTracker::observe_old(std::uint32_t pid, Worker& state, std::uint64_t seq, Time now,
                                  Reports& reports) {
  if (take_missing(state, seq)) {
    reports.push_back({SequenceReport::Kind::late, pid, seq, seq});
  } else if (seq <= options_.window) {
    // HAProxy never sends a line twice: a number from the beginning is another worker that got the same pid.
    const std::uint64_t highest = state.ahead.empty() ? state.next - 1 : state.ahead.rbegin()->first;
    while (!state.ahead.empty()) give_up_first_gap(pid, state, reports);
    reports.push_back({SequenceReport::Kind::restart, pid, 1, highest});
    state.next = 1;
    state.missing.clear();
    observe(pid, seq, now, reports);
  } else {
    reports.push_back({SequenceReport::Kind::duplicate, pid, seq, seq});
  }
}

void SequenceTracker::tick(Time now, Reports& reports) {
  for (auto& [pid, state] : workers_) {
    while (!state.ahead.empty() && now - state.ahead.begin()->second >= options_.patience) {
      give_up_first_gap(pid, state, reports);
    }
  }
}

void SequenceTracker::give_up(Reports& reports) {
  for (auto& [pid, state] : workers_)
    while (!state.ahead.empty()) give_up_first_gap(pid, state, reports);
}

void SequenceTracker::close(std::uint32_t pid, std::uint64_t final_seq, Reports& reports) {
  Worker& state = worker(pid);
  while (!state.ahead.empty()) give_up_first_gap(pid, state, reports);
  if (state.next <= final_seq) reports.push_back({SequenceReport::Kind::hole, pid, state.next, final_seq});
  by_use_.erase(state.used);
  workers_.erase(pid);
}

void SequenceTracker::keep_only(const std::vector<std::uint32_t>& alive, Reports& reports) {
  for (const auto& [pid, settled] : positions())
    if (!replayed(pid) && std::ranges::find(alive, pid) == alive.end()) abandon(pid, reports);
}

void SequenceTracker::abandon(std::uint32_t pid, Reports& reports) {
  const auto found = workers_.find(pid);
  if (found == workers_.end()) return;
  Worker& state = found->second;
  while (!state.ahead.empty()) give_up_first_gap(pid, state, reports);
  reports.push_back({SequenceReport::Kind::gone, pid, state.next - 1, state.next - 1});
  by_use_.erase(state.used);
  workers_.erase(found);
}

void SequenceTracker::resume(std::uint32_t pid, std::uint64_t last) {
  if (!workers_.contains(pid)) worker(pid).next = last + 1;
}

void SequenceTracker::accept_hole(std::uint32_t pid, std::uint64_t first, std::uint64_t last) {
  Worker& state = worker(pid);
  if (state.next < first || state.next > last) return;
  remember_missing(state, first, last);
  skip_to(state, last + 1);
}

std::uint64_t SequenceTracker::settled(std::uint32_t pid) const {
  const auto found = workers_.find(pid);
  return found == workers_.end() ? 0 : found->second.next - 1;
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> SequenceTracker::positions() const {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> out;
  for (const auto& [pid, state] : workers_) out.emplace_back(pid, state.next - 1);
  std::ranges::sort(out);
  return out;
}

// All before `next` is settled; takes along what came ahead and now connects.
void SequenceTracker::skip_to(Worker& state, std::uint64_t next) {
  state.next = next;
  auto it = state.ahead.begin();
  while (it != state.ahead.end() && it->first == state.next) {
    ++state.next;
    it = state.ahead.erase(it);
  }
}

void SequenceTracker::remember_missing(Worker& state, std::uint64_t first, std::uint64_t last) {
  state.missing.emplace(first, last);
  if (state.missing.size() > missing_ranges_max) state.missing.erase(state.missing.begin());
}

void SequenceTracker::give_up_first_gap(std::uint32_t pid, Worker& state, Reports& reports) {
  const std::uint64_t first = state.next;
  const std::uint64_t last = state.ahead.begin()->first - 1;
  reports.push_back({SequenceReport::Kind::hole, pid, first, last});
  remember_missing(state, first, last);
  skip_to(state, last + 1);
}

bool SequenceTracker::is_missing(const Worker& state, std::uint64_t seq) {
  const auto above = state.missing.upper_bound(seq);
  return above != state.missing.begin() && seq <= std::prev(above)->second;
}

// Whether `seq` was reported missing; then it is so no more.
bool SequenceTracker::take_missing(Worker& state, std::uint64_t seq) {
  if (!is_missing(state, seq)) return false;
  const auto range = std::prev(state.missing.upper_bound(seq));
  const auto [first, last] = *range;
  state.missing.erase(range);
  if (first < seq) state.missing.emplace(first, seq - 1);
  if (seq < last) state.missing.emplace(seq + 1, last);
  return true;
}

}  // namespace durward::accesslog

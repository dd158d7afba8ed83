// What HAProxy should hold: sessions of the store as rows, the classes they need, and the facts about those
// classes. Reads the store, talks to nothing. Used by the reconciler's thread only.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataplane/classes.h"
#include "dataplane/commands.h"
#include "generation/generation.h"
#include "session/record.h"
#include "store/store.h"

namespace durward::dataplane {

using std::chrono::sys_seconds;

struct SessionChange {
  SessionRow row;
  std::string identity;         // value for identities.map; empty = as it is
  bool identity_known = false;  // HAProxy has a row for this key already
};

// One batch for HAProxy, in the order in which it must be sent.
struct Delta {
  generation::Rows facts;
  std::vector<SessionChange> put;
  std::vector<SessionRow> gone;
};

// An identity row becomes headers of a request, which HAProxy bounds; a longer one is left out, and its
// session gets 503.
inline constexpr std::size_t identity_bytes_max = 8'000;

struct StartTimes {
  sys_seconds now;
  sys_seconds lease_end;
  sys_seconds gate;  // a HAProxy that starts until then serves at once; zero = none does
};

class Mirror {
 public:
  using IdentityRow = std::function<Result<std::string>(const session::HostSession&)>;
  struct Options {
    store::Store& store;
    IdentityRow identity_row;
  };
  explicit Mirror(Options options) : options_(std::move(options)), numbers_(options_.store) {}

  // Reads every session anew; returns the revision that was read. Policies must be set (a transition begun).
  Result<store::Revision> reload(sys_seconds now);
  // What the store's changes mean for HAProxy.
  Result<Delta> take(const std::vector<store::Change>& changes, sys_seconds now);

  // Between open and close every class answers for the old policies and for the new; transition() is what
  // HAProxy lacks.
  Status open_transition(const generation::Generation& wanted, sys_seconds now);
  const Delta& transition() const { return transition_; }
  void close_transition(sys_seconds now);
  void abandon_transition();

  // The identities of the next sessions after `last_key`, in the order of keys, signed anew unless that was
  // less than `young` ago. `last_key` is moved to the last one; "" = there are no more.
  Result<generation::Rows> renew_identities(std::string& last_key, std::size_t count,
                                            std::chrono::seconds young, sys_seconds now);
  // Bearer rows have no idle life of their own: they are written again before their table forgets them.
  std::vector<SessionRow> bearers() const;

  // Facts that HAProxy has been sent and nobody asks for any more: of policies that are no longer in force.
  std::size_t garbage() const { return garbage_; }
  void forget_garbage() { garbage_ = 0; }
  std::vector<std::uint32_t> class_numbers() const;
  void facts_of(std::uint32_t number, sys_seconds now, generation::Rows& out) const;

  // The mutable maps as they should be, and as a starting HAProxy reads them.
  generation::Rows all_facts(sys_seconds now) const;
  generation::Rows identity_rows() const;
  generation::Rows slot_rows(sys_seconds now) const;
  generation::Rows session_rows() const;  // for sessions.map
  std::vector<SessionRow> table_rows() const;
  Status write_files(const std::string& directory, const generation::Generation& generation,
                     const StartTimes& times) const;
  sys_seconds next_slot_change(sys_seconds now) const;

  // What went wrong with single sessions since the last call; the others are not held up by it.
  std::vector<Error> take_problems() { return std::exchange(problems_, {}); }

  std::size_t sessions() const { return sessions_.size(); }
  std::size_t classes() const { return classes_.size(); }
  std::size_t facts() const { return fact_count_; }

 private:
  struct Entry {
    session::HostSession session;
    SessionRow row;
    std::string identity;
    sys_seconds identity_made{};
  };
  Result<SessionChange> admit(const session::HostSession& session, sys_seconds now, Delta& delta);
  Result<std::string> identity_of(const session::HostSession& session);
  Result<std::uint32_t> class_of(const model::Subject& subject, sys_seconds now, generation::Rows& facts);
  // Policies with the slices that can occur, which take longer to find than what a class may do in them.
  using Sliced = std::vector<std::pair<const policy::Policy*, std::vector<policy::Slice>>>;
  static Sliced only_in(const policy::PolicySet& policies, const policy::PolicySet& other, sys_seconds now);
  static void add_facts(std::uint32_t number, const policy::Class& subject_class, const Sliced& policies,
                        const model::Gateway& gateway, generation::Rows& out);
  void add_all_facts(std::uint32_t number, const policy::Class& subject_class, sys_seconds now,
                     generation::Rows& out) const;

  Options options_;
  ClassNumbers numbers_;
  policy::PolicySetPtr policies_;  // in force
  policy::PolicySetPtr wanted_;    // during a transition
  std::set<std::string> vocabulary_;
  std::map<std::string, Entry> sessions_;           // by key
  std::set<std::string> bearers_;                   // keys of those
  std::map<std::uint32_t, policy::Class> classes_;  // live ones, the anonymous one included
  Delta transition_;
  std::vector<Error> problems_;
  std::size_t fact_count_ = 0;
  std::size_t garbage_ = 0;
};

std::string lease_value(sys_seconds end);
generation::Rows switch_rows(const std::string& generation, sys_seconds lease_end, std::int64_t gate);

}  // namespace durward::dataplane

// An estate that changes while requests run: Durward's reconciler at work on a real HAProxy, held still
// before each command it sends, so that requests fall between any two of them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "dataplane/reconciler.h"
#include "judge.h"
#include "relay.h"
#include "testbed.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"
#include "testing/state_directory.h"

namespace durward::differential {

struct Update {
  unsigned number = 0;
  bool reload = false;
  unsigned pauses = 0, requests = 0;
  unsigned unlogged = 0;  // by workers that ended
};

// What went wrong, in words, with both estates.
struct Wrong {
  std::string text;
};

class Changing {
 public:
  Changing(std::uint64_t seed, std::uint16_t upstream);
  ~Changing();

  // Puts the first estate in force. False, with a failure reported to GoogleTest, when that does not work.
  bool start();
  // One change of the estate, with logins, revocations and requests before, during and after it.
  bool change(unsigned number);
  // Holds every answer against its line in the log. The first that is wrong; empty = none.
  std::string judge();
  const std::vector<Update>& updates() const { return updates_; }

 private:
  enum class State { absent, arriving, present, leaving, gone };
  struct Person {
    testing::RandomProbe as;
    std::string token;
    bool bearer = false;
    State state = State::absent;
    int worker = 0;  // that served when the person came
  };
  class Pauses;

  policy::PolicySetPtr compiled(const model::Model& estate);
  bool bring_in_people();
  bool store(const std::vector<Person*>& come, const std::vector<Person*>& go, bool wait);
  bool wait_for(store::Revision revision);
  bool move_clock(sys_seconds to);
  void pause(const std::string& before);
  void something_happens();
  void ask(unsigned requests, const std::string& when);
  void ask_one(const std::string& when);
  std::vector<Candidate> right_answers(const Probe& probe, const Person* person, int worker,
                                       const std::string& when);
  std::vector<model::Subject> may_be(const Person* person, int worker) const;
  sys_seconds now() const { return clock_.now_seconds(); }

  testing::RandomEstates random_;
  ProbeMaker maker_{random_};
  testing::StateDirectory state_;
  Ports ports_;
  sys::SystemClock real_clock_;
  std::unique_ptr<Log> log_;
  testing::FakeClock clock_;
  testing::MemoryStore store_{clock_};
  std::unique_ptr<Pauses> observer_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<dataplane::Reconciler> reconciler_;
  Client client_;

  sys_seconds started_{}, end_{};
  model::Model estate_, wanted_;
  generation::GenerationPtr old_, new_;
  std::map<int, std::vector<generation::GenerationPtr>> judged_by_;  // worker -> what it may judge by
  int worker_ = 0;                                                   // that is told of logins
  bool reloading_ = false;
  std::set<unsigned> turning_points_;  // pauses of this update at which the clock moves on by a second
  std::vector<Person> people_;
  std::vector<Outcome> outcomes_;
  std::vector<Update> updates_;
};

}  // namespace durward::differential

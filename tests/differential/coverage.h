// What a run has tried. A rule, or a part of it, counts where it decides: where the answer would be another
// one without it. So a kind that never decides anything shows, however often it occurs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "judge.h"

namespace durward::differential {

// One estate, and what it would be without each of its parts.
class Ablation {
 public:
  explicit Ablation(const model::Model& estate);
  // The kinds of those parts that decided this request.
  std::vector<std::string> decisive(const Probe& probe, const model::Subject& subject,
                                    const policy::Verdict& verdict) const;

 private:
  struct Variant {
    std::string kind, app, part;  // part: the id of the rule or route
    bool is_route = false;
    model::Model estate;
  };
  void add_rule(const model::Model& estate, std::size_t app, std::size_t rule);
  void add_route(const model::Model& estate, std::size_t app, std::size_t route);
  std::vector<Variant> variants_;
};

class Coverage {
 public:
  void add(const Ablation& ablation, const Outcome& outcome);
  void count(const std::string& kind) { ++kinds_[kind]; }
  void print() const;
  // The kinds seen less than `least` times, and shares that are out of bounds; empty = all is well.
  std::string missing(unsigned least) const;
  unsigned requests() const { return requests_; }

 private:
  unsigned requests_ = 0, allowed_ = 0;
  std::map<std::string, unsigned> kinds_;
};

}  // namespace durward::differential

// What came out of HAProxy, held against what the reference evaluator says must come out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accesslog/event.h"
#include "generation/generation.h"
#include "probes.h"

namespace durward::differential {

// One answer that is right. When an estate changes, there are two.
struct Candidate {
  policy::Verdict verdict;
  generation::GenerationPtr generation;  // of the estate that says so
  std::string about;                     // who and what it was judged by
  bool refused = false;                  // instead of `verdict`: refused, for whatever reason
};

Candidate candidate(const generation::GenerationPtr& generation, const model::Subject& subject,
                    const Probe& probe, std::string about);

// One request that was made, and what came back.
struct Outcome {
  Probe probe;
  std::vector<Candidate> right;
  std::optional<testing::RawResponse> answer;
  std::string id;         // in the log; "" = it has none
  bool unlogged = false;  // its line may be missing
};

// Empty when the answer, and the line of the log, are those of one candidate; else what differs from each.
// `event` is null when there must be none.
std::string difference(const Outcome& outcome, const accesslog::AccessEvent* event);

// In words, for people: who asks, from where, when.
std::string describe(const Probe& probe);
std::string describe(const Candidate& candidate);

}  // namespace durward::differential

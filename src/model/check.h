// What single documents cannot say about themselves: references, consent, routes that meet, rules that
// contradict.
#pragma once

#include <set>
#include <string>

#include "base/diagnostics.h"
#include "model/model.h"

namespace durward::model {

// How far the documents could be read: a check that would only echo an earlier error is left out.
struct Soundness {
  bool root_known = true;             // every document of the root gave its name
  bool tree_known = true;             // every document of the tree did
  std::set<std::string> broken_apps;  // parts of these are missing
};

// Reports MDL…; fills in what a document may leave to the estate (a route's upstream). One file a subject.
void check(Model& model, const Soundness& sound, Diagnostics& diagnostics);

void check_gateway(const Model& model, Diagnostics& diagnostics);
void check_references(const Model& model, const Soundness& sound, Diagnostics& diagnostics);
void check_access(const App& app, bool broken, Diagnostics& diagnostics);
void check_upstreams(const Model& model, Diagnostics& diagnostics);
void check_routes(const Model& model, Diagnostics& diagnostics);  // across apps

}  // namespace durward::model

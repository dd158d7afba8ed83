// How the methods of a route fall into rows: each row is judged by one set of the app's rules.
#pragma once

#include <string>
#include <vector>

#include "model/model.h"

namespace durward::policy {

struct MethodRow {
  std::vector<std::string> methods;  // as RoutePolicy::methods
  std::vector<std::size_t> rules;    // positions in App::access, ascending
};

// In the order of their methods; the row without methods is last.
std::vector<MethodRow> method_rows(const model::App& app, const model::Route& route);

bool lists(const std::vector<Spanned<std::string>>& items, std::string_view value);

// The rule is about this route (for some method).
bool concerns(const model::AccessRule& rule, const model::Route& route);

// Equal but for the names of parameters: the templates match the same paths.
bool same_shape(const model::PathTemplate& a, const model::PathTemplate& b);

}  // namespace durward::policy

// How the model's values are said: in the bundle's own words, and to people. One table for logs, pages and
// commands.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "model/model.h"

namespace durward::model {

const char* who_word(Who who);    // as the bundle spells it: "signedIn"; "roles" for Who::roles
const char* who_phrase(Who who);  // to people: "anyone who is logged in"; empty for Who::roles

// "a", "a and b", "a, b and c" when `last` is " and ".
std::string listed(const std::vector<std::string>& items, const char* last);

std::string duration_text(std::chrono::seconds duration);  // "15m", "90s"

}  // namespace durward::model

// The pages of the login host. Everything that comes from outside is escaped here and nowhere else.
#pragma once

#include <string>
#include <vector>

#include "api/http.h"

namespace durward::api {

struct ProviderChoice {
  std::string title;
  std::string url;
};
struct SignedIn {
  std::string name;   // for display
  std::string email;  // may be empty
  std::string provider;
  std::string level;  // the acr word; may be empty
  std::vector<std::string> roles;
  std::vector<std::string> hosts;
};
struct Problem {
  int status = 400;
  std::string title;
  std::string text;
  std::string reference;  // for the log; may be empty
  std::string retry_url;  // may be empty
};

Reply choose_page(const std::vector<ProviderChoice>& choices);
// A form that posts the ticket to the app host: by script, or by its button where scripts are off.
Reply adopt_page(const std::string& action, const std::string& ticket, const std::string& start,
                 const std::string& nonce);
Reply account_page(const SignedIn& who);
Reply signed_out_page(bool at_provider);
Reply problem_page(const Problem& problem);

Reply redirect(const std::string& url, int status = 303);

}  // namespace durward::api

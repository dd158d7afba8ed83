// What is said of each line, and what is asked, once the draft stands.
#pragma once

#include "importer/draft.h"
#include "importer/routing.h"

namespace durward::importer {

struct Standing {
  const Config& config;
  Router& router;
  const RoleBook& roles;
  const GatewayDraft& gateway;
  const std::vector<AppDraft>& apps;
};

void note_lines(Context& context, const Standing& standing);
std::vector<Question> questions(Context& context, const Standing& standing);

}  // namespace durward::importer

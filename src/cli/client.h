// Asking a running Durward over its control socket.
#pragma once

#include <optional>

#include "cli/terminal.h"

namespace durward::cli {

struct Answer {
  int status = 0;
  Json body;
};

// Errors: CLI001 nothing answers on the socket, CLI002 the answer is not one of Durward's.
Result<Answer> ask(const Globals& globals, const std::string& method, const std::string& path,
                   const Json& body = Json::object());

// ask(), and on any error of the other side reports it; nothing then.
std::optional<Json> ask_or_report(const Globals& globals, const std::string& method, const std::string& path,
                                  const Json& body = Json::object());

}  // namespace durward::cli

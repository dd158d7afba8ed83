// Printing: results to standard output, trouble to standard error, colours only where someone looks at them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/diagnostics.h"
#include "base/result.h"
#include "cli/command.h"

namespace durward::cli {

using Json = nlohmann::ordered_json;

void print(const std::string& text);        // as it is
void print_error(const std::string& text);  // as it is, to standard error
void print_json(const Json& json);          // two-space indent, a line end
bool stdout_is_terminal();
bool stderr_is_terminal();

// Reports an error and returns Exit::error.
int report(const Globals& globals, const Error& error);

struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::string text() const;  // columns aligned, two spaces between
};

std::string counted(std::size_t count, const std::string& one, const std::string& many);  // "1 app", "2 apps"
// "15m", "30s", "2h", "1d": nothing when it is not that.
std::optional<std::chrono::seconds> parse_duration(const std::string& text);

}  // namespace durward::cli

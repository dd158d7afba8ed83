// Structured logs: one JSON object a line on standard error, for journald and log shippers.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace durward::app {

using Field = std::pair<std::string_view, std::string>;

void log_info(std::string_view event, std::initializer_list<Field> fields = {});
void log_warning(std::string_view event, std::initializer_list<Field> fields = {});
void log_error(std::string_view event, const Error& error, std::initializer_list<Field> fields = {});

}  // namespace durward::app

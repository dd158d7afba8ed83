#include "app/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace durward::app {
namespace {

spdlog::logger& logger() {
  // The one process-wide thing: standard error is one, too.
  static const auto out = [] {
    auto made = spdlog::stderr_logger_mt("durward");
    made->set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",%v}",
                      spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *out;
}

void write(spdlog::level::level_enum level, std::string_view event, const Error* error,
           std::initializer_list<Field> fields) {
  nlohmann::ordered_json object;
  object["event"] = event;
  if (error) {
    object["code"] = error->code;
    object["error"] = error->message;
    if (!error->hint.empty()) object["hint"] = error->hint;
  }
  for (const auto& [name, value] : fields) object[std::string(name)] = value;
  const std::string text = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  logger().log(level, "{}", std::string_view(text).substr(1, text.size() - 2));
}

}  // namespace

void log_info(std::string_view event, std::initializer_list<Field> fields) {
  write(spdlog::level::info, event, nullptr, fields);
}

void log_warning(std::string_view event, std::initializer_list<Field> fields) {
  write(spdlog::level::warn, event, nullptr, fields);
}

void log_error(std::string_view event, const Error& error, std::initializer_list<Field> fields) {
  write(spdlog::level::err, event, &error, fields);
}

}  // namespace durward::app

#include "generation/words.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace durward::generation {

std::string quoted(std::string_view text) {
  return fmt::format("'{}'", text);
}

std::string runtime_map(const Platform& platform, const char* name) {
  return fmt::format("{}/{}", platform.runtime, name);
}

std::string trusted_networks(const model::Gateway& gateway) {
  std::vector<std::string> texts;
  for (const auto& cidr : gateway.trusted_proxies) texts.push_back(cidr.value.text());
  return join(texts, " ");
}

std::uint64_t largest_body(const model::Model& model) {
  std::uint64_t largest = model.gateway.max_body_bytes;
  for (const auto* app : model.all_apps())
    for (const auto& route : app->routes)
      if (route.max_body_bytes) largest = std::max(largest, route.max_body_bytes->value);
  return largest;
}

}  // namespace durward::generation

#include "bench.h"

#include <fmt/format.h>

#include <cstdio>

namespace durward::bench {

const Bar* bar_of(std::string_view number) {
  for (const auto& figure : figures())
    for (const auto& bar : figure.bars)
      if (bar.number == number) return &bar;
  return nullptr;
}

void Run::number(const std::string& name, double value) {
  numbers_[name] = value;
  const Bar* bar = bar_of(name);
  if (bar == nullptr) {
    say(fmt::format("  {} = {:.4g}", name, value));
    return;
  }
  const std::string judged = bar->at_most < 0    ? ""
                             : value <= bar->aim ? fmt::format("  (at most {:g}: met)", bar->at_most)
                             : value <= bar->at_most
                                 ? fmt::format("  (at most {:g}: met; aim {:g})", bar->at_most, bar->aim)
                                 : fmt::format("  (at most {:g}: MISSED)", bar->at_most);
  say(fmt::format("  {} = {:.4g} {}{}", name, value, bar->unit, judged));
}

void Run::ran(const std::string& figure, nlohmann::ordered_json what) {
  ran_[figure] = std::move(what);
}

void Run::say(std::string_view text) const {
  fmt::print(stderr, "{}\n", text);
  std::fflush(stderr);
}

nlohmann::ordered_json Run::result() const {
  auto missed = nlohmann::ordered_json::array();
  for (const auto& [name, value] : numbers_.items())
    if (const Bar* bar = bar_of(name);
        bar != nullptr && bar->at_most >= 0 && value.get<double>() > bar->at_most)
      missed.push_back(name);
  auto out = numbers_;
  out["missed"] = std::move(missed);
  out["ran"] = ran_;
  return out;
}

}  // namespace durward::bench

// The suite's command line and environment; see README.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string_view>

#include "settings.h"

namespace durward::differential {
namespace {

constexpr unsigned cases_of_one_update = 800, cases_of_one_hit = 1'000;

Settings& chosen() {
  static Settings all;
  return all;
}

void set_cases(unsigned cases) {
  chosen().cases = cases;
  chosen().updates = std::max(1U, cases / cases_of_one_update);
  chosen().least = cases / cases_of_one_hit;
}

void set(std::string_view word, std::uint64_t number) {
  const auto small = static_cast<unsigned>(number);
  if (word == "seed") chosen().seed = number;
  if (word == "cases") set_cases(small);
  if (word == "case") chosen().only = small;
  if (word == "chain") chosen().only_chain = small;
  if (word == "seconds") chosen().end = std::chrono::steady_clock::now() + std::chrono::seconds(number);
}

void read_environment() {
  for (const auto& [name, word] :
       {std::pair{"DURWARD_SEED", "seed"}, {"DURWARD_CASES", "cases"}, {"DURWARD_SECONDS", "seconds"}})
    if (const char* value = std::getenv(name)) set(word, std::strtoull(value, nullptr, 10));
}

}  // namespace

const Settings& settings() {
  return chosen();
}

bool over() {
  return settings().end && std::chrono::steady_clock::now() > *settings().end;
}

std::uint64_t seed_of(std::uint64_t stream, std::uint64_t number) {
  std::seed_seq mixed{settings().seed & 0xffff'ffffU, settings().seed >> 32U, stream, number};
  std::uint32_t parts[2];
  mixed.generate(std::begin(parts), std::end(parts));
  return (std::uint64_t{parts[0]} << 32U) | parts[1];
}

}  // namespace durward::differential

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  durward::differential::read_environment();
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with("--"))
      durward::differential::set(word.substr(2), std::strtoull(argv[i + 1], nullptr, 10));
  }
  fmt::print("seed {}\n", durward::differential::settings().seed);
  return RUN_ALL_TESTS();
}

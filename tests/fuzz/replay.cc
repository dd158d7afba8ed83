// Proves: the fuzz target takes every input of its corpus, and random cuts and joins of them.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "fuzz.h"
#include "sys/file_store.h"

namespace durward::fuzz {
namespace {

constexpr int mixtures = DURWARD_FUZZ_MIXTURES;

int run(const std::string& bytes) {
  return LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

TEST(Corpus, EveryInputAndMixturesOfThem) {
  const std::string folder = DURWARD_FUZZ_CORPUS;
  const auto names = sys::list_files(folder);
  ASSERT_TRUE(names);
  ASSERT_FALSE(names->empty());
  std::vector<std::string> inputs;
  for (const std::string& name : *names) inputs.push_back(sys::read_file(folder + "/" + name).value());
  for (const std::string& input : inputs) EXPECT_EQ(run(input), 0);
  std::mt19937 random(1);
  for (int round = 0; round < mixtures; ++round) {
    const std::string& head = inputs[random() % inputs.size()];
    const std::string& tail = inputs[random() % inputs.size()];
    std::string mixed =
        head.substr(0, random() % (head.size() + 1)) + tail.substr(random() % (tail.size() + 1));
    if (!mixed.empty() && random() % 2 == 0) mixed[random() % mixed.size()] = static_cast<char>(random());
    EXPECT_EQ(run(mixed), 0);
  }
}

}  // namespace
}  // namespace durward::fuzz

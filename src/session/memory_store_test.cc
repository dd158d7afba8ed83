// Proves: the store that these tests run on keeps the contract of the real one.
#include "testing/memory_store.h"

#include "testing/store_contract.h"

namespace durward::testing {
namespace {

StoreUnderTest make(const sys::Clock& clock) {
  return {nullptr, std::make_unique<MemoryStore>(clock)};
}

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, ::testing::Values(StoreKind{"memory", make}));

}  // namespace
}  // namespace durward::testing

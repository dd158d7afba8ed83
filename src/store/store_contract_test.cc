// Proves: the SQLite store, and the fake that other tests use, keep the contract of store.h.
#include "testing/store_contract.h"

#include <filesystem>

#include "store/sqlite_store.h"
#include "testing/memory_store.h"

namespace durward::testing {
namespace {

StoreUnderTest make_sqlite(const sys::Clock& clock) {
  std::string pattern = (std::filesystem::temp_directory_path() / "durward-store-XXXXXX").string();
  auto root = std::shared_ptr<std::string>(new std::string(::mkdtemp(pattern.data())), [](std::string* path) {
    std::filesystem::remove_all(*path);
    delete path;
  });
  auto opened = store::open_sqlite({*root + "/state.db", clock});
  EXPECT_TRUE(opened) << opened.error().message;
  return {root, std::move(*opened)};
}

StoreUnderTest make_memory(const sys::Clock& clock) {
  return {nullptr, std::make_unique<MemoryStore>(clock)};
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         ::testing::Values(StoreKind{"sqlite", make_sqlite},
                                           StoreKind{"memory", make_memory}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace durward::testing

#include "store/sqlite_store.h"

#include <algorithm>
#include <condition_variable>
#include <optional>

#include "base/guarded.h"
#include "base/mutant.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_writer.h"
#include "sys/fd.h"

namespace durward::store {
namespace {

using std::chrono::milliseconds;

// How soon a wait notices what another process wrote; writers of this process wake it at once.
constexpr milliseconds foreign_writer_poll{1'000};
constexpr std::chrono::seconds checkpoint_interval{20};

// Reads have a connection of their own, so that they do not queue behind a commit's fsync; those of wait()
// have another, so that what must reach HAProxy does not queue behind a long list().
class SqliteStore final : public Store {
 public:
  SqliteStore(Writer writer, Reader reader, Reader waiter, Connection keeper, const sys::Clock& clock)
      : writer_(std::move(writer)),
        reader_(std::move(reader)),
        waiter_(std::move(waiter)),
        keeper_({std::move(keeper), std::chrono::steady_clock::now()}),
        clock_(clock) {}

  Result<Revision> revision() override { return reader_.lock()->revision(); }
  Result<std::optional<Entry>> get(const std::string& key, std::optional<Revision> at) override {
    return reader_.lock()->get(key, at);
  }
  Result<std::vector<Entry>> list(const std::string& prefix, std::optional<Revision> at) override {
    return reader_.lock()->list(prefix, at);
  }

  Result<Committed> transact(const Transaction& transaction) override {
    auto done = writer_.lock()->transact(transaction, now_ms());
    if (done && done->applied) announce();
    if (!done && mutant("store-failure-taken-for-done")) return Committed{true, 0};
    return done;
  }

  Result<std::vector<Change>> wait(const std::string& prefix, Revision after, milliseconds timeout) override {
    const sys::Deadline deadline = sys::deadline_in(timeout);
    while (true) {
      const std::uint64_t announced =
          signal_.lock()->announced;  // before looking, so that none falls between
      auto since = waiter_.lock()->changes(prefix, after);
      if (!since) return tl::unexpected(since.error());
      if (!since->changes.empty()) return std::move(since->changes);
      after = since->seen;
      if (!sleep_until_announced(announced, deadline)) return std::vector<Change>();
    }
  }

  void interrupt() override {
    signal_.lock()->interrupted = true;
    woken_.notify_all();
  }

  Result<LeaseId> grant(std::chrono::seconds ttl) override { return writer_.lock()->grant(ttl, now_ms()); }
  Status keep_alive(LeaseId lease) override { return writer_.lock()->keep_alive(lease, now_ms()); }

  Result<std::size_t> expire() override {
    checkpoint();
    std::size_t gone = 0;
    while (true) {
      const auto some = writer_.lock()->expire_some(now_ms());
      if (some && some->keys > 0) announce();
      if (!some) return tl::unexpected(some.error());
      gone += some->keys;
      if (!some->more) return gone;
    }
  }

  Status compact(Revision before) override {
    while (true) {
      const auto arrived = writer_.lock()->compact_some(before);
      if (!arrived) return tl::unexpected(arrived.error());
      if (*arrived) return {};
    }
  }

 private:
  struct Signal {
    std::uint64_t announced = 0;
    bool interrupted = false;
  };

  struct Keeper {
    std::optional<Connection> connection;
    std::chrono::steady_clock::time_point checked{};
  };

  // Moves what the log holds into the file, beside readers and writers. When it fails a later one does it.
  void checkpoint() {
    auto keeper = keeper_.lock();
    const auto now = std::chrono::steady_clock::now();
    if (now - keeper->checked < checkpoint_interval) return;
    keeper->checked = now;
    sqlite3_wal_checkpoint_v2(keeper->connection->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                              nullptr);
  }

  std::int64_t now_ms() const {
    return std::chrono::floor<milliseconds>(clock_.now().time_since_epoch()).count();
  }

  void announce() {
    ++signal_.lock()->announced;
    woken_.notify_all();
  }

  // False when there is nothing more to wait for.
  bool sleep_until_announced(std::uint64_t seen, sys::Deadline deadline) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    auto signal = signal_.lock();
    woken_.wait_until(signal.lock(), std::min(deadline, now + foreign_writer_poll),
                      [&] { return signal->interrupted || signal->announced != seen; });
    return !signal->interrupted;
  }

  Guarded<Writer> writer_;
  Guarded<Reader> reader_, waiter_;
  Guarded<Keeper> keeper_;
  Guarded<Signal> signal_;
  std::condition_variable woken_;
  const sys::Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(const SqliteOptions& options) {
  auto writing = open_store_file(options.path);
  if (!writing) return tl::unexpected(writing.error());
  auto writer = Writer::create(std::move(*writing));
  if (!writer) return tl::unexpected(writer.error());
  std::vector<Reader> readers;
  for (int i = 0; i < 2; ++i) {
    auto reading = open_again(options.path);
    if (!reading) return tl::unexpected(reading.error());
    auto reader = Reader::create(std::move(*reading));
    if (!reader) return tl::unexpected(reader.error());
    readers.push_back(std::move(*reader));
  }
  auto keeper = open_again(options.path);
  if (!keeper) return tl::unexpected(keeper.error());
  return std::make_unique<SqliteStore>(std::move(*writer), std::move(readers[0]), std::move(readers[1]),
                                       std::move(*keeper), options.clock);
}

}  // namespace durward::store

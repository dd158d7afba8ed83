// People signed in to a store's file before it is served, many at a time.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"
#include "session/state.h"
#include "store/store.h"

namespace durward::bench {

// Text in the alphabet of tokens and ids, of its own for each kind and index.
std::string text_of(char kind, std::size_t index, std::size_t characters);

// What a login writes that has one session: `key` on `host`, as long as the login lives.
void put_signed_in(session::Login login, const std::string& host, const std::string& key,
                   std::chrono::sys_seconds now, store::Transaction& out);

// Writes what `add` says of 0 to `count` - 1, so many a transaction, and then `last`. Nobody else may have
// the file open.
using Add = std::function<void(std::size_t, std::chrono::sys_seconds, store::Transaction&)>;
Status write_people(const std::string& database, std::size_t count, const Add& add,
                    const store::Transaction& last = {});

}  // namespace durward::bench

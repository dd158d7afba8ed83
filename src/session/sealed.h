// Small JSON blobs that travel through the browser, sealed: nobody reads, alters or reuses them elsewhere or
// later.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "store/store.h"
#include "sys/random.h"

namespace durward::session {

constexpr std::size_t sealed_plain_bytes_max = 96U << 10;

// AES-256-GCM under a key derived per message (the store's key and a random salt), the purpose as associated
// data: base64url(version 1 | salt 16 | nonce 12 | ciphertext | tag 16). Thread-safe.
class Sealer {
 public:
  // Takes the key from `key/seal`, making it when there is none. `random` outlives the Sealer.
  // Errors: STO…, SES002 the stored key is damaged.
  static Result<Sealer> open(store::Store& store, sys::Random& random);

  // Errors: SES003 too large.
  Result<std::string> seal(std::string_view purpose, std::string_view text,
                           std::chrono::sys_seconds expires) const;
  // Errors: SES004 not ours, altered, or of another purpose (they are not told apart); SES005 expired.
  Result<std::string> unseal(std::string_view purpose, std::string_view sealed,
                             std::chrono::sys_seconds now) const;

 private:
  Sealer(Secret key, sys::Random& random) : key_(std::move(key)), random_(&random) {}
  Secret key_;
  sys::Random* random_;
};

}  // namespace durward::session

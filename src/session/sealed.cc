#include "session/sealed.h"

#include <openssl/evp.h>

#include <array>
#include <optional>

#include "base/hash.h"
#include "base/text.h"
#include "session/record.h"
#include "session/versioned.h"

namespace durward::session {
namespace {

constexpr char version = '\1';
constexpr std::size_t key_bytes = 32;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t overhead_bytes = 1 + salt_bytes + nonce_bytes + tag_bytes;
constexpr std::size_t sealed_text_bytes_max = (sealed_plain_bytes_max + 256) * 2;
constexpr const char* store_key = "key/seal";

struct CipherDelete {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherDelete>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// A key of its own for each message, so that random nonces cannot run out under one key.
Secret message_key(const Secret& key, std::string_view salt) {
  return Secret(hmac_sha256(key.reveal(), "durward sealed v1 " + std::string(salt)));
}

std::string associated(std::string_view purpose) {
  return "durward/v1/" + std::string(purpose);
}

// Encrypts (or decrypts, when `tag` is to be checked) in place of one another: GCM is one shape both ways.
struct Gcm {
  const Secret& key;
  std::string_view nonce;
  std::string aad;

  bool begin(EVP_CIPHER_CTX* context, int encrypt) const {
    int length = 0;
    return EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nullptr, raw(key.reveal()), raw(nonce), encrypt) ==
               1 &&
           EVP_CipherUpdate(context, nullptr, &length, raw(aad), static_cast<int>(aad.size())) == 1;
  }
};

bool transform(EVP_CIPHER_CTX* context, std::string_view in, std::string& out) {
  int length = 0;
  out.resize(in.size());
  return EVP_CipherUpdate(context, raw(out), &length, raw(in), static_cast<int>(in.size())) == 1 &&
         static_cast<std::size_t>(length) == in.size();
}

std::optional<std::string> encrypt(const Gcm& gcm, std::string_view plain) {
  const Cipher context(EVP_CIPHER_CTX_new());
  std::string out;
  std::string tag(tag_bytes, '\0');
  std::array<unsigned char, 16> rest{};
  int length = 0;
  const bool good = context != nullptr && gcm.begin(context.get(), 1) &&
                    transform(context.get(), plain, out) &&
                    EVP_CipherFinal_ex(context.get(), rest.data(), &length) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, tag.data()) == 1;
  return good ? std::optional(out + tag) : std::nullopt;
}

std::optional<std::string> decrypt(const Gcm& gcm, std::string_view sealed) {
  const Cipher context(EVP_CIPHER_CTX_new());
  const std::string_view body = sealed.substr(0, sealed.size() - tag_bytes);
  std::string tag(sealed.substr(body.size()));
  std::string out;
  std::array<unsigned char, 16> rest{};
  int length = 0;
  const bool good = context != nullptr && gcm.begin(context.get(), 0) &&
                    transform(context.get(), body, out) &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
                    EVP_CipherFinal_ex(context.get(), rest.data(), &length) == 1;
  return good ? std::optional(std::move(out)) : std::nullopt;
}

auto refused() {
  return fail("SES004", "the sealed text is not ours or was altered", "begin the login again");
}

}  // namespace

Result<Sealer> Sealer::open(store::Store& store, sys::Random& random) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto found = store.get(store_key);
    if (!found) return tl::unexpected(found.error());
    if (*found) {
      const auto stored = read_versioned((*found)->value, "sealing key");
      if (!stored) return tl::unexpected(stored.error());
      auto key = base64url_decode(identity::string_member(*stored, "key").value_or(""));
      if (!key || key->size() != key_bytes) return fail("SES002", "the stored sealing key is damaged");
      return Sealer(Secret(std::move(*key)), random);
    }
    const std::string value =
        identity::dump({{"v", record_version}, {"key", base64url(random.bytes(key_bytes))}});
    const auto made = store.transact(
        {.compares = {{store_key, 0}}, .puts = {{.key = store_key, .value = value}}, .deletes = {}});
    if (!made)
      return tl::unexpected(made.error());  // not applied: someone else made one, which the next round reads
  }
  return fail("SES002", "the sealing key cannot be made");
}

Result<std::string> Sealer::seal(std::string_view purpose, std::string_view text,
                                 std::chrono::sys_seconds expires) const {
  if (text.size() > sealed_plain_bytes_max) return fail("SES003", "the text to seal is too large");
  const std::string salt = random_->bytes(salt_bytes);
  const std::string nonce = random_->bytes(nonce_bytes);
  const std::string plain = std::to_string(expires.time_since_epoch().count()) + " " + std::string(text);
  const Secret key = message_key(key_, salt);
  const auto sealed = encrypt({key, nonce, associated(purpose)}, plain);
  if (!sealed) return fail("SES003", "the text could not be sealed");
  return base64url(std::string(1, version) + salt + nonce + *sealed);
}

Result<std::string> Sealer::unseal(std::string_view purpose, std::string_view sealed,
                                   std::chrono::sys_seconds now) const {
  if (sealed.size() > sealed_text_bytes_max) return refused();
  const auto bytes = base64url_decode(sealed);
  if (!bytes || bytes->size() < overhead_bytes || (*bytes)[0] != version) return refused();
  const std::string_view all = *bytes;
  const Secret key = message_key(key_, all.substr(1, salt_bytes));
  const auto plain = decrypt({key, all.substr(1 + salt_bytes, nonce_bytes), associated(purpose)},
                             all.substr(1 + salt_bytes + nonce_bytes));
  if (!plain) return refused();
  const std::size_t space = plain->find(' ');
  if (space == std::string::npos) return refused();
  if (now.time_since_epoch().count() >= std::stoll(plain->substr(0, space))) {
    return fail("SES005", "the sealed text has expired", "begin the login again");
  }
  return plain->substr(space + 1);
}

}  // namespace durward::session

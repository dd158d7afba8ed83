// Proves: encodings have one spelling each, secrets are wiped on move, diagnostics point at their place.
#include <gtest/gtest.h>

#include "base/diagnostics.h"
#include "base/hash.h"
#include "base/secret.h"
#include "base/text.h"

namespace durward {
namespace {

TEST(Text, Base64UrlRoundTripsAndHasOneSpelling) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd"})
    EXPECT_EQ(base64url_decode(base64url(text)), text);
  EXPECT_EQ(base64url_decode("Zh"), std::nullopt);  // "Zg" with spare bits set
  EXPECT_EQ(base64url_decode("Zg=="), std::nullopt);
  EXPECT_EQ(base64url_decode("Z"), std::nullopt);
}

TEST(Text, PercentDecodingRefusesWhatItCannotRead) {
  EXPECT_EQ(percent_decode("a%2Fb"), "a/b");
  EXPECT_EQ(percent_decode("%zz"), std::nullopt);
  EXPECT_EQ(percent_decode("%2"), std::nullopt);
  EXPECT_EQ(percent_encode("a b/ü"), "a%20b%2F%C3%BC");
}

TEST(Text, SuggestsTheNearestWordOnlyWhenItIsNear) {
  EXPECT_EQ(did_you_mean("upstrems", {"hosts", "upstreams"}), "upstreams");
  EXPECT_EQ(did_you_mean("banana", {"hosts", "upstreams"}), std::nullopt);
  EXPECT_EQ(suggest("banana", {"hosts", "routes"}), "one of: hosts, routes");
}

TEST(Hash, MatchesKnownAnswers) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(hmac_sha256("key", "The quick brown fox jumps over the lazy dog")),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  EXPECT_FALSE(equal_constant_time("a", "ab"));
}

TEST(Secret, MoveLeavesNothingBehind) {
  Secret first(std::string("hunter2"));
  const Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  EXPECT_EQ(second.reveal(), "hunter2");
}

TEST(Diagnostics, ShowThePlaceTheCaretAndTheHint) {
  const SourceFile file{"a.yaml", "kind: App\nhots: [x]\n"};
  Diagnostics diagnostics;
  diagnostics.error("BND001", {&file, 2, 1, 4}, "unknown key 'hots'", "did you mean 'hosts'?");
  EXPECT_EQ(render_text(diagnostics),
            "error[BND001]: unknown key 'hots'\n"
            "  --> a.yaml:2:1\n"
            "   2 | hots: [x]\n"
            "     | ^^^^\n"
            "  hint: did you mean 'hosts'?\n");
}

TEST(Diagnostics, NeverPassControlBytesToATerminal) {
  const SourceFile file{"a.yaml", "k: \x1b[31mred\n"};
  Diagnostics diagnostics;
  diagnostics.error("BND001", {&file, 1, 4, 3}, "bad \x1b value");
  EXPECT_EQ(render_text(diagnostics).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace durward

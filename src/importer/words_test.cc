// Proves: lines split into words as HAProxy splits them (quotes, escapes, comments, variables), addresses are
// sets with exact complement and intersection, and only expressions that say no more than texts count as
// such.
#include "importer/words.h"

#include <gtest/gtest.h>

#include "importer/addresses.h"
#include "importer/expressions.h"

namespace durward::importer {
namespace {

using Texts = std::vector<std::string>;

Texts words(const std::string& line, const Variables& variables = {}) {
  Texts out;
  for (const Word& word : split_words(line, variables).words) out.push_back(word.text);
  return out;
}

TEST(Words, PartAtBlanksAndEndAtComments) {
  EXPECT_EQ(words("  acl  a\tpath /x # why"), (Texts{"acl", "a", "path", "/x"}));
  EXPECT_EQ(words("acl a path /x#y"), (Texts{"acl", "a", "path", "/x"}));
  EXPECT_EQ(words("# all of it"), Texts{});
  EXPECT_EQ(words("log global\r"), (Texts{"log", "global"}));
}

TEST(Words, QuotesJoinAndEscapesCount) {
  EXPECT_EQ(words(R"(a "b # c" 'd\e' f\ g \# \x41 \1)"),
            (Texts{"a", "b # c", "d\\e", "f g", "#", "A", "\\1"}));
  EXPECT_EQ(words(R"(a "" '' b"c"d)"), (Texts{"a", "", "", "bcd"}));
  EXPECT_EQ(words(R"("say \"it\"" 'don'"'"'t')"), (Texts{"say \"it\"", "don't"}));
}

TEST(Words, VariablesStandInDoubleQuotesOnly) {
  const Variables variables{{"HOST", "10.0.0.1"}, {"LIST", "a b  c"}};
  EXPECT_EQ(words(R"("${HOST}:80" "$HOST" ${HOST} '$HOST')", variables),
            (Texts{"10.0.0.1:80", "10.0.0.1", "${HOST}", "$HOST"}));
  EXPECT_EQ(words(R"(x "${LIST[*]}" y)", variables), (Texts{"x", "a", "b", "c", "y"}));
  EXPECT_EQ(words(R"("${NONE-8080}")", variables), Texts{"8080"});
  const Words unknown = split_words(R"(server a "${NONE}:80")", variables);
  EXPECT_EQ(unknown.unknown, Texts{"NONE"});
  EXPECT_TRUE(unknown.words.at(2).unresolved);
  EXPECT_EQ(unknown.words.at(2).column, 10U);
}

TEST(Words, WhatHaproxyRefusesIsSaid) {
  for (const auto* line : {"a \"b", "a 'b", "a \\xZZ", "a \"${B\"", "a \"$1\""})
    EXPECT_NE(split_words(line, {}).problem, "") << line;
  EXPECT_NE(split_words(std::string("a b\0c", 5), {}).problem, "");
  EXPECT_EQ(split_words("a \"b", {}).problem_column, 3U);
}

TEST(Words, ShownIsPrintableAndShort) {
  EXPECT_EQ(shown("a\x01\xff\nb"), "a???b");
  EXPECT_LT(shown(std::string(5'000, 'x')).size(), 200U);
}

TEST(Addresses, AreExactSets) {
  const auto net = Addresses::parse("10.1.2.3/8");
  ASSERT_TRUE(net);
  EXPECT_EQ(net->networks(), Texts{"10.0.0.0/8"});
  EXPECT_EQ(net->complement().complement(), *net);
  EXPECT_TRUE(net->united(net->complement()).is_all());
  EXPECT_TRUE(net->intersected(net->complement()).empty());
  const auto inner = Addresses::parse("10.2.0.0/255.255.0.0");
  ASSERT_TRUE(inner);
  EXPECT_EQ(net->intersected(*inner), *inner);
  EXPECT_EQ(Addresses::parse("10.0.0.0/9")->united(*Addresses::parse("10.128.0.0/9")), *net);
  EXPECT_EQ(Addresses::parse("2001:db8::1")->networks(), Texts{"2001:db8::1"});
  EXPECT_EQ(Addresses::parse("192.0.2.0/31")->united(*Addresses::parse("192.0.2.2")).networks(),
            (Texts{"192.0.2.0/31", "192.0.2.2"}));
}

TEST(Addresses, RefuseWhatIsNone) {
  for (const auto* text :
       {"", "localhost", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "10.0.0", "::1/129", "1.2.3.4/x"})
    EXPECT_FALSE(Addresses::parse(text)) << text;
}

TEST(Expressions, SimpleOnesBecomeTexts) {
  const auto both = simple_expression("^/api(/|$)");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->exact, Texts{"/api"});
  EXPECT_EQ(both->prefix, Texts{"/api/"});
  EXPECT_EQ(simple_expression("^/(a|b)/c")->prefix, (Texts{"/a/c", "/b/c"}));
  EXPECT_EQ(simple_expression("^www\\.example\\.com$")->exact, Texts{"www.example.com"});
  EXPECT_EQ(simple_expression("^/x/?$")->exact, (Texts{"/x", "/x/"}));
}

TEST(Expressions, OthersAreNot) {
  for (const auto* text :
       {"/api", "^/a.b", "^/a+", "^/(a|b)(c|d)", "^/[ab]", "^/a\\d", "^/(a", "^(?i)/x", "^/a{2}"})
    EXPECT_FALSE(simple_expression(text)) << text;
}

}  // namespace
}  // namespace durward::importer

// Proves: every value knows its place to the byte, what the language leaves out is refused where it stands,
// hostile bytes and sizes end in a diagnostic, and print() reads back as the same tree.
#include "bundle/parse.h"

#include <gtest/gtest.h>

#include <random>

#include "base/diagnostics.h"
#include "bundle/codes.h"
#include "bundle/encoding.h"
#include "bundle/print.h"

namespace durward::bundle {
namespace {

struct Read {
  SourceFilePtr file;
  Diagnostics diagnostics;
  Parsed parsed;
  explicit Read(std::string text)
      : file(std::make_shared<SourceFile>(SourceFile{"a.yaml", std::move(text)})),
        parsed(parse(file, diagnostics)) {}
  const Node& root() const { return parsed.documents.at(0).root; }
  std::string errors() {
    diagnostics.sort();
    return render_text(diagnostics);
  }
};

std::string place(const SourceSpan& span) {
  return std::to_string(span.line) + ":" + std::to_string(span.column) + "+" + std::to_string(span.length);
}

TEST(Parse, PlacesAreBytes) {
  const Read read("a: 'x y'\nb:\n  - {k: \"q\\tü\", l: [1, 2]}\n  - m:\n      - é: 2\nempty:\n");
  ASSERT_TRUE(read.parsed.complete);
  const Node& root = read.root();
  EXPECT_EQ(place(root.find("a")->span), "1:4+5");
  const Node& flow = root.find("b")->children[0];
  EXPECT_EQ(place(flow.span), "3:5+23");
  EXPECT_EQ(place(flow.find("k")->span), "3:9+7");
  EXPECT_EQ(flow.find("k")->text, "q\tü");
  EXPECT_EQ(place(flow.find("l")->key_span), "3:18+1");
  const Node& deep = root.find("b")->children[1].find("m")->children[0];
  EXPECT_EQ(deep.children[0].key, "é");
  EXPECT_EQ(place(deep.children[0].span), "5:13+1");
  EXPECT_TRUE(root.find("empty")->is_null());
  EXPECT_EQ(place(root.find("empty")->span), "6:1+5");
}

TEST(Parse, ByteOrderMarkShiftsNothing) {
  const Read read("\xef\xbb\xbfkey: value\n");
  ASSERT_TRUE(read.parsed.complete);
  EXPECT_EQ(place(read.root().find("key")->span), "1:9+5");
}

TEST(Parse, ManyDocumentsAndEmptyOnes) {
  const Read read("---\n# nothing\n---\na: 1\n---\n~\n---\n- b\n...\n");
  ASSERT_TRUE(read.parsed.complete);
  ASSERT_EQ(read.parsed.documents.size(), 2U);
  EXPECT_EQ(read.parsed.documents[1].root.children[0].text, "b");
}

TEST(Parse, WindowsLineEnds) {
  const Read read("a: x\r\nb: [y]\r\n");
  ASSERT_TRUE(read.parsed.complete);
  EXPECT_EQ(place(read.root().find("b")->span), "2:4+3");
}

TEST(Parse, QuotedNullIsText) {
  const Read read("a: 'null'\nb: null\nc: ~\nd: ''\n");
  EXPECT_FALSE(read.root().find("a")->is_null());
  EXPECT_TRUE(read.root().find("b")->is_null());
  EXPECT_TRUE(read.root().find("c")->is_null());
  EXPECT_FALSE(read.root().find("d")->is_null());
}

struct Refusal {
  const char* name;
  std::string text;
  const char* code;
  const char* at;
};

TEST(Parse, RefusesWithThePlace) {
  const std::string wide = "ä: [";  // columns count bytes: ä is two
  const std::vector<Refusal> cases{
      {"duplicate", "a: 1\nb: {x: 1, x: 2}\n", "BND003", "2:11+1"},
      {"anchor", "a: &x 1\n", "BND004", "1:4+2"},
      {"alias", "a: 1\nb: *x\n", "BND004", "2:4+2"},
      {"merge", "a: {<<: {b: 1}}\n", "BND004", "1:5+2"},
      {"tag", "a: !!int 1\n", "BND005", "1:4+5"},
      {"directive", "%YAML 1.2\n---\na: 1\n", "BND005", "1:1+9"},
      {"complex key", "? [a]\n: 1\n", "BND006", "1:3+1"},
      {"empty key", ": 1\n", "BND006", ""},
      {"tab indent", "a:\n\tb: 1\n", "BND002", ""},
      {"nested", "a: b: c\n", "BND002", "1:5+1"},
      {"indent", "a: 1\n b: 2\n", "BND002", "1:4+1"},
      {"at sign", "ab: @x\n", "BND002", "1:5+1"},
      {"silent end", "- a\nb: 1\n", "BND002", ""},
      {"unclosed", wide + "1, 2", "BND002", ""},
      {"utf-8", "a: \xff\n", "BND001", "1:4+1"},
      {"overlong", "a: \xc0\xaf\n", "BND001", "1:4+1"},
      {"surrogate", "a: \xed\xa0\x80\n", "BND001", "1:4+1"},
      {"nul", std::string("a: b\0c\n", 7), "BND001", "1:5+1"},
      {"escape", "# \x1b[31m\n", "BND001", "1:3+1"},
      {"lone return", "a: 1\rb: 2\n", "BND001", "1:5+1"},
      {"escaped nul", "a: \"x\\0\"\n", "BND001", "1:4+5"},
      {"escaped zero width", "a: \"x\\u200b\"\n", "BND001", "1:4+9"},
      {"bidi", "a: x # \u202e\n", "BND001", "1:8+3"},
      {"utf-16",
       std::string("\xff\xfe"
                   "a\0",
                   4),
       "BND001", "1:1+2"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.name);
    Read read(c.text);
    EXPECT_FALSE(read.parsed.complete);
    EXPECT_TRUE(read.parsed.documents.empty());
    if (read.diagnostics.all().empty()) {
      ADD_FAILURE() << "nothing reported";
      continue;
    }
    EXPECT_EQ(read.diagnostics.all()[0].code, c.code) << read.errors();
    const std::string at = place(read.diagnostics.all()[0].span);
    EXPECT_EQ(at, *c.at == '\0' ? at : c.at) << read.errors();
    EXPECT_NE(read.diagnostics.all()[0].span.line, 0U);
  }
}

TEST(Parse, OneBadDocumentLeavesTheOthers) {
  Read read("a: 1\n---\nb: &x 1\n---\nc: 1\n---\nd: 1\nd: 2\n");
  EXPECT_FALSE(read.parsed.complete);
  ASSERT_EQ(read.parsed.documents.size(), 2U);
  EXPECT_EQ(read.parsed.documents[1].root.children[0].key, "c");
  EXPECT_EQ(read.diagnostics.errors(), 2U);
}

TEST(Parse, UnclosedFlowNamesItsOpening) {
  Read read("a:\n  - {b: 1,\n    c: [2\n");
  EXPECT_EQ(read.errors(),
            "error[BND002]: flow sequence without a closing bracket\n"
            "  --> a.yaml:3:10\n"
            "   3 |     c: [2\n"
            "     |          ^\n"
            "  note: inside what opens here\n"
            "  --> a.yaml:3:8\n"
            "   3 |     c: [2\n"
            "     |        ^\n");
}

TEST(Parse, BoundsAreNamed) {
  EXPECT_EQ(Read(std::string(depth_max + 1, '[') + std::string(depth_max + 1, ']')).errors().substr(0, 48),
            "error[BND007]: nested deeper than 32 levels\n  --");
  EXPECT_NE(Read(std::string(200'000, '[')).errors().find("nested deeper"), std::string::npos);
  EXPECT_NE(Read("a: " + std::string(scalar_bytes_max + 1, 'x')).errors().find("longer than 64 KiB"),
            std::string::npos);
  EXPECT_NE(Read(std::string(file_bytes_max + 1, '\n')).errors().find("larger than 16 MiB"),
            std::string::npos);
  std::string many;
  for (std::size_t i = 0; i <= documents_max; ++i) many += "---\na: 1\n";
  EXPECT_NE(Read(many).errors().find("documents in one file"), std::string::npos);
}

TEST(Parse, WideMappingsFindDuplicatesToo) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_TRUE(Read(text).parsed.complete);
  Read read(text + "k3: 2\n");
  ASSERT_EQ(read.diagnostics.errors(), 1U);
  EXPECT_EQ(read.diagnostics.all()[0].related.at(0).span.line, 4U);
}

TEST(Print, ReadsBackAsTheSameTree) {
  const Read read(
      "a: 'x: y'\n\"k k\": [1, '', null, 'null', \"a\\n\\\"\\\\b\", '{x}', -1, 'ü']\nm: {}\nl: []\n"
      "n:\n  - {a: 1, b: {c: [d]}}\n  - [[1], 2]\n  - - {z: 1}\n  - |\n    block\n    text\n");
  ASSERT_TRUE(read.parsed.complete);
  const std::string once = print(read.root());
  Read again(once);
  ASSERT_TRUE(again.parsed.complete) << once << again.errors();
  EXPECT_TRUE(same(read.root(), again.root())) << once;
  EXPECT_EQ(print(again.root()), once);
}

// Cuts and flips bytes of a rich document: whatever comes, it ends in documents or diagnostics with a place.
TEST(Parse, SurvivesBrokenBytes) {
  const std::string whole =
      "a: 'x'\nb:\n  - {k: \"q\\t\", l: [1, 2]}\n  - m: |\n      text\n---\n? x\n: &a y\n--- !t\n- *a # c\n";
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole.substr(0, random() % (whole.size() + 1));
    for (unsigned flips = random() % 4; flips > 0 && !text.empty(); --flips)
      text[random() % text.size()] = "\"'[]{}:,-?&*!|>%@ \n\t#~\\ax\xc3"[random() % 26];
    Read read(text);
    EXPECT_EQ(read.parsed.complete, !read.diagnostics.has_errors()) << text;
    for (const auto& d : read.diagnostics.all())
      EXPECT_TRUE(d.span.known() && d.span.line > 0 && d.span.column > 0);
    (void)read.errors();
    for (const auto& document : read.parsed.documents) {
      Read again(print(document.root));
      ASSERT_TRUE(again.parsed.complete) << text << "\n==\n" << print(document.root);
      ASSERT_TRUE(same(document.root, again.root())) << text << "\n==\n" << print(document.root);
    }
  }
}

}  // namespace
}  // namespace durward::bundle

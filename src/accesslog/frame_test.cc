// Proves: messages come out whole however the stream is cut, and a wrong length ends it.
#include "accesslog/frame.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace durward::accesslog {
namespace {

void feed(FrameDecoder& decoder, std::string_view bytes) {
  const auto room = decoder.room();
  ASSERT_GE(room.size(), bytes.size());
  bytes.copy(room.data(), bytes.size());
  decoder.filled(bytes.size());
}

std::string frame(const std::string& message) {
  return std::to_string(message.size()) + " " + message;
}

TEST(Frames, AnyCutGivesTheSameMessages) {
  std::mt19937 random(7);
  std::vector<std::string> sent;
  std::string stream;
  for (int i = 0; i < 2'000; ++i) {
    std::string message(1 + random() % (i % 50 == 0 ? line_bytes_max : 300), 'x');
    for (char& c : message) c = static_cast<char>(random());
    stream += frame(message);
    sent.push_back(std::move(message));
  }
  FrameDecoder decoder(Framing::octet_counted);
  std::vector<std::string> got;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 50'000, stream.size() - at);
    feed(decoder, std::string_view(stream).substr(at, size));
    at += size;
    while (true) {
      const auto line = decoder.next();
      ASSERT_TRUE(line);
      if (!*line) break;
      got.emplace_back(**line);
    }
  }
  EXPECT_EQ(got, sent);
  EXPECT_TRUE(decoder.empty());
}

TEST(Frames, ByteByByte) {
  FrameDecoder decoder(Framing::octet_counted);
  for (const char c : std::string("11 hello world")) {
    ASSERT_FALSE(decoder.next().value());
    feed(decoder, std::string_view(&c, 1));
  }
  EXPECT_EQ(decoder.next().value(), "hello world");
}

TEST(Frames, OneALine) {
  FrameDecoder decoder(Framing::lines);
  feed(decoder, "12 first\n\nsec");
  EXPECT_EQ(decoder.next().value(), "12 first");
  EXPECT_EQ(decoder.next().value(), "");
  EXPECT_FALSE(decoder.next().value());
  feed(decoder, "ond\n" + std::string(line_bytes_max, 'x') + "\n");
  EXPECT_EQ(decoder.next().value(), "second");
  EXPECT_EQ(decoder.next().value()->size(), line_bytes_max);
  feed(decoder, std::string(line_bytes_max + 1, 'x'));
  EXPECT_EQ(decoder.next().error().code, "ACL010");
}

TEST(Frames, WrongLengthsEndTheStream) {
  for (const char* bad : {"0 x", "01 x", " x", "-1 x", "+1 x", "1x y", "x", "16385 ", "99999", "123456",
                          "1\n", "18446744073709551617 x", "<134>1 2030", "\xff"}) {
    FrameDecoder decoder(Framing::octet_counted);
    feed(decoder, bad);
    const auto line = decoder.next();
    ASSERT_FALSE(line) << bad;
    EXPECT_EQ(line.error().code, "ACL010");
  }
  FrameDecoder decoder(Framing::octet_counted);
  feed(decoder, frame(std::string(line_bytes_max, 'x')));
  EXPECT_EQ(decoder.next().value()->size(), line_bytes_max);
}

}  // namespace
}  // namespace durward::accesslog

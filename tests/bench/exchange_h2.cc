#include <fmt/format.h>

#include "exchange.h"
#include "http2_frames.h"

namespace durward::bench {
namespace {

using namespace http2;

constexpr std::uint32_t much = 0x3fff'ffff;
constexpr std::size_t frame_most = 16'384, first_window = 65'535;

void number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}
std::uint32_t number(std::string_view in) {
  std::uint32_t out = 0;
  for (const char c : in) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  number(out, payload.size(), 3);
  number(out, type, 1);
  number(out, flags, 1);
  number(out, stream, 4);
  return out.append(payload);
}

// A field of a header block that no table remembers (RFC 7541, 6.2.3), without Huffman coding.
void field(std::string& out, std::string_view name, std::string_view value) {
  const auto length = [&out](std::size_t bytes) {
    constexpr std::size_t prefix = 127;
    if (bytes < prefix) {
      out += static_cast<char>(bytes);
      return;
    }
    out += static_cast<char>(prefix);
    for (bytes -= prefix; bytes >= 128; bytes >>= 7) out += static_cast<char>((bytes & 127U) | 128U);
    out += static_cast<char>(bytes);
  };
  out += '\x10';
  length(name.size());
  out += name;
  length(value.size());
  out += value;
}

// HAProxy writes :status first: as an index of the static table, or as that name and three digits.
int status_of(std::string_view block) {
  constexpr int indexed[] = {200, 204, 206, 304, 400, 404, 500};
  if (block.empty()) return 0;
  const auto first = static_cast<unsigned char>(block[0]);
  if (first >= 0x88 && first <= 0x8e) return indexed[first - 0x88];
  const bool named = first == 0x08 || first == 0x18 || first == 0x48;
  return named && block.size() >= 5 && block[1] == 3 ? std::atoi(std::string(block.substr(2, 3)).c_str()) : 0;
}

class Http2 final : public Connection {
 public:
  Http2(TlsClient tls, std::string host, std::uint16_t port, std::size_t streams)
      : tls_(std::move(tls)), authority_(fmt::format("{}:{}", host, port)), most_(streams) {
    std::string initial;
    number(initial, 4, 2);  // SETTINGS_INITIAL_WINDOW_SIZE
    number(initial, much, 4);
    std::string more;
    number(more, much, 4);
    broken_ = !tls_.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings, 0, 0, initial) +
                         frame(window, 0, 0, more));
  }

  int fd() const override { return tls_.fd(); }
  bool may_ask() const override {
    return !gone_ && !leaving_ && !broken_ && open_.size() < most_ && window_ >= 2 * frame_most &&
           next_ < much;
  }
  bool gone() const override { return gone_; }
  bool leaving() const override { return leaving_; }
  std::size_t open() const override { return open_.size(); }

  std::uint32_t ask(const Request& request) override {
    const std::uint32_t id = next_;
    next_ += 2;
    std::string block;
    field(block, ":method", request.method);
    field(block, ":scheme", "https");
    field(block, ":authority", authority_);
    field(block, ":path", request.path);
    field(block, "accept", "*/*");
    field(block, "cookie", "__Host-durward=" + request.token);
    if (request.body_bytes > 0) field(block, "content-length", std::to_string(request.body_bytes));
    std::string bytes =
        frame(headers, static_cast<std::uint8_t>(end_headers | (request.body_bytes == 0 ? end_stream : 0)),
              id, block);
    if (request.body_bytes > 0) {
      bytes += frame(data, end_stream, id, std::string(request.body_bytes, 'b'));
      window_ -= request.body_bytes;
    }
    open_[id] = true;
    if (!tls_.send(bytes)) broken_ = true;
    return id;
  }

  void pump(std::vector<Event>& out) override {
    if (gone_) return;
    const bool sent = tls_.flush() && !broken_;
    const bool alive = tls_.receive(unread_);
    std::size_t at = 0;
    while (unread_.size() - at >= frame_head_bytes) {
      const std::size_t length = number(std::string_view(unread_).substr(at, 3));
      if (unread_.size() - at < frame_head_bytes + length) break;
      take(std::string_view(unread_).substr(at, frame_head_bytes + length), out);
      at += frame_head_bytes + length;
    }
    unread_.erase(0, at);
    if (alive && sent && !(leaving_ && open_.empty())) return;
    gone_ = true;
    for (const auto& [id, unused] : open_) out.push_back({Event::Kind::broken, id, 0});
    open_.clear();
  }

 private:
  void take(std::string_view whole, std::vector<Event>& out) {
    const auto type = static_cast<std::uint8_t>(whole[3]);
    const auto flags = static_cast<std::uint8_t>(whole[4]);
    const std::uint32_t id = number(whole.substr(5, 4)) & 0x7fff'ffff;
    std::string_view payload = whole.substr(frame_head_bytes);
    if (type == settings && (flags & ack) == 0) broken_ |= !tls_.send(frame(settings, ack, 0, {}));
    if (type == ping && (flags & ack) == 0) broken_ |= !tls_.send(frame(ping, ack, 0, payload));
    if (type == window && id == 0) window_ += number(payload);
    if (type == goaway) leaving_ = true;
    if (type == data) give_back(payload.size());
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    if (type == headers) {
      if ((flags & padded) != 0) payload.remove_prefix(1);
      if ((flags & priority) != 0) payload.remove_prefix(5);
      if (found->second) out.push_back({Event::Kind::answered, id, status_of(payload)});
      found->second = false;
    }
    const bool ended = (type == data || type == headers) && (flags & end_stream) != 0;
    if (!ended && type != reset) return;
    out.push_back({ended ? Event::Kind::ended : Event::Kind::broken, id, 0});
    open_.erase(found);
  }

  // What was taken off the connection's window goes back, in lumps.
  void give_back(std::size_t bytes) {
    taken_ += bytes;
    if (taken_ < much / 4) return;
    std::string more;
    number(more, taken_, 4);
    broken_ |= !tls_.send(frame(window, 0, 0, more));
    taken_ = 0;
  }

  TlsClient tls_;
  std::string authority_;
  std::size_t most_;
  std::map<std::uint32_t, bool> open_;  // streams; true = the answer's head has not come
  std::uint32_t next_ = 1;
  std::size_t window_ = first_window, taken_ = 0;
  std::string unread_;
  bool gone_ = false, leaving_ = false, broken_ = false;
};

}  // namespace

Result<std::unique_ptr<Connection>> open_http2(std::uint16_t port, const std::string& host,
                                               std::size_t streams) {
  auto tls = TlsClient::open(port, host, true);
  if (!tls) return tl::unexpected(tls.error());
  return std::make_unique<Http2>(std::move(*tls), host, port, streams);
}

}  // namespace durward::bench

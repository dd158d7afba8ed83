#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "model/address.h"
#include "model/model.h"

namespace durward::model {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned mapped_bits = 96;

struct Raw {
  IpAddress address;
  bool mapped = false;
};

std::optional<Raw> parse_raw(std::string_view text) {
  if (text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  Raw raw;
  if (inet_pton(AF_INET, copy.c_str(), raw.address.bytes.data()) == 1) return raw;
  raw.address = {};
  if (inet_pton(AF_INET6, copy.c_str(), raw.address.bytes.data()) != 1) return std::nullopt;
  raw.address.v6 = true;
  auto& bytes = raw.address.bytes;
  if (std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin())) {
    IpAddress v4;
    std::copy_n(bytes.begin() + mapped_prefix.size(), 4, v4.bytes.begin());
    return Raw{v4, true};
  }
  return raw;
}

IpAddress masked(const IpAddress& address, unsigned prefix) {
  IpAddress out = address;
  for (unsigned i = 0; i < out.bytes.size(); ++i) {
    const unsigned kept = prefix > i * 8 ? std::min(prefix - i * 8, 8U) : 0;
    out.bytes[i] = static_cast<std::uint8_t>(out.bytes[i] & (0xff00U >> kept));
  }
  return out;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const auto raw = parse_raw(text);
  return raw ? std::optional(raw->address) : std::nullopt;
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
  return buffer;
}

tl::expected<Cidr, CidrProblem> parse_cidr(std::string_view text) {
  const auto fail = [](std::string message, std::string hint = {}) {
    return tl::unexpected<CidrProblem>({std::move(message), std::move(hint)});
  };
  const auto slash = text.find('/');
  const auto raw = parse_raw(text.substr(0, slash));
  if (!raw)
    return fail(fmt::format("'{}' is not an address or network", text),
                "write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32");
  const unsigned bits = raw->address.v6 ? 128 : 32;
  if (slash == std::string_view::npos) return Cidr{raw->address, bits};
  const std::string_view digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  const bool spelt = error == std::errc() && end == digits.data() + digits.size() &&
                     (digits.size() == 1 || digits[0] != '0');
  const unsigned base = raw->mapped ? mapped_bits : 0;
  if (!spelt || prefix > bits + base)
    return fail(fmt::format("'/{}' is not a prefix of 1 to {}", digits, bits + base));
  if (prefix <= base)
    return fail(fmt::format("'{}' is every address", text), "leave the condition out to mean everyone");
  const IpAddress network = masked(raw->address, prefix - base);
  if (network != raw->address) {
    return fail(fmt::format("'{}' has bits set beyond its prefix", text),
                fmt::format("write {}/{} for the network, or {} for the one address", network.text(),
                            prefix - base, raw->address.text()));
  }
  return Cidr{network, prefix - base};
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const auto parsed = parse_cidr(text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

bool Cidr::contains(const IpAddress& address) const {
  return address.v6 == network.v6 && masked(address, prefix) == network;
}

std::string Cidr::text() const {
  const unsigned bits = network.v6 ? 128 : 32;
  return prefix == bits ? network.text() : fmt::format("{}/{}", network.text(), prefix);
}

bool is_loopback(const IpAddress& address) {
  static const Cidr v4 = *Cidr::parse("127.0.0.0/8");
  static const Cidr v6 = *Cidr::parse("::1");
  return v4.contains(address) || v6.contains(address);
}

}  // namespace durward::model

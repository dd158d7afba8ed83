#include "importer/addresses.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace durward::importer {
namespace {

using model::IpAddress;

unsigned bytes_of(const IpAddress& address) {
  return address.v6 ? 16 : 4;
}

IpAddress least(bool v6) {
  IpAddress out;
  out.v6 = v6;
  return out;
}

// The last address of the network of `prefix` bits that `address` is in.
IpAddress top(IpAddress address, unsigned prefix) {
  for (unsigned i = 0; i < bytes_of(address); ++i) {
    const unsigned kept = prefix > i * 8 ? std::min(prefix - i * 8, 8U) : 0;
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] | (0xffU >> kept));
  }
  return address;
}

IpAddress bottom(IpAddress address, unsigned prefix) {
  for (unsigned i = 0; i < bytes_of(address); ++i) {
    const unsigned kept = prefix > i * 8 ? std::min(prefix - i * 8, 8U) : 0;
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> kept));
  }
  return address;
}

// Nothing past the end of the family.
std::optional<IpAddress> following(IpAddress address) {
  for (unsigned i = bytes_of(address); i-- > 0;)
    if (++address.bytes[i] != 0) return address;
  return std::nullopt;
}

std::optional<IpAddress> preceding(IpAddress address) {
  for (unsigned i = bytes_of(address); i-- > 0;)
    if (address.bytes[i]-- != 0) return address;
  return std::nullopt;
}

// "24", or "255.255.255.0" for IPv4.
std::optional<unsigned> parse_prefix(std::string_view text, bool v6) {
  if (const auto mask = v6 ? std::nullopt : IpAddress::parse(text); mask && !mask->v6) {
    for (unsigned prefix = 0; prefix <= 32; ++prefix)
      if (bottom(top(least(false), 0), prefix) == *mask) return prefix;
    return std::nullopt;
  }
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), prefix);
  const bool fine = error == std::errc() && end == text.data() + text.size() && prefix <= (v6 ? 128U : 32U);
  return fine ? std::optional(prefix) : std::nullopt;
}

}  // namespace

Addresses Addresses::all() {
  Addresses out;
  for (const bool v6 : {false, true}) out.ranges_.push_back({least(v6), top(least(v6), 0)});
  return out;
}

std::optional<Addresses> Addresses::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned prefix = bytes_of(*address) * 8;
  if (slash != std::string_view::npos) {
    const auto given = parse_prefix(text.substr(slash + 1), address->v6);
    if (!given) return std::nullopt;
    prefix = *given;
  }
  Addresses out;
  out.ranges_.push_back({bottom(*address, prefix), top(*address, prefix)});
  return out;
}

void Addresses::add(Range range) {
  if (!ranges_.empty() && ranges_.back().last.v6 == range.first.v6) {
    auto& last = ranges_.back().last;
    const auto next = following(last);
    if (!next || range.first <= *next) {
      last = std::max(last, range.last);
      return;
    }
  }
  ranges_.push_back(range);
}

Addresses Addresses::united(const Addresses& other) const {
  std::vector<Range> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  std::sort(both.begin(), both.end());
  Addresses out;
  for (const Range& range : both) out.add(range);
  return out;
}

Addresses Addresses::complement() const {
  Addresses out;
  for (const bool v6 : {false, true}) {
    std::optional<IpAddress> from = least(v6);
    for (const Range& range : ranges_) {
      if (range.first.v6 != v6 || !from) continue;
      if (const auto until = preceding(range.first); until && *from < range.first) out.add({*from, *until});
      from = following(range.last);
    }
    if (from) out.add({*from, top(least(v6), 0)});
  }
  return out;
}

Addresses Addresses::intersected(const Addresses& other) const {
  return complement().united(other.complement()).complement();
}

std::vector<std::string> Addresses::networks() const {
  std::vector<std::string> out;
  for (const Range& range : ranges_) {
    for (std::optional<IpAddress> at = range.first; at && *at <= range.last;) {
      unsigned prefix = 1;
      while (bottom(*at, prefix) != *at || top(*at, prefix) > range.last) ++prefix;
      out.push_back(model::Cidr{*at, prefix}.text());
      at = following(top(*at, prefix));
    }
  }
  return out;
}

}  // namespace durward::importer

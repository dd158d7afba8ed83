// Sets of client addresses, exact: what `src` ACLs and the rules made of them cover.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/model.h"

namespace durward::importer {

class Addresses {
 public:
  static Addresses none() { return {}; }
  static Addresses all();
  // "10.0.0.0/8", "10.1.2.3", "10.0.0.0/255.0.0.0"; host bits are cut off as HAProxy does. Nothing when it is
  // neither an address nor a network.
  static std::optional<Addresses> parse(std::string_view text);

  Addresses united(const Addresses& other) const;
  Addresses intersected(const Addresses& other) const;
  Addresses complement() const;
  bool empty() const { return ranges_.empty(); }
  bool is_all() const { return *this == all(); }
  // The least networks that cover it, IPv4 first, in the bundle's spelling; never a /0.
  std::vector<std::string> networks() const;
  bool operator==(const Addresses&) const = default;
  auto operator<=>(const Addresses&) const = default;

 private:
  struct Range {
    model::IpAddress first, last;  // of one family, both in
    auto operator<=>(const Range&) const = default;
  };
  void add(Range range);  // keeps order, joins neighbours

  std::vector<Range> ranges_;  // sorted, disjoint, not adjacent
};

}  // namespace durward::importer

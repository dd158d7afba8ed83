// Reading networks with the reason when one is refused. The values are in model.h.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "model/model.h"

namespace durward::model {

struct CidrProblem {
  std::string message;
  std::string hint;
};

// What Cidr::parse accepts, with why not. Pure.
tl::expected<Cidr, CidrProblem> parse_cidr(std::string_view text);

// Where no application is, in spaces: this host and its links, nowhere or everybody, and where clouds tell a
// machine its credentials (also behind NAT64). For a check of ours, and for HAProxy's of what names became.
inline constexpr std::string_view never_upstream_networks =
    "0.0.0.0/8 169.254.0.0/16 224.0.0.0/3 100.100.100.200 168.63.129.16 192.0.0.192 :: fe80::/10 ff00::/8 "
    "fd00:ec2::254 fd20:ce::254 64:ff9b::a9fe:0/112";

// 127.0.0.0/8 and ::1.
bool is_loopback(const IpAddress& address);

}  // namespace durward::model

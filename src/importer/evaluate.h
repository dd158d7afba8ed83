// What HAProxy's conditions say of a kind of request: the requests that one route of the draft would take.
#pragma once

#include <optional>
#include <string>

#include "importer/acl.h"

namespace durward::importer {

// All requests for one host, method and path, or (`below`) for every path that begins with `path`, a text
// that ends in '/', and has no kind of its own.
struct Cell {
  std::string host;
  std::optional<std::string> path;  // nothing: any path
  bool below = false;
  std::string method;  // "" = any
  bool tls = true;
};

enum class Tri { no, yes, unknown, address };  // address: it depends on where the request comes from

// Of an ACL with its negation. `address` only for address-only ACLs.
Tri evaluate(const Literal& literal, const Cell& cell);

// One term of a condition, all of whose literals must hold.
struct TermTruth {
  bool possible = true;               // false: no such request
  bool known = true;                  // false: it rests on something that a route cannot ask
  Addresses from = Addresses::all();  // the clients for whom it holds, as far as addresses go
  bool by_address = false;            // it asks for an address that must match
  bool by_no_address = false;         // ... or must not
  bool narrow = false;                // it asks for host, path or method too
  std::vector<AclPtr> exempt;         // ACLs of addresses or logins that must not match: whom the rule spares
  std::vector<AclPtr> wanted;         // ACLs of addresses that must match
  std::vector<AclPtr> logins;         // ACLs of logins that must match
  bool exempts_login = false;         // `exempt` holds one of logins
};
TermTruth evaluate(const std::vector<Literal>& term, const Cell& cell);

}  // namespace durward::importer

#include "generation/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/hash.h"
#include "base/mutant.h"
#include "base/text.h"
#include "generation/config.h"
#include "generation/hints.h"
#include "generation/routes.h"
#include "generation/rows.h"
#include "generation/words.h"
#include "policy/window.h"

namespace durward::generation {
namespace {

constexpr std::size_t idle_lifetimes_max = 8;

// The bits of an address as HAProxy's hex converter prints them, after '4' or '6'.
std::string address_hex(const model::IpAddress& address) {
  const std::size_t size = address.v6 ? 16 : 4;
  std::string out = address.v6 ? "6" : "4";
  for (std::size_t i = 0; i < size; ++i) out += fmt::format("{:02X}", address.bytes[i]);
  return out;
}

// A prefix that ends inside a hex digit becomes one row for each digit it leaves open.
std::vector<std::string> hex_prefixes(const model::Cidr& cidr) {
  const std::string all = address_hex(cidr.network);
  const std::size_t whole = cidr.prefix / 4;
  const unsigned open_bits = (4 - cidr.prefix % 4) % 4;
  const std::string head = all.substr(0, 1 + whole);
  if (open_bits == 0) return {head};
  const char digit = all[1 + whole];
  const unsigned base =
      static_cast<unsigned>(digit >= 'A' ? digit - 'A' + 10 : digit - '0') & ~((1U << open_bits) - 1);
  std::vector<std::string> out;
  for (unsigned i = 0; i < 1U << open_bits; ++i) out.push_back(head + fmt::format("{:X}", base + i));
  return out;
}

Rows source_rows(const policy::PolicySet& policies) {
  std::map<std::string, std::string> rows;
  for (const auto& [name, policy] : policies.policies) {
    auto cells = policy->cell_rows;
    // The longer prefix first: it keeps the digit rows that a wider one would also claim.
    std::stable_sort(cells.begin(), cells.end(),
                     [](const auto& a, const auto& b) { return a.first.prefix > b.first.prefix; });
    for (const auto& [cidr, cell] : cells)
      for (const auto& prefix : hex_prefixes(cidr))
        rows.emplace(fmt::format("{}:{}", policy_token(*policy), prefix),
                     std::to_string(mutant("source-cell-merged") ? std::min(cell, 1U) : cell));
  }
  return {rows.begin(), rows.end()};
}

std::vector<std::string> idle_lifetimes(const model::Model& model) {
  std::set<std::chrono::seconds> idle;
  for (const auto& [name, provider] : model.providers) idle.insert(provider.idle);
  if (idle.empty()) idle.insert(std::chrono::seconds(1800));
  std::vector<std::string> out;
  for (const auto& seconds : idle) out.push_back(std::to_string(seconds.count()));
  return out;
}

std::vector<std::string> certificate_directories(const model::Gateway& gateway) {
  std::vector<std::string> out;
  for (const auto& listener : gateway.listeners)
    out.push_back(listener.certificates ? listener.certificates->value : std::string());
  return out;
}

void substitute(std::string& text, std::string_view mark, const std::string& with) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + with.size()))
    text.replace(at, mark.size(), with);
}

std::string content_name(const Generation& generation) {
  std::string all = "durward generation 1\ntzdata " + policy::tzdata_version() + "\n";
  const auto add = [&](const std::string& name, const std::string& bytes) {
    all += fmt::format("{} {} {}\n", name, bytes.size(), sha256_hex(bytes));
  };
  add("haproxy.cfg", generation.config);
  for (const auto& [name, rows] : generation.maps) add(name, map_text(rows));
  for (const auto& [name, page] : generation.pages) add(name, page);
  return sha256_hex(all).substr(0, 12);
}

}  // namespace

namespace {

std::string text_of(const auto& rows) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : rows) bytes += key.size() + value.size() + 2;
  std::string out;
  out.reserve(bytes);
  for (const auto& [key, value] : rows) {
    out += key;
    out += ' ';
    out += value;
    out += '\n';
  }
  return out;
}

}  // namespace

std::string map_text(const SharedRows& rows) {
  return text_of(rows);
}

std::string map_text(const Rows& rows) {
  return text_of(rows);
}

char table_letter(const policy::PolicySet& policies, std::chrono::seconds idle) {
  const auto lifetimes = idle_lifetimes(*policies.model);
  const auto found = std::find(lifetimes.begin(), lifetimes.end(), std::to_string(idle.count()));
  return static_cast<char>('a' + (found == lifetimes.end() ? 0 : found - lifetimes.begin()));
}

namespace {

// All of a generation but the maps and the configuration's backends, from which follows the rest.
void finish(Generation& out, policy::PolicySetPtr policies, const std::string& backends) {
  // Only maps that the configuration names: HAProxy does not know the others.
  if (auto sources = source_rows(*policies); !sources.empty()) out.maps["sources.map"] = std::move(sources);
  out.maps["hints.map"] = hint_rows(*policies);
  out.maps["reasons.map"] = reason_rows();
  out.pages = render_pages();
  const HostShape shape = widest(out.host_shapes);
  out.config = render_head(
      {*policies, out.platform, out.credentials, shape, out.certificate_directories, out.login_tables});
  std::string pages;
  for (const auto& [name, page] : out.pages) pages += name + page;
  substitute(out.config, "@PAGES@", sha256_hex(pages).substr(0, 12));
  const std::string_view mark = "@GENERATION@";
  const std::string head = out.config;
  out.config += backends;
  out.policies = std::move(policies);
  out.name = content_name(out);
  out.config = head;
  substitute(out.config, mark, out.name);
  out.backends_at = out.config.size();
  out.config += backends;
}

// `all` without the rows of `old`, with those of `fresh`. All are sorted, and `old` is in `all`.
SharedRows spliced(const SharedRows& all, const Rows& old, const Rows& fresh) {
  SharedRows out;
  out.reserve(all.size() + fresh.size());
  auto gone = old.begin();
  auto come = fresh.begin();
  auto done = all.begin();
  while (gone != old.end() || come != fresh.end()) {
    const bool goes = come == fresh.end() || (gone != old.end() && gone->first <= come->first);
    const auto& key = goes ? gone->first : come->first;
    const auto at = std::lower_bound(done, all.end(), key,
                                     [](const Row& row, const std::string& k) { return row.first < k; });
    out.share(done, at);
    done = at;
    const bool comes = come != fresh.end() && come->first == key;
    if (goes) ++done, ++gone;
    if (comes) out.push_back(*come++);
  }
  out.share(done, all.end());
  return out;
}

}  // namespace

GenerationPtr generate(policy::PolicySetPtr policies, const Platform& platform,
                       const CredentialPaths& credentials, Diagnostics& diagnostics) {
  auto out = std::make_shared<Generation>();
  const std::size_t errors = diagnostics.errors();
  Routing routing = compile_routes(*policies, diagnostics);
  out->login_tables = idle_lifetimes(*policies->model);
  if (out->login_tables.size() > idle_lifetimes_max)
    diagnostics.error("GEN005", policies->model->gateway.span,
                      fmt::format("more than {} different idle lifetimes", idle_lifetimes_max),
                      "let some providers share a value of session.idle");
  if (diagnostics.errors() > errors) return nullptr;
  out->platform = platform;
  out->credentials = credentials;
  out->certificate_directories = certificate_directories(policies->model->gateway);
  out->host_shapes = std::move(routing.shapes);
  out->maps["routes.map"] = std::move(routing.rows);
  out->maps["rules.map"] = rule_rows(*policies);
  out->rule_ids = rule_id_rows(*policies);
  const HostShape shape = widest(out->host_shapes);
  const std::string backends = render_backends(
      {*policies, platform, credentials, shape, out->certificate_directories, out->login_tables},
      policies->model->all_apps());
  finish(*out, std::move(policies), backends);
  return out;
}

GenerationPtr regenerate(const Generation& before, policy::PolicySetPtr policies,
                         const policy::PolicySet& part_before, const policy::PolicySet& part_now) {
  const model::Model& was = *before.policies->model;
  if (largest_body(was) != largest_body(*policies->model)) return nullptr;
  auto out = std::make_shared<Generation>();
  out->platform = before.platform;
  out->credentials = before.credentials;
  out->login_tables = before.login_tables;
  out->certificate_directories = before.certificate_directories;
  Diagnostics problems;
  const Routing old = compile_routes(part_before, problems);
  const Routing fresh = compile_routes(part_now, problems);
  if (problems.has_errors()) return nullptr;
  out->host_shapes = before.host_shapes;
  for (const auto& [shape, hosts] : fresh.shapes) out->host_shapes[shape] += hosts;
  for (const auto& [shape, hosts] : old.shapes)
    if ((out->host_shapes[shape] -= hosts) == 0) out->host_shapes.erase(shape);
  const HostShape shape = widest(out->host_shapes);
  // What the backends say comes from upstreams, and from limits and places of routes.
  const auto backends = [&](const policy::PolicySet& part) {
    return render_backends(
        {*policies, out->platform, out->credentials, shape, out->certificate_directories, out->login_tables},
        part.model->all_apps());
  };
  if (backends(part_before) != backends(part_now)) return nullptr;
  const auto& routes = out->maps["routes.map"] = spliced(before.maps.at("routes.map"), old.rows, fresh.rows);
  if (routes.size() >= RoutingBounds{}.rows) return nullptr;
  out->maps["rules.map"] = spliced(before.maps.at("rules.map"), rule_rows(part_before), rule_rows(part_now));
  out->rule_ids = spliced(before.rule_ids, rule_id_rows(part_before), rule_id_rows(part_now));
  finish(*out, std::move(policies), before.config.substr(before.backends_at));
  return out;
}

}  // namespace durward::generation

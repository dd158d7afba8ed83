// A wide {**} beside a guarded route: whoever spells the guarded path in a way that the upstream understands
// and the gateway does not ("/ADMIN") comes by the wide one.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "policy/codes.h"
#include "policy/cover.h"
#include "policy/findings.h"
#include "policy/rows.h"

namespace durward::policy {
namespace {

using Kind = model::Segment::Kind;
using Rows = std::vector<const RoutePolicy*>;  // of one route

constexpr std::size_t k_related_max = 8;

// `wide` ends in {**} and matches whatever `narrow` matches; they are not of one shape.
bool lies_below(const model::PathTemplate& wide, const model::PathTemplate& narrow) {
  const std::size_t fixed = wide.segments.size() - 1;
  if (narrow.segments.size() <= fixed || same_shape(wide, narrow)) return false;
  for (std::size_t i = 0; i < fixed; ++i) {
    const auto& w = wide.segments[i];
    const auto& n = narrow.segments[i];
    if (w.kind == Kind::literal ? n != w
                                : n.kind == Kind::rest || (n.kind == Kind::literal && n.text.empty()))
      return false;
  }
  return true;
}

bool names(const Rows& rows, const std::string& method) {
  return std::any_of(rows.begin(), rows.end(), [&](const auto* row) {
    return std::binary_search(row->methods.begin(), row->methods.end(), method);
  });
}

// Some method is judged by row `a` of `all_a` on the one route, and by row `b` of `all_b` on the other.
bool share_a_method(const RoutePolicy& a, const Rows& all_a, const RoutePolicy& b, const Rows& all_b) {
  if (a.methods.empty() && b.methods.empty()) return true;
  const auto takes = [](const RoutePolicy& row, const Rows& all, const std::string& method) {
    return row.methods.empty() ? !names(all, method)
                               : std::binary_search(row.methods.begin(), row.methods.end(), method);
  };
  const auto& methods = a.methods.empty() ? b.methods : a.methods;
  return std::any_of(methods.begin(), methods.end(), [&](const std::string& method) {
    return takes(a, all_a, method) && takes(b, all_b, method);
  });
}

class WideRoutes {
 public:
  explicit WideRoutes(const PolicySet& set) {
    for (const RoutePolicy& row : set.routes) {
      if (rows_[row.route].empty())
        for (const auto& host : row.app->hosts) hosts_[host.value].push_back(row.route);
      rows_[row.route].push_back(&row);
    }
  }

  void report(const PolicySet& set, Diagnostics& diagnostics) {
    for (const RoutePolicy& row : set.routes) {
      const bool first = rows_.at(row.route).front() == &row;
      if (first && row.route->path.value.ends_in_rest()) report_one(*row.app, *row.route, diagnostics);
    }
  }

 private:
  void report_one(const model::App& app, const model::Route& wide, Diagnostics& diagnostics) {
    std::vector<const model::Route*> narrower;
    for (const auto& host : app.hosts) {
      for (const auto* route : hosts_.at(host.value)) {
        const bool known = std::find(narrower.begin(), narrower.end(), route) != narrower.end();
        if (!known && lies_below(wide.path.value, route->path.value) && lets_in_more(wide, *route))
          narrower.push_back(route);
      }
    }
    if (narrower.empty()) return;
    auto& finding = diagnostics.warning(
        code::wide_rest.id, wide.path.span,
        fmt::format("route '{}' lets in people whom narrower routes below it refuse ({})", wide.id.value,
                    narrower.size()),
        "narrow its rules: another spelling of a narrower path may reach the upstream by this route");
    for (std::size_t i = 0; i < std::min(narrower.size(), k_related_max); ++i)
      finding.related.push_back(
          {narrower[i]->path.span, fmt::format("route '{}' is narrower", narrower[i]->id.value)});
  }

  bool lets_in_more(const model::Route& wide, const model::Route& narrow) {
    const Rows& all_wide = rows_.at(&wide);
    const Rows& all_narrow = rows_.at(&narrow);
    for (const auto* w : all_wide)
      for (const auto* n : all_narrow)
        if (!is_covered(*w->policy, *n->policy) && share_a_method(*w, all_wide, *n, all_narrow)) return true;
    return false;
  }

  bool is_covered(const Policy& by_wide_route, const Policy& by_narrow_route) {
    const auto key = std::pair(&by_wide_route, &by_narrow_route);
    const auto known = covered_.find(key);
    if (known != covered_.end()) return known->second;
    return covered_.emplace(key, covers(by_narrow_route, by_wide_route)).first->second;
  }

  std::map<const model::Route*, Rows> rows_;
  std::map<std::string, std::vector<const model::Route*>> hosts_;
  std::map<std::pair<const Policy*, const Policy*>, bool> covered_;
};

}  // namespace

void report_wide_findings(const PolicySet& set, Diagnostics& diagnostics) {
  WideRoutes(set).report(set, diagnostics);
}

}  // namespace durward::policy

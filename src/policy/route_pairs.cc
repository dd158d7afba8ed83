#include "policy/route_pairs.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "policy/evaluate.h"

namespace durward::policy {
namespace {

using Kind = model::Segment::Kind;
using Segments = std::vector<model::Segment>;
using Rows = std::vector<const RoutePolicy*>;
using Hosts = std::map<std::string, Rows>;
using Pair = std::pair<const RoutePolicy*, const RoutePolicy*>;

constexpr const char* k_other_methods = "*";
constexpr const char* k_unnamed_method = "other";  // those of bundles are in capitals

Hosts hosts_of(const PolicySet& set) {
  Hosts out;
  for (const auto& row : set.routes)
    for (const auto& host : row.app->hosts) out[host.value].push_back(&row);
  return out;
}

// What routing and judging a host's requests depends on.
auto key(const RoutePolicy* row) {
  std::vector<std::pair<Kind, std::string>> shape;
  for (const auto& segment : row->route->path.value.segments)
    shape.emplace_back(segment.kind, segment.kind == Kind::literal ? segment.text : "");
  return std::tuple(std::move(shape), *row->methods, row->policy->name);
}

void sort_by_key(Rows& rows) {
  std::vector<std::pair<decltype(key(nullptr)), const RoutePolicy*>> keyed;
  for (const auto* row : rows) keyed.emplace_back(key(row), row);
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = keyed[i].second;
}

bool alike(const Rows& a, const Rows& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto* x, const auto* y) { return key(x) == key(y); });
}

// One path of each kind that some template tells apart from the others.
class Paths {
 public:
  Paths(const Rows& before, const Rows& after) {
    std::vector<const Segments*> all;
    for (const auto* rows : {&before, &after})
      for (const auto* row : *rows) {
        all.push_back(&row->route->path.value.segments);
        for (const auto& segment : *all.back())
          if (segment.kind == Kind::literal && segment.text.size() >= other_.size())
            other_ = std::string(segment.text.size() + 1, 'x');
      }
    walk("", 0, all);
  }
  const std::vector<std::string>& paths() const { return paths_; }
  bool complete() const { return complete_; }

 private:
  // `live`: templates with a segment at `depth` whose earlier ones match `path`.
  void walk(const std::string& path, std::size_t depth, const std::vector<const Segments*>& live) {
    std::set<std::string> words{other_, ""};
    for (const auto* segments : live)
      if ((*segments)[depth].kind == Kind::literal) words.insert((*segments)[depth].text);
    for (const auto& word : words) {
      if (paths_.size() >= kinds_of_path_max) {
        complete_ = false;
        return;
      }
      const std::string longer = path + "/" + word;
      paths_.push_back(longer);
      if (word.empty()) continue;  // an empty segment is the last
      std::vector<const Segments*> next;
      for (const auto* segments : live) {
        const auto& segment = (*segments)[depth];
        const bool matches =
            segment.kind == Kind::param || (segment.kind == Kind::literal && segment.text == word);
        if (matches && segments->size() > depth + 1) next.push_back(segments);
      }
      if (next.empty())
        paths_.push_back(longer + "/" + other_);  // only {**} goes on from here
      else
        walk(longer, depth + 1, next);
    }
  }

  std::string other_ = "x";  // no template's literal
  std::vector<std::string> paths_;
  bool complete_ = true;
};

// One host of one estate, to ask the evaluator for routes.
class Router {
 public:
  Router(const PolicySet& set, const Rows& rows, std::string host) : host_(std::move(host)) {
    estate_.gateway = set.model->gateway;
    std::set<const model::App*> apps;
    for (const auto* row : rows) {
      rows_[{row->app->name.value, row->route->id.value}].push_back(row);
      if (!apps.insert(row->app).second) continue;
      model::App app = *row->app;
      app.apps.clear();
      app.access.clear();  // routing does not ask
      estate_.apps.push_back(std::move(app));
    }
  }

  const RoutePolicy* route(const std::string& path, const std::string& method) const {
    const Request request{.host = host_, .method = method, .path = path, .source = {}};
    const auto verdict = evaluate(estate_, model::Subject{}, request);
    if (verdict.route == nullptr) return nullptr;
    const RoutePolicy* other = nullptr;
    for (const auto* row : rows_.at({verdict.app->name.value, verdict.route->id.value})) {
      if (row->methods.empty()) other = row;
      if (std::binary_search(row->methods.begin(), row->methods.end(), method)) return row;
    }
    return other;
  }

 private:
  std::string host_;
  model::Model estate_;
  std::map<std::pair<std::string, std::string>, Rows> rows_;
};

class Pairing {
 public:
  Pairing(const PolicySet& before, const PolicySet& after) : before_(before), after_(after) {}

  RoutePairs run() {
    Hosts were = hosts_of(before_), are = hosts_of(after_);
    for (auto& [host, rows] : were) {
      const auto now = are.find(host);
      if (now == are.end())
        for (const auto* row : rows) add({row, nullptr}, host, row->methods);
      else
        pair(host, rows, now->second);
    }
    for (const auto& [host, rows] : are)
      if (!were.contains(host))
        for (const auto* row : rows) add({nullptr, row}, host, row->methods);
    return finish();
  }

 private:
  struct Requests {
    std::set<std::string> hosts, methods;
  };

  void add(Pair routes, const std::string& host, const std::vector<std::string>& methods) {
    auto& requests = found_[routes];
    requests.hosts.insert(host);
    requests.methods.insert(methods.begin(), methods.end());
    if (methods.empty()) requests.methods.insert(k_other_methods);
  }

  void pair(const std::string& host, Rows& before, Rows& after) {
    sort_by_key(before);
    sort_by_key(after);
    if (alike(before, after)) {
      for (std::size_t i = 0; i < before.size(); ++i) add({before[i], after[i]}, host, after[i]->methods);
      return;
    }
    std::set<std::string> methods{k_unnamed_method};
    for (const auto* rows : {&before, &after})
      for (const auto* row : *rows) methods.insert(row->methods.begin(), row->methods.end());
    const Router was(before_, before, host), is(after_, after, host);
    const Paths paths(before, after);
    complete_ &= paths.complete();
    for (const auto& path : paths.paths())
      for (const auto& method : methods) {
        const Pair routes(was.route(path, method), is.route(path, method));
        if (routes.first == nullptr && routes.second == nullptr) continue;
        add(routes, host, {method == k_unnamed_method ? k_other_methods : method});
      }
  }

  RoutePairs finish() {
    RoutePairs out{.pairs = {}, .complete = complete_};
    for (const auto& [routes, requests] : found_)
      out.pairs.push_back({routes.first,
                           routes.second,
                           {requests.hosts.begin(), requests.hosts.end()},
                           {requests.methods.begin(), requests.methods.end()}});
    // Rows lie in their sets in the order of the bundle.
    const auto position = [&](const RoutePair& pair) {
      const auto in = [](const PolicySet& set, const RoutePolicy* row) {
        return row == nullptr ? set.routes.size() : static_cast<std::size_t>(row - set.routes.data());
      };
      return std::pair(in(after_, pair.after), in(before_, pair.before));
    };
    std::sort(out.pairs.begin(), out.pairs.end(),
              [&](const auto& a, const auto& b) { return position(a) < position(b); });
    return out;
  }

  const PolicySet& before_;
  const PolicySet& after_;
  std::map<Pair, Requests> found_;
  bool complete_ = true;
};

}  // namespace

const RoutePolicy& RoutePair::narrower() const {
  if (before == nullptr) return *after;
  if (after == nullptr) return *before;
  const auto& a = after->route->path.value.segments;
  const auto& b = before->route->path.value.segments;
  // Literal before parameter before rest; of equal ones the later estate's.
  const bool before_is = std::lexicographical_compare(
      b.begin(), b.end(), a.begin(), a.end(), [](const auto& x, const auto& y) { return x.kind < y.kind; });
  return before_is ? *before : *after;
}

RoutePairs pair_routes(const PolicySet& before, const PolicySet& after) {
  return Pairing(before, after).run();
}

}  // namespace durward::policy

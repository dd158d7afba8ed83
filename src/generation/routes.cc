#include "generation/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/mutant.h"
#include "generation/rows.h"

namespace durward::generation {
namespace {

using Kind = model::Segment::Kind;

// One route with its judged rows, on one host.
struct Candidate {
  const model::App* app = nullptr;
  const model::Route* route = nullptr;
  std::vector<const policy::RoutePolicy*> rows;
};

// A template at a position: its first `position` segments have been consumed. `in_rest`: {**} has taken a
// segment already, so the path may end here ("/help/{**}" takes "/help/", not "/help").
struct Item {
  const Candidate* candidate = nullptr;
  std::size_t position = 0;
  bool in_rest = false;
  const model::Segment* next() const {
    const auto& segments = candidate->route->path.value.segments;
    return position < segments.size() ? &segments[position] : nullptr;
  }
  bool complete() const { return !next() || in_rest; }
  auto operator<=>(const Item&) const = default;
};
using Items = std::vector<Item>;  // sorted, unique

bool more_specific(const Candidate* a, const Candidate* b) {
  const auto& x = a->route->path.value.segments;
  const auto& y = b->route->path.value.segments;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
    if (x[i].kind != y[i].kind) return (x[i].kind < y[i].kind) != mutant("template-order-wrong");
  return x.size() > y.size();
}

std::string route_fields(const std::string& token, const model::App& app, const model::Route& route) {
  return fmt::format("{}|{}|{}/{}|{}|{}", token, backend_name(app, route.upstream.value), app.name.value,
                     route.id.value, route.timeout ? std::to_string(route.timeout->value.count()) : "-",
                     route.max_body_bytes ? std::to_string(route.max_body_bytes->value) : "-");
}

class HostCompiler {
 public:
  HostCompiler(std::string host, std::vector<Candidate> candidates, const policy::PolicySet& policies,
               const RoutingBounds& bounds, Routing& out, Diagnostics& diagnostics)
      : host_(std::move(host)),
        candidates_(std::move(candidates)),
        policies_(policies),
        bounds_(bounds),
        out_(out),
        diagnostics_(diagnostics) {}

  void run() {
    Items start;
    for (const auto& candidate : candidates_) {
      count_steps(*candidate.route);
      start.push_back({&candidate, 0});
    }
    std::sort(start.begin(), start.end());
    const std::size_t first = out_.rows.size();
    emit_node(host_ + "/", start, 0);
    leave_out_echoes(first);
    shape_.steps = parameters_ + (method_states_ > 0 ? 1 : 0);
    ++out_.shapes[shape_];
  }

 private:
  void row(const std::string& key, std::string value) { out_.rows.emplace_back(key, std::move(value)); }

  // "No route" below "no route" says nothing that the longest prefix left would not say, and each row that is
  // a prefix of others is a step of HAProxy's walk. Other values stay: their rows change with the rules.
  void leave_out_echoes(std::size_t first) {
    if (out_.rows.size() >= bounds_.rows) return;  // too many, which the end has to see
    const auto begin = out_.rows.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(begin, out_.rows.end());
    std::vector<const std::pair<std::string, std::string>*> above;
    Rows kept;
    for (auto row = begin; row != out_.rows.end(); ++row) {
      while (!above.empty() && !row->first.starts_with(above.back()->first)) above.pop_back();
      const bool echo = !above.empty() && above.back()->second == "-" && row->second == "-";
      above.push_back(&*row);
      if (!echo) kept.push_back(*row);
    }
    out_.rows.resize(first);
    out_.rows.insert(out_.rows.end(), kept.begin(), kept.end());
  }

  // Each lookup after the first passes a parameter of every template still alive but {**} ones; one more may
  // ask for the method.
  void count_steps(const model::Route& route) {
    const auto& segments = route.path.value.segments;
    const auto params = static_cast<unsigned>(std::count_if(
        segments.begin(), segments.end(), [](const auto& segment) { return segment.kind == Kind::param; }));
    if (params + 1 > bounds_.steps)
      diagnostics_.error("GEN001", route.path.span,
                         fmt::format("path has more than {} parameters", bounds_.steps - 1),
                         "put what varies into the query string, or end the path in {**}");
    parameters_ = std::max(parameters_, params);
  }

  // A node: `literals` literal segments of this state have been consumed.
  void emit_node(const std::string& prefix, const Items& items, unsigned literals) {
    if (out_.rows.size() >= bounds_.rows) return;  // reported once, at the end
    const std::string other = value_for_other(items, literals);
    row(prefix, other);
    emit_end(prefix, items, other);
    std::set<std::string> words;
    for (const auto& item : items)
      if (item.next() && item.next()->kind == Kind::literal) words.insert(item.next()->text);
    // An empty segment is no parameter: where a parameter would be taken, the empty one needs a row of its
    // own.
    if (other.starts_with('>')) words.insert("");
    for (const auto& word : words) emit_node(prefix + word + "/", after_literal(items, word), literals + 1);
  }

  static Items after_literal(const Items& items, const std::string& word) {
    Items out;
    for (const auto& item : items) {
      const auto* next = item.next();
      if (!next) continue;
      if (next->kind == Kind::rest) out.push_back({item.candidate, item.position, true});
      if ((next->kind == Kind::literal && next->text == word) || (next->kind == Kind::param && !word.empty()))
        out.push_back({item.candidate, item.position + 1});
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  // What a segment leads to that no literal here names.
  std::string value_for_other(const Items& items, unsigned literals) {
    Items next;
    bool params = false;
    for (const auto& item : items) {
      if (!item.next()) continue;
      if (item.next()->kind == Kind::rest) next.push_back({item.candidate, item.position, true});
      if (item.next()->kind == Kind::param) {
        next.push_back({item.candidate, item.position + 1});
        params = true;
      }
    }
    if (next.empty()) return "-";
    if (!params) return value_for_rest(next);
    std::sort(next.begin(), next.end());
    const unsigned length = literals + 1;
    if (length > bounds_.step_segments) {
      diagnostics_.error("GEN002", next.front().candidate->route->path.span,
                         fmt::format("more than {} segments before a parameter", bounds_.step_segments - 1),
                         "shorten the path, or end it in {**}");
      return "-";
    }
    if (shape_.step_lengths.size() <= length) shape_.step_lengths.resize(length + 1);
    shape_.step_lengths[length] = true;
    return fmt::format(">{}|{}", length, state_for(next));
  }

  std::string state_for(const Items& items) {
    const auto known = states_.find(items);
    if (known != states_.end()) return known->second;
    if (states_.size() >= bounds_.states_per_host) {
      diagnostics_.error("GEN003", items.front().candidate->route->path.span,
                         fmt::format("the templates of host {} overlap in more than {} ways", host_,
                                     bounds_.states_per_host),
                         "split the app over several hosts, or use fewer overlapping parameters");
      return "-";
    }
    const std::string name = fmt::format("{}#{}:", host_, states_.size());
    states_.emplace(items, name);
    emit_node(name, items, 0);
    return name;
  }

  // {**} takes whatever follows; which of the routes depends on the method alone.
  std::string value_for_rest(const Items& items) {
    const auto values = by_method(items);
    if (values.size() == 1) return values.begin()->second;
    const std::string state = fmt::format("{}#m{}:", host_, method_states_++);
    for (const auto& [method, value] : values) row(state + method_key(method), value);
    return "=|" + state;
  }

  // Rows for a path that ends at this node, where the node's own row would not say the same.
  void emit_end(const std::string& prefix, const Items& items, const std::string& other) {
    Items complete;
    for (const auto& item : items)
      if (item.complete()) complete.push_back(item);
    for (const auto& [method, value] : complete.empty() ? none() : by_method(complete)) {
      if (method.empty() && value == other) continue;
      row(prefix + method_key(method), value);
    }
  }

  static std::map<std::string, std::string> none() { return {{"", "-"}}; }
  static std::string method_key(const std::string& method) {
    return method.empty() ? "^" : "^" + method + "^";
  }

  // method -> value, "" standing for every method not named. One entry, "", when all are alike.
  std::map<std::string, std::string> by_method(const Items& items) const {
    std::vector<const Candidate*> sorted;
    for (const auto& item : items) sorted.push_back(item.candidate);
    std::sort(sorted.begin(), sorted.end(), more_specific);
    std::set<std::string> methods{""};
    for (const auto* candidate : sorted) {
      for (const auto* judged : candidate->rows)
        methods.insert(judged->methods.begin(), judged->methods.end());
      if (candidate->route->cors == model::Cors::preflight) methods.insert("OPTIONS");
    }
    std::map<std::string, std::string> out;
    for (const auto& method : methods) out[method] = value_of(sorted, method);
    const std::string rest = out.at("");
    std::erase_if(out, [&](const auto& entry) { return !entry.first.empty() && entry.second == rest; });
    return out;
  }

  std::string value_of(const std::vector<const Candidate*>& sorted, const std::string& method) const {
    for (auto at = sorted.begin(); at != sorted.end(); ++at) {
      const auto* judged = takes(**at, method);
      if (!judged) continue;
      // HEAD comes with GET, but an equal template that lists HEAD goes before one that has it only so.
      if (method == "HEAD" && !lists(**at, "HEAD"))
        for (auto other = at + 1; other != sorted.end() && !more_specific(*at, *other); ++other)
          if (lists(**other, "HEAD")) judged = takes(**other, method);
      return route_row(policies_, *judged);
    }
    if (method == "OPTIONS") {
      for (const auto* candidate : sorted)
        if (candidate->route->cors == model::Cors::preflight)
          return route_fields("c", *candidate->app, *candidate->route);
    }
    return "-";
  }

  static bool lists(const Candidate& candidate, std::string_view method) {
    const auto& methods = candidate.route->methods;
    return std::any_of(methods.begin(), methods.end(),
                       [&](const auto& listed) { return listed.value == method; });
  }

  static const policy::RoutePolicy* takes(const Candidate& candidate, const std::string& method) {
    const policy::RoutePolicy* any = nullptr;
    for (const auto* judged : candidate.rows) {
      if (judged->methods.empty()) any = judged;
      if (std::binary_search(judged->methods.begin(), judged->methods.end(), method)) return judged;
    }
    return any;
  }

  std::string host_;
  std::vector<Candidate> candidates_;
  const policy::PolicySet& policies_;
  const RoutingBounds& bounds_;
  Routing& out_;
  HostShape shape_;
  Diagnostics& diagnostics_;
  std::map<Items, std::string> states_;
  unsigned method_states_ = 0;
  unsigned parameters_ = 0;  // the most of any template
};

std::map<std::string, std::vector<Candidate>> by_host(const policy::PolicySet& policies) {
  std::map<std::string, std::vector<Candidate>> hosts;
  for (const auto& judged : policies.routes) {
    for (const auto& host : judged.app->hosts) {
      auto& candidates = hosts[host.value];
      if (candidates.empty() || candidates.back().route != judged.route)
        candidates.push_back({judged.app, judged.route, {}});
      candidates.back().rows.push_back(&judged);
    }
  }
  return hosts;
}

// Methods of one route can share a policy, and yet rules with other ids stand behind it: those that differ
// from the first are numbered. The rows of a route stand side by side.
unsigned variant_of(const policy::PolicySet& policies, const policy::RoutePolicy& judged) {
  const policy::RoutePolicy* first = &judged;
  while (first != policies.routes.data() && (first - 1)->route == judged.route) --first;
  std::vector<const decltype(judged.rule_ids)*> known;
  for (const auto* at = first;; ++at) {
    if (at->policy != judged.policy) continue;
    const auto same = [&](const auto* ids) { return *ids == at->rule_ids; };
    auto found = std::find_if(known.begin(), known.end(), same);
    if (found == known.end()) found = known.insert(known.end(), &at->rule_ids);
    if (at == &judged) return static_cast<unsigned>(found - known.begin());
  }
}

}  // namespace

std::string backend_name(const model::App& app, const std::string& upstream) {
  return fmt::format("app.{}.{}", app.name.value, upstream);
}

std::string route_row(const policy::PolicySet& policies, const policy::RoutePolicy& judged) {
  std::string out = route_fields(policy_token(*judged.policy), *judged.app, *judged.route);
  if (const unsigned variant = variant_of(policies, judged); variant > 0) out += fmt::format("|{}", variant);
  return out;
}

HostShape widest(const std::map<HostShape, std::size_t>& shapes) {
  HostShape out;
  for (const auto& [shape, hosts] : shapes) {
    out.steps = std::max(out.steps, shape.steps);
    out.step_lengths.resize(std::max(out.step_lengths.size(), shape.step_lengths.size()));
    for (std::size_t i = 0; i < shape.step_lengths.size(); ++i)
      if (shape.step_lengths[i]) out.step_lengths[i] = true;
  }
  return out;
}

Routing compile_routes(const policy::PolicySet& policies, Diagnostics& diagnostics,
                       const RoutingBounds& bounds) {
  Routing out;
  for (auto& [host, candidates] : by_host(policies))
    HostCompiler(host, std::move(candidates), policies, bounds, out, diagnostics).run();
  if (out.rows.size() >= bounds.rows)
    diagnostics.error("GEN004", policies.model->gateway.span,
                      fmt::format("the routes of all apps need more than {} rows", bounds.rows),
                      "use fewer overlapping templates");
  std::sort(out.rows.begin(), out.rows.end());
  return out;
}

}  // namespace durward::generation

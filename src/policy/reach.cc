// Whether some session could be let in: roles are chosen so that an allow matches and every deny misses.
#include <algorithm>
#include <string_view>

#include "policy/judge.h"

namespace durward::policy {
namespace {

using Names = std::vector<std::string>;

// Contrived rules can make the search exponential; real ones take a step or two for each deny.
constexpr std::size_t k_work_max = 50'000;

class Choice {
 public:
  // `work_left` is counted down by the denies looked at; the search gives up, with nothing found, when it
  // runs out.
  Choice(const std::vector<const CanonicalRule*>& denies, std::size_t& work_left)
      : denies_(denies), work_left_(work_left) {}

  bool possible_for(const CanonicalRule& allow) {
    if (allow.who == model::Who::anonymous) return false;
    if (!require(allow.all_of) || !forbid(allow.none_of)) return undo(0), false;
    bool found = false;
    if (allow.any_of.empty()) {
      found = escape(0);
    } else {
      for (std::size_t i = 0; i < allow.any_of.size() && !found; ++i)
        found = trying([&] { return require(allow.any_of[i]); }, 0);
    }
    undo(0);
    return found;
  }

 private:
  // Makes the denies from `next` on miss, each in one of the ways it can.
  bool escape(std::size_t next) {
    for (; next < denies_.size() && missed(*denies_[next]); ++next)
      if (!spend()) return false;
    if (next == denies_.size()) return true;
    if (!spend()) return false;
    const CanonicalRule& deny = *denies_[next];
    if (deny.who != model::Who::roles) return false;
    if (!deny.any_of.empty() && trying([&] { return forbid(deny.any_of); }, next + 1)) return true;
    for (const auto& role : deny.all_of)
      if (trying([&] { return forbid(role); }, next + 1)) return true;
    for (const auto& role : deny.none_of)
      if (trying([&] { return require(role); }, next + 1)) return true;
    return false;
  }

  template <class Step>
  bool trying(Step step, std::size_t next) {
    const std::size_t mark = trail_.size();
    if (step() && escape(next)) return true;
    undo(mark);
    return false;
  }

  bool missed(const CanonicalRule& deny) const {
    if (deny.who == model::Who::anonymous) return true;
    if (deny.who != model::Who::roles) return false;
    const auto is_held = [this](const std::string& role) { return find(role) == Held::yes; };
    const auto is_missing = [this](const std::string& role) { return find(role) == Held::no; };
    return (!deny.any_of.empty() && std::all_of(deny.any_of.begin(), deny.any_of.end(), is_missing)) ||
           std::any_of(deny.all_of.begin(), deny.all_of.end(), is_missing) ||
           std::any_of(deny.none_of.begin(), deny.none_of.end(), is_held);
  }

  enum class Held { open, yes, no };
  Held find(std::string_view role) const {
    const auto it = chosen_.find(role);
    return it == chosen_.end() ? Held::open : it->second;
  }
  bool choose(std::string_view role, Held wanted) {
    const auto [it, added] = chosen_.emplace(role, wanted);
    if (added) trail_.push_back(role);
    return it->second == wanted;
  }
  bool require(const std::string& role) { return choose(role, Held::yes); }
  bool forbid(const std::string& role) { return choose(role, Held::no); }
  bool require(const Names& roles) {
    return std::all_of(roles.begin(), roles.end(), [this](const auto& role) { return require(role); });
  }
  bool forbid(const Names& roles) {
    return std::all_of(roles.begin(), roles.end(), [this](const auto& role) { return forbid(role); });
  }
  void undo(std::size_t mark) {
    for (; trail_.size() > mark; trail_.pop_back()) chosen_.erase(trail_.back());
  }

  bool spend() {
    if (work_left_ > 0) --work_left_;
    return work_left_ > 0;
  }

  const std::vector<const CanonicalRule*>& denies_;
  std::size_t& work_left_;
  std::map<std::string_view, Held> chosen_;
  std::vector<std::string_view> trail_;
};

bool allowed_at(const Policy& policy, const Slice& slice, int acr, std::size_t& work_left) {
  const Standing standing{.signed_in = true, .acr = acr};
  std::vector<const CanonicalRule*> allows, denies;
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const Fit fit = circumstances(policy, i, standing, slice);
    const CanonicalRule& rule = policy.rules[i];
    // Authenticated this instant: an allow bounded by age matches, and a deny that a young login escapes does
    // not.
    if (rule.effect == model::Effect::allow && fit.kind != Fit::Kind::never) allows.push_back(&rule);
    if (rule.effect == model::Effect::deny && fit.kind == Fit::Kind::always) denies.push_back(&rule);
  }
  return std::any_of(allows.begin(), allows.end(),
                     [&](const auto* allow) { return Choice(denies, work_left).possible_for(*allow); });
}

}  // namespace

std::optional<bool> some_session_allowed(const Policy& policy, const Slice& slice) {
  std::size_t work_left = k_work_max;
  if (allowed_at(policy, slice, -1, work_left)) return true;
  for (const int acr : policy.levels)
    if (allowed_at(policy, slice, acr, work_left)) return true;
  if (work_left == 0) return std::nullopt;
  return false;
}

}  // namespace durward::policy

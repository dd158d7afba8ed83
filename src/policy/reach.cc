// Whether some session could be let in: roles are chosen so that an allow matches and every deny misses.
#include <algorithm>
#include <string_view>

#include "policy/judge.h"

namespace durward::policy {
namespace {

using Names = std::vector<std::string>;

class Choice {
 public:
  // `work_left` is counted down by the denies looked at; the search gives up, with nothing found, when it
  // runs out.
  Choice(const std::vector<const CanonicalRule*>& denies, std::size_t& work_left)
      : denies_(denies), work_left_(work_left) {}

  bool possible_for(const CanonicalRule& allow) {
    if (allow.who == model::Who::anonymous) return false;
    bool found = require(allow.all_of) && forbid(allow.none_of);
    if (found && allow.any_of.empty()) {
      found = escape();
    } else if (found) {
      found = std::any_of(allow.any_of.begin(), allow.any_of.end(),
                          [&](const auto& role) { return trying([&] { return require(role); }); });
    }
    undo(0);
    return found;
  }

 private:
  // Makes every deny miss: first those that can miss in one way only, then by trial.
  bool escape() {
    const CanonicalRule* open = nullptr;
    if (!settle_forced(open)) return false;
    if (open == nullptr) return true;
    if (!open->any_of.empty() && trying([&] { return forbid(open->any_of); })) return true;
    for (const auto& role : open->all_of)
      if (trying([&] { return forbid(role); })) return true;
    for (const auto& role : open->none_of)
      if (trying([&] { return require(role); })) return true;
    return false;
  }

  // False when some deny cannot be missed. `open` is then one that can be in several ways, if there is any.
  bool settle_forced(const CanonicalRule*& open) {
    for (bool changed = true; changed;) {
      changed = false;
      open = nullptr;
      for (const auto* deny : denies_) {
        if (work_left_ == 0) return false;
        --work_left_;
        if (missed(*deny)) continue;
        const std::size_t ways = ways_to_miss(*deny);
        if (ways == 0) return false;
        if (ways == 1) {
          force(*deny);
          changed = true;
        } else if (open == nullptr) {
          open = deny;
        }
      }
    }
    return true;
  }

  // Of a deny that is not missed yet.
  std::size_t ways_to_miss(const CanonicalRule& deny) const {
    if (deny.who != model::Who::roles) return 0;
    const auto held = [this](const std::string& role) { return find(role) == Held::yes; };
    const auto missing = [this](const std::string& role) { return find(role) == Held::no; };
    const bool can_forbid_all =
        !deny.any_of.empty() && std::none_of(deny.any_of.begin(), deny.any_of.end(), held);
    const auto can_forbid = deny.all_of.size() - count_if(deny.all_of, held);
    const auto can_require = deny.none_of.size() - count_if(deny.none_of, missing);
    return (can_forbid_all ? 1 : 0) + can_forbid + can_require;
  }

  void force(const CanonicalRule& deny) {
    const auto held = [this](const std::string& role) { return find(role) == Held::yes; };
    if (!deny.any_of.empty() && std::none_of(deny.any_of.begin(), deny.any_of.end(), held))
      forbid(deny.any_of);
    for (const auto& role : deny.all_of)
      if (find(role) == Held::open) forbid(role);
    for (const auto& role : deny.none_of)
      if (find(role) == Held::open) require(role);
  }

  template <class Predicate>
  static std::size_t count_if(const Names& roles, Predicate predicate) {
    return static_cast<std::size_t>(std::count_if(roles.begin(), roles.end(), predicate));
  }

  template <class Step>
  bool trying(Step step) {
    const std::size_t mark = trail_.size();
    if (step() && escape()) return true;
    undo(mark);
    return false;
  }

  bool missed(const CanonicalRule& deny) const {
    if (deny.who == model::Who::anonymous) return true;
    if (deny.who != model::Who::roles) return false;
    const auto held = [this](const std::string& role) { return find(role) == Held::yes; };
    const auto missing = [this](const std::string& role) { return find(role) == Held::no; };
    return (!deny.any_of.empty() && std::all_of(deny.any_of.begin(), deny.any_of.end(), missing)) ||
           std::any_of(deny.all_of.begin(), deny.all_of.end(), missing) ||
           std::any_of(deny.none_of.begin(), deny.none_of.end(), held);
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

std::optional<bool> some_session_allowed(const Policy& policy, const Slice& slice, std::size_t& work_left) {
  if (allowed_at(policy, slice, -1, work_left)) return true;
  for (const int acr : policy.levels)
    if (allowed_at(policy, slice, acr, work_left)) return true;
  if (work_left == 0) return std::nullopt;
  return false;
}

}  // namespace durward::policy

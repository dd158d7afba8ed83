#include "dataplane/classes.h"

#include <charconv>
#include <limits>

namespace durward::dataplane {
namespace {

constexpr const char* next_key = "class-next";
constexpr int tries_max = 16;

std::uint64_t number_of(const std::string& text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace

policy::Class classify(const std::set<std::string>& vocabulary, const model::Subject& subject) {
  policy::Class out;
  out.signed_in = subject.signed_in;
  if (!subject.signed_in) return out;
  out.acr = subject.acr;
  for (const auto& role : subject.roles)
    if (vocabulary.contains(role)) out.roles.push_back(role);
  for (const auto& role : subject.unknown_roles)
    if (vocabulary.contains(role) && !subject.roles.contains(role)) out.unknown_roles.push_back(role);
  return out;
}

Result<std::uint32_t> ClassNumbers::number(const policy::Class& subject_class) {
  if (!subject_class.signed_in) return anonymous_class_id;
  const std::string hash = subject_class.hash();
  if (const auto found = known_.find(hash); found != known_.end()) return found->second;
  const std::string key = "class/" + hash;
  for (int i = 0; i < tries_max; ++i) {
    auto stored = store_.get(key);
    if (!stored) return tl::unexpected(stored.error());
    if (*stored) {
      const auto number = static_cast<std::uint32_t>(number_of((*stored)->value));
      return known_[hash] = number;
    }
    auto next = store_.get(next_key);
    if (!next) return tl::unexpected(next.error());
    const std::uint64_t number = *next ? number_of((*next)->value) : anonymous_class_id + 1;
    if (number >= std::numeric_limits<std::uint32_t>::max())
      return fail("DAT030", "no class numbers are left");
    auto done = store_.transact({.compares = {{next_key, *next ? (*next)->modified : 0}, {key, 0}},
                                 .puts = {{next_key, std::to_string(number + 1)},
                                          {key, std::to_string(number) + " " + subject_class.canonical()}},
                                 .deletes = {}});
    if (!done) return tl::unexpected(done.error());
  }
  return fail("DAT030", "another writer keeps taking class numbers");
}

}  // namespace durward::dataplane

#include "model/phrases.h"

#include <fmt/format.h>

namespace durward::model {
namespace {

struct Words {
  Who who;
  const char* word;
  const char* phrase;
};

constexpr Words table[] = {
    {Who::anyone, "anyone", "anyone"},
    {Who::anonymous, "anonymous", "people who are not logged in"},
    {Who::signed_in, "signedIn", "anyone who is logged in"},
    {Who::roles, "roles", ""},
};

const Words& of(Who who) {
  for (const Words& words : table)
    if (words.who == who) return words;
  return table[3];
}

}  // namespace

const char* who_word(Who who) {
  return of(who).word;
}

const char* who_phrase(Who who) {
  return of(who).phrase;
}

std::string listed(const std::vector<std::string>& items, const char* last) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i)
    out += (i == 0 ? "" : i + 1 == items.size() ? last : ", ") + items[i];
  return out;
}

std::string duration_text(std::chrono::seconds duration) {
  const auto count = duration.count();
  for (const auto& [unit, letter] : {std::pair{86400, 'd'}, std::pair{3600, 'h'}, std::pair{60, 'm'}})
    if (count > 0 && count % unit == 0) return fmt::format("{}{}", count / unit, letter);
  return fmt::format("{}s", count);
}

}  // namespace durward::model

#include "dataplane/open_streams.h"

#include <algorithm>
#include <vector>

#include "base/mutant.h"

namespace durward::dataplane {
namespace {

// With more strangers than this among the streams, asking for each costs more than asking for all.
constexpr std::size_t strangers_max = 100;

std::string show(const std::string& pointer) {
  return "show sess " + pointer;
}

}  // namespace

// A pointer is known for as long as its stream is open: what the table does not name any more is forgotten
// first, since another stream may have the pointer by now.
Status OpenStreams::learn(const Ids& open) {
  std::erase_if(pointers_, [&](const auto& known) { return !open.contains(known.first); });
  std::set<std::string> known;
  for (const auto& [id, pointer] : pointers_) known.insert(pointer);
  std::vector<std::string> commands;
  if (!known.empty()) {
    auto listed = api_.ask("show sess");
    if (!listed) return tl::unexpected(listed.error());
    for (const auto& pointer : read_stream_pointers(*listed))
      if (!known.contains(pointer)) commands.push_back(show(pointer));
  }
  if (known.empty() || commands.size() > strangers_max) commands = {"show sess all"};
  auto replies = api_.ask_all(commands);
  if (!replies) return tl::unexpected(replies.error());
  for (const auto& reply : *replies)
    for (const auto& stream : read_streams(reply))
      if (open.contains(stream.id)) pointers_[stream.id] = stream.pointer;
  return {};
}

// Right before the cut the number behind each pointer is read once more: a stranger must not be hit.
Result<std::size_t> OpenStreams::cut(const Ids& wanted, const Ids& open) {
  if (wanted.empty()) return 0;
  const auto known = [this](std::uint64_t id) { return pointers_.contains(id); };
  if (!std::ranges::all_of(wanted, known))
    if (auto learnt = learn(open); !learnt) return tl::unexpected(learnt.error());
  std::vector<Stream> found;
  std::vector<std::string> commands;
  for (const auto id : wanted)
    if (const auto at = pointers_.find(id); at != pointers_.end()) {
      found.push_back({at->second, id});
      commands.push_back(show(at->second));
    }
  auto again = api_.ask_all(commands);
  if (!again) return tl::unexpected(again.error());
  commands.clear();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto same = read_streams((*again)[i]);
    if (mutant("stream-cut-by-pointer") || (!same.empty() && same.front().id == found[i].id))
      commands.push_back(command::shutdown_stream(found[i].pointer));
    pointers_.erase(found[i].id);
  }
  auto cut = api_.ask_all(commands);
  if (!cut) return tl::unexpected(cut.error());
  return commands.size();
}

}  // namespace durward::dataplane

#include "accesslog/segment_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "accesslog/event.h"
#include "accesslog/segment_reader.h"
#include "base/mutant.h"
#include "sys/file_store.h"

namespace durward::accesslog {
namespace {

constexpr std::size_t buffer_bytes_max = 64 * 1024;  // written out beyond
constexpr std::size_t replayed_segments = 2;    // a line that was ahead of its turn may be in the one before
constexpr std::size_t damage_events_max = 100;  // of one segment
constexpr std::chrono::seconds rotation_retry{1};

std::string header(const SegmentName& name) {
  return fmt::format("access-log/{} {}", format_version, name.number);
}

struct Replay {
  std::vector<Event> damage;
  std::uint64_t good_bytes = 0;  // up to the end of the last good record
};

void replay_event(std::string_view text, SequenceTracker& tracker) {
  const auto event = parse_event(text);
  if (!event) return;
  const auto pid = [&] { return static_cast<std::uint32_t>(event->numbers[0]); };
  SequenceTracker::Reports reported_before;
  if (event->kind == Event::Kind::position) tracker.resume(pid(), event->numbers[1]);
  if (event->kind == Event::Kind::hole) tracker.accept_hole(pid(), event->numbers[1], event->numbers[2]);
  if (event->kind == Event::Kind::gone) tracker.abandon(pid(), reported_before);
  if (event->kind == Event::Kind::end) tracker.close(pid(), event->numbers[1], reported_before);
}

// Tells `tracker` what the segment holds. Its reports were recorded when they were new.
Result<Replay> replay(const SegmentOptions& options, const SegmentName& name, SequenceTracker& tracker) {
  auto reader = SegmentReader::open_segment(options.directory, name);
  if (!reader) return tl::unexpected(reader.error());
  Replay out;
  SequenceTracker::Reports reported_before;
  while (true) {
    const auto item = reader->next();
    if (!item) return tl::unexpected(item.error());
    if (!*item) break;
    if ((*item)->damaged_bytes > 0) {
      if (out.damage.size() < damage_events_max) {
        out.damage.push_back({Event::Kind::damage, {name.number, (*item)->offset, (*item)->damaged_bytes}});
      }
      continue;
    }
    const Record& record = (*item)->record;
    if (record.kind == RecordKind::event) {
      replay_event(record.payload, tracker);
    } else if (const auto number = line_number(record.payload)) {
      tracker.observe(number->pid, number->seq, options.clock.steady(), reported_before);
    }
    reported_before.clear();
  }
  out.good_bytes = reader->good_until();
  return out;
}

// What follows the last good record is a write that was cut short. Bytes before it are left as they are.
Status cut_torn_end(const SegmentOptions& options, const SegmentName& name, Replay& seen) {
  const std::string path = options.directory + "/" + segment_file(name);
  const auto size = sys::file_size(path);
  if (!size) return tl::unexpected(size.error());
  if (*size <= seen.good_bytes || mutant("torn-log-end-kept")) return {};
  std::erase_if(seen.damage, [&](const Event& damage) { return damage.numbers[1] >= seen.good_bytes; });
  seen.damage.push_back({Event::Kind::damage, {name.number, seen.good_bytes, *size - seen.good_bytes}});
  return sys::truncate_file(path, seen.good_bytes);
}

Result<std::vector<Event>> recover(const SegmentOptions& options, const std::vector<SegmentName>& names,
                                   SequenceTracker& tracker) {
  std::vector<Event> damage;
  const std::size_t first = names.size() - std::min(names.size(), replayed_segments);
  for (std::size_t i = first; i < names.size(); ++i) {
    auto seen = replay(options, names[i], tracker);
    if (!seen) return tl::unexpected(seen.error());
    if (i + 1 < names.size()) continue;  // its damage was recorded when the next one began
    if (Status cut = cut_torn_end(options, names[i], *seen); !cut) return tl::unexpected(cut.error());
    damage = std::move(seen->damage);
  }
  return damage;
}

Result<sys::AppendFile> begin(const SegmentOptions& options, const SegmentName& name, std::int64_t now_ms) {
  auto file = sys::AppendFile::create(options.directory + "/" + segment_file(name));
  if (!file) return file;
  std::string record;
  append_record(record, RecordKind::header, now_ms, header(name));
  if (Status written = file->append(record); !written) return tl::unexpected(written.error());
  return file;
}

SegmentName name_after(const SegmentOptions& options, std::uint64_t number) {
  return {options.clock.now_seconds(), number + 1};
}

}  // namespace

Result<SegmentWriter> SegmentWriter::open(SegmentOptions options, SequenceTracker& tracker) {
  if (Status made = sys::make_directories(options.directory, 0700); !made)
    return tl::unexpected(made.error());
  const auto names = list_segments(options.directory);
  if (!names) return tl::unexpected(names.error());
  const auto damage = recover(options, *names, tracker);
  if (!damage) return tl::unexpected(damage.error());
  const SegmentName name = name_after(options, names->empty() ? 0 : names->back().number);
  auto file =
      begin(options, name,
            std::chrono::floor<std::chrono::milliseconds>(options.clock.now()).time_since_epoch().count());
  if (!file) return tl::unexpected(file.error());
  SegmentWriter writer(std::move(options), name, std::move(*file));
  writer.synced_at_ = writer.options_.clock.steady();
  for (const Event& event : *damage) writer.event(event);
  // What an earlier run had read and not written when it was killed: it will not come again, and the lines
  // beside it are about to leave the segments that are replayed.
  SequenceTracker::Reports lost;
  if (!mutant("log-restart-forgets-holes")) tracker.give_up(lost);
  for (const SequenceReport& report : lost) writer.event(to_event(report));
  writer.open_with(tracker.positions());
  writer.retain();
  if (Status settled = writer.settle(); !settled) return tl::unexpected(settled.error());
  return writer;
}

std::int64_t SegmentWriter::now_ms() const {
  return std::chrono::floor<std::chrono::milliseconds>(options_.clock.now()).time_since_epoch().count();
}

void SegmentWriter::line(std::string_view bytes, std::int64_t received_ms) {
  append_record(buffer_, RecordKind::line, received_ms, bytes);
  ++lines_in_buffer_;
  if (buffer_.size() >= buffer_bytes_max) (void)flush();  // a failure is counted there
}

void SegmentWriter::event(const Event& event) {
  append_record(buffer_, RecordKind::event, now_ms(), event_text(event));
}

Status SegmentWriter::flush() {
  if (buffer_.empty()) return {};
  std::string told;
  if (dropped_unrecorded_ > 0 && !mutant("dropped-lines-not-recorded")) {
    append_record(told, RecordKind::event, now_ms(),
                  event_text({Event::Kind::dropped, {dropped_unrecorded_}}));
  }
  Status written = told.empty() ? Status() : file_.append(told);
  if (written && !told.empty()) dropped_unrecorded_ = 0;
  if (written) written = file_.append(buffer_);
  if (written) {
    unsynced_ = true;
  } else {
    dropped_unrecorded_ += lines_in_buffer_;
    dropped_total_ += lines_in_buffer_;
  }
  buffer_.clear();
  lines_in_buffer_ = 0;
  return written;
}

Status SegmentWriter::settle() {
  Status written = flush();
  synced_at_ = options_.clock.steady();
  if (!written) return written;
  if (!unsynced_) return {};
  Status synced = file_.sync();
  // After a failure the kernel may call the same pages clean: this file is not to be trusted with more.
  if (!synced) sync_failed_ = true;
  if (synced) unsynced_ = false;
  return synced;
}

void SegmentWriter::maintain(const SequenceTracker& tracker) {
  const auto now = options_.clock.steady();
  if (unsettled() && now - synced_at_ >= options_.sync_every) (void)settle();  // tried again next time
  const bool pausing = rotation_failed_at_ && now - *rotation_failed_at_ < rotation_retry;
  if (wants_rotation() && !pausing) rotate(tracker);
}

bool SegmentWriter::wants_rotation() const {
  return sync_failed_ || file_.size() + buffer_.size() >= options_.segment_bytes ||
         options_.clock.now_seconds() - name_.started >= options_.segment_age;
}

// When the new one cannot be begun the old one goes on, and it is tried again.
void SegmentWriter::rotate(const SequenceTracker& tracker) {
  rotation_failed_at_ = options_.clock.steady();
  if (!settle()) return;
  const SegmentName name = name_after(options_, name_.number);
  auto file = begin(options_, name, now_ms());
  if (!file) return;
  rotation_failed_at_.reset();
  file_ = std::move(*file);
  name_ = name;
  unsynced_ = true;
  sync_failed_ = false;
  open_with(tracker.positions());
  retain();
}

void SegmentWriter::open_with(const Positions& positions) {
  for (const auto& [pid, last] : positions) event({Event::Kind::position, {pid, last}});
}

// Deletes whole segments, oldest first, while there is too much or the oldest is too old; never the present
// one.
void SegmentWriter::retain() {
  const auto names = list_segments(options_.directory);
  if (!names) return;
  std::uint64_t total = 0;
  for (const SegmentName& name : *names) {
    total += sys::file_size(options_.directory + "/" + segment_file(name)).value_or(0);
  }
  for (std::size_t i = 0; i + 1 < names->size(); ++i) {
    const std::string path = options_.directory + "/" + segment_file((*names)[i]);
    const auto ended = (*names)[i + 1].started;
    if (total <= options_.keep_bytes && options_.clock.now_seconds() - ended < options_.keep_for) return;
    const std::uint64_t bytes = sys::file_size(path).value_or(0);
    if (!sys::remove_file(path)) return;
    total -= std::min(total, bytes);
    event({Event::Kind::removed, {(*names)[i].number}});
  }
}

}  // namespace durward::accesslog

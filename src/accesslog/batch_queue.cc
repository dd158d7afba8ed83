#include "accesslog/batch_queue.h"

#include <utility>

namespace durward::accesslog {

void BatchQueue::push(Batch batch) {
  {
    auto work = work_.lock();
    emptied_.wait(work.lock(), [&] { return work->batches.size() < batches_max; });
    work->batches.push_back(std::move(batch));
  }
  filled_.notify_one();
}

std::uint64_t BatchQueue::close_worker(LineNumber last) {
  std::uint64_t ticket = 0;
  {
    auto work = work_.lock();
    work->requests.close.push_back(last);
    ticket = ++work->closes_asked;
  }
  filled_.notify_one();
  return ticket;
}

void BatchQueue::replay(std::uint32_t pid) {
  work_.lock()->requests.replay.push_back(pid);
}

void BatchQueue::keep_only(std::vector<std::uint32_t> alive) {
  work_.lock()->requests.alive = std::move(alive);
}

void BatchQueue::want_settled() {
  work_.lock()->requests.settle = true;
  filled_.notify_one();
}

void BatchQueue::end() {
  work_.lock()->ended = true;
  filled_.notify_one();
}

Work BatchQueue::take(std::chrono::milliseconds timeout) {
  auto work = work_.lock();
  filled_.wait_for(work.lock(), timeout, [&] {
    return !work->batches.empty() || work->ended || work->requests.settle || !work->requests.close.empty();
  });
  Work taken = std::exchange(*work, {});
  work->ended = taken.ended;
  work->closes_asked = taken.closes_asked;
  emptied_.notify_one();
  return taken;
}

}  // namespace durward::accesslog

#include "process_meter.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace durward::bench {
namespace {

std::vector<int> threads_of(int pid) {
  std::vector<int> out;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone))
    out.push_back(std::stoi(task.path().filename().string()));
  return out;
}

// The number behind "NAME:" of a line in /proc/PID/status, in bytes.
std::uint64_t status_bytes(const std::string& line) {
  constexpr std::uint64_t kibibyte = 1024;
  return std::stoull(line.substr(line.find(':') + 1)) * kibibyte;
}

}  // namespace

Result<std::chrono::nanoseconds> cpu_time(int pid) {
  std::chrono::nanoseconds sum{};
  const auto threads = threads_of(pid);
  if (threads.empty()) return fail("BEN001", fmt::format("process {} is gone", pid));
  for (const int thread : threads) {
    // Its first number is the time on a processor, in nanoseconds.
    std::ifstream file(fmt::format("/proc/{}/task/{}/schedstat", pid, thread));
    std::int64_t ran = 0;
    if (!(file >> ran))
      return fail("BEN001", "this kernel does not say how long a thread ran", "it needs CONFIG_SCHED_INFO");
    sum += std::chrono::nanoseconds(ran);
  }
  return sum;
}

Result<Memory> memory_of(int pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  Memory out;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) out.resident = status_bytes(line);
    if (line.starts_with("VmHWM:")) out.peak = status_bytes(line);
  }
  if (out.resident == 0) return fail("BEN001", fmt::format("process {} is gone", pid));
  return out;
}

Status reset_peak(int pid) {
  std::ofstream file(fmt::format("/proc/{}/clear_refs", pid));
  file << "5" << std::flush;
  if (!file) return fail("BEN001", fmt::format("cannot reset the memory peak of process {}", pid));
  return {};
}

unsigned cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

bool pin(int pid, unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  bool all = true;
  for (const int thread : threads_of(pid == 0 ? ::getpid() : pid))
    all = ::sched_setaffinity(thread, sizeof set, &set) == 0 && all;
  return all;
}

void step_back() {
  constexpr int behind = 10;
  const auto self =
      static_cast<id_t>(::syscall(SYS_gettid));  // on Linux each thread has a priority of its own
  ::setpriority(PRIO_PROCESS, self, ::getpriority(PRIO_PROCESS, self) + behind);
}

double median(std::vector<double> values) {
  return percentile(std::move(values), 0.5);
}

double percentile(std::vector<double> values, double part) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

}  // namespace durward::bench

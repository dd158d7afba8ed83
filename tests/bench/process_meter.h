// What a process costs, from /proc: CPU time and memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"

namespace durward::bench {

// CPU time of all threads so far. Errors: BEN001 no such process.
Result<std::chrono::nanoseconds> cpu_time(int pid);

struct Memory {
  std::uint64_t resident = 0;  // bytes
  std::uint64_t peak = 0;      // the most it ever was
};
Result<Memory> memory_of(int pid);
// Forgets the peak so far: from now on it counts anew.
Status reset_peak(int pid);

// The second core is HAProxy's where there is one, everything of ours shares the first, so that what is
// measured is neither moved about nor pushed aside. False where the machine does not allow it.
bool pin(int pid, unsigned core);  // all threads there are; 0 = this process, whose new threads inherit it
unsigned cores();

// The calling thread is in for other machines (clients, upstreams): what is measured here goes first on ours.
void step_back();

double median(std::vector<double> values);
// The value that `part` of the values are at most; nearest rank.
double percentile(std::vector<double> values, double part);

}  // namespace durward::bench

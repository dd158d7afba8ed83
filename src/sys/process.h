// Child processes: run to the end with output captured, or start one that outlives us.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace durward::sys {

struct Ran {
  int exit_code = 0;   // 128 + signal when killed
  std::string output;  // stdout and stderr, interleaved, capped at 1 MiB
};

// Errors: SYS020 cannot start, SYS021 time-out (the child is killed).
Result<Ran> run(const std::vector<std::string>& command, std::chrono::milliseconds timeout);

struct Detached {
  std::vector<std::string> command;
  std::string log_file;  // stdout and stderr are appended here
  std::string directory;
};
// In a session of its own (setsid), so that it outlives the caller. Returns its pid.
Result<int> start_detached(const Detached& options);
bool alive(int pid);

}  // namespace durward::sys

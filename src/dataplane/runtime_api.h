// Connections to HAProxy: to the serving worker (one command at a time, in prompt mode) and to the master.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/commands.h"
#include "sys/unix_socket.h"

namespace durward::dataplane {

inline constexpr std::chrono::milliseconds reply_timeout{10'000};
inline constexpr std::size_t reply_bytes_max = 512U << 20;

// What the reconciler talks to; the fake in tests answers from a script.
class RuntimeApi {
 public:
  virtual ~RuntimeApi() = default;
  // The reply without prompt and echo. Errors: DAT001 not reachable (connects anew on the next call),
  // DAT003 longer than command_bytes_max: not sent.
  virtual Result<std::string> ask(const std::string& command) = 0;
  // Several commands without payload in as few writes as they fit into; one reply each, in order. A command
  // that fails does not keep the next from being run: each reply has to be judged.
  virtual Result<std::vector<std::string>> ask_all(const std::vector<std::string>& commands) = 0;
};

// Not thread-safe. The connection belongs to the worker that accepted it: reset() after a reload.
class WorkerApi final : public RuntimeApi {
 public:
  explicit WorkerApi(std::string socket) : socket_(std::move(socket)) {}
  Result<std::string> ask(const std::string& command) override;
  Result<std::vector<std::string>> ask_all(const std::vector<std::string>& commands) override;
  void reset() { stream_.reset(); }
  // The conversation, after one more command, for whoever reads what comes. Nothing when there is none.
  std::optional<sys::Fd> hand_over(const std::string& command);

 private:
  Status connect();
  Status send(const std::string& text);
  Result<std::string> receive();
  std::string socket_;
  std::optional<sys::UnixStream> stream_;
};

// One connection a command, since HAProxy 2.6's master wants the client's end closed. Any thread.
class MasterApi {
 public:
  explicit MasterApi(std::string socket) : socket_(std::move(socket)) {}
  Result<std::string> ask(const std::string& command,
                          std::chrono::milliseconds patience = reply_timeout) const;
  // Empty when that worker has gone. A command that was not answered in time is sent a second time.
  Result<std::string> ask_worker(int pid, const std::string& command) const;
  Result<Processes> processes() const;

 private:
  bool has(int pid) const;
  std::string socket_;
};

}  // namespace durward::dataplane

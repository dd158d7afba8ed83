// Between Durward and HAProxy's admin socket: before each command goes on, the test may do what it likes.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <string>
#include <thread>

#include "base/guarded.h"
#include "sys/fd.h"

namespace durward::differential {

class Relay {
 public:
  // Listens at `socket`, passes everything on to `target`, which need not be there yet.
  Relay(const std::string& socket, std::string target);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Called with the first line of each command that is about to be sent, one call at a time; empty = no more.
  void before_commands(std::function<void(const std::string&)> hook) { *hook_.lock() = std::move(hook); }

 private:
  void serve();
  void pass(sys::Fd durward);

  std::string target_;
  sys::Fd listener_;
  std::atomic<bool> stopping_ = false;
  Guarded<std::function<void(const std::string&)>> hook_;
  std::list<std::thread> connections_;
  std::thread thread_;
};

}  // namespace durward::differential

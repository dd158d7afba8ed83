// Guarded<T>: shared data that can be reached only through its lock.
#pragma once

#include <mutex>
#include <utility>

namespace durward {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  // Holds the lock for as long as the handle lives. Keep it to one statement where you can.
  class Handle {
   public:
    Handle(std::mutex& mutex, T& value) : lock_(mutex), value_(value) {}
    T* operator->() { return &value_; }
    T& operator*() { return value_; }
    std::unique_lock<std::mutex>& lock() { return lock_; }  // for a condition variable

   private:
    std::unique_lock<std::mutex> lock_;
    T& value_;
  };
  Handle lock() { return Handle(mutex_, value_); }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace durward

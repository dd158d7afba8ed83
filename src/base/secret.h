// Secret: bytes that are wiped when they go, cannot be copied by accident, and print as nothing.
#pragma once

#include <string>
#include <string_view>

namespace durward {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  // The only way to the bytes; grep for it to see every use. Valid while the Secret lives.
  std::string_view reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  Secret clone() const { return Secret(value_); }

 private:
  void wipe();
  std::string value_;
};

}  // namespace durward

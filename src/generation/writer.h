// Lines of a configuration file, indented as HAProxy's users indent them.
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace durward::generation {

class Writer {
 public:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    out_ += "    ";
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }
  void section(std::string_view head) { out_ += fmt::format("\n{}\n", head); }
  void comment(std::string_view text) { out_ += fmt::format("    # {}\n", text); }
  void top(std::string_view text) { out_ += fmt::format("# {}\n", text); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace durward::generation

// Figures: what `durward_bench` measures. A figure is a function that measures and reports numbers under
// their names; figures.cc lists them all, each with its bar. Any error ends the whole run: a number that was
// not measured as described must not be printed.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace durward::bench {

struct Options {
  bool full = false;        // with what takes long: a million sessions
  unsigned rounds = 0;      // 0 = each figure's own choice
  double soak_minutes = 0;  // the soak alone, for so long
  std::uint64_t seed = 1;   // of every random draw
  std::string haproxy;      // program; DURWARD_HAPROXY
  std::string durward;      // the release program, for figures that measure a fresh process
  std::string only;         // figures or numbers whose name contains it; empty = all
};

// What a figure is given, and where it says what it found. One thread.
class Run {
 public:
  explicit Run(Options options) : options_(std::move(options)) {}
  const Options& options() const { return options_; }
  unsigned rounds(unsigned usual) const { return options_.rounds > 0 ? options_.rounds : usual; }

  // A number of the last line, by the name that its bar has in figures.cc.
  void number(const std::string& name, double value);
  // What was run, beside the numbers: rows loaded, requests answered, log lines received.
  void ran(const std::string& figure, nlohmann::ordered_json what);
  void say(std::string_view text) const;  // progress, for a person

  nlohmann::ordered_json result() const;

 private:
  Options options_;
  nlohmann::ordered_json numbers_ = nlohmann::ordered_json::object();
  nlohmann::ordered_json ran_ = nlohmann::ordered_json::object();
};

struct Bar {
  std::string number;
  std::string unit;    // "" for a ratio
  double at_most = 0;  // the bar; negative = stated for comparison only
  double aim = 0;      // what to try for; equal to at_most where there is no other
};

struct Figure {
  std::string name;
  std::string says;  // one line for --list
  std::vector<Bar> bars;
  std::function<Status(Run&)> measure;
  bool full_only = false;
};

const std::vector<Figure>& figures();
const Bar* bar_of(std::string_view number);

}  // namespace durward::bench

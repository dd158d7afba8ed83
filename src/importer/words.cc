#include "importer/words.h"

#include <cctype>
#include <optional>

namespace durward::importer {
namespace {

constexpr std::size_t shown_bytes_max = 120;

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

bool name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

bool name_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

class Splitter {
 public:
  Splitter(std::string_view line, const Variables& variables) : line_(line), variables_(variables) {}

  Words split() {
    while (at_ < line_.size() && out_.problem.empty()) {
      const char c = line_[at_];
      if (c == '\r' || c == '\n' || c == '\0') break;
      if (c == '#' && quote_ == 0) break;
      if ((c == '"' || c == '\'') && (quote_ == 0 || quote_ == c)) {
        toggle(c);
      } else if (c == '\\' && quote_ != '\'') {
        escape();
      } else if (blank(c) && quote_ == 0) {
        end_word();
        ++at_;
      } else if (c == '$' && quote_ == '"') {
        variable();
      } else {
        put(c);
        ++at_;
      }
    }
    if (out_.problem.empty() && at_ < line_.size() && line_[at_] == '\0')
      refuse(at_, "a NUL byte ends the line");
    if (out_.problem.empty() && quote_ != 0) refuse(quote_at_, "the quote that opens here is never closed");
    if (out_.problem.empty()) end_word();
    return std::move(out_);
  }

 private:
  void begin() {
    // A quoted word begins at its quote.
    if (!word_) word_ = Word{"", static_cast<std::uint32_t>((quote_ != 0 ? quote_at_ : at_) + 1), false};
  }

  void put(char c) {
    begin();
    word_->text += c;
  }

  void end_word() {
    if (word_) out_.words.push_back(std::move(*word_));
    word_.reset();
  }

  void refuse(std::size_t at, std::string why) {
    out_.problem = std::move(why);
    out_.problem_column = static_cast<std::uint32_t>(at + 1);
  }

  void toggle(char c) {
    if (quote_ == 0) {
      quote_ = c;
      quote_at_ = at_;
      quote_empty_ = true;
    } else {
      if (quote_empty_) begin();  // '' is an empty word
      quote_ = 0;
    }
    ++at_;
  }

  void escape() {
    const char next = at_ + 1 < line_.size() ? line_[at_ + 1] : '\0';
    const bool taken = next == ' ' || next == '\\' || next == '#' || next == '\'' || next == '"' ||
                       (next == '$' && quote_ == '"');
    if (next == 'x') {
      const int high = at_ + 2 < line_.size() ? hex_digit(line_[at_ + 2]) : -1;
      const int low = at_ + 3 < line_.size() ? hex_digit(line_[at_ + 3]) : -1;
      if (high < 0 || low < 0) return refuse(at_, "\\x wants two hexadecimal digits");
      put(static_cast<char>(high * 16 + low));
      at_ += 4;
    } else if (next == 't' || next == 'n' || next == 'r') {
      put(next == 't' ? '\t' : next == 'n' ? '\n' : '\r');
      at_ += 2;
    } else if (taken) {
      put(next);
      at_ += 2;
    } else {
      put('\\');
      ++at_;
    }
  }

  // At "$". Words of an array ("${X[*]}") part at blanks; without a value they are no word at all.
  void variable() {
    const std::size_t dollar = at_++;
    const bool braces = at_ < line_.size() && line_[at_] == '{';
    if (braces) ++at_;
    if (at_ >= line_.size() || !name_start(line_[at_]))
      return refuse(dollar, "$ is not followed by a variable's name");
    const std::size_t start = at_++;
    while (at_ < line_.size() && name_byte(line_[at_])) ++at_;
    const std::string name(line_.substr(start, at_ - start));
    const bool array = braces && line_.substr(at_).starts_with("[*]");
    if (array) at_ += 3;
    std::optional<std::string> fallback;
    if (braces) {
      const auto close = line_.find('}', at_);
      if (close == std::string_view::npos || (close != at_ && line_[at_] != '-'))
        return refuse(dollar, "the brace that opens here is never closed");
      if (close != at_) fallback = std::string(line_.substr(at_ + 1, close - at_ - 1));
      at_ = close + 1;
    }
    const auto found = variables_.find(name);
    if (found == variables_.end() && !fallback) {
      out_.unknown.push_back(name);
      begin();
      word_->unresolved = true;
      return;
    }
    if (array) quote_empty_ = false;
    for (const char c : found == variables_.end() ? *fallback : found->second) {
      if (array && blank(c))
        end_word();
      else
        put(c);
    }
    if (!array) begin();
  }

  std::string_view line_;
  const Variables& variables_;
  Words out_;
  std::optional<Word> word_;
  std::size_t at_ = 0;
  char quote_ = 0;
  std::size_t quote_at_ = 0;
  bool quote_empty_ = false;
};

}  // namespace

Words split_words(std::string_view line, const Variables& variables) {
  return Splitter(line, variables).split();
}

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, shown_bytes_max)) out += c >= ' ' && c < 0x7f ? c : '?';
  return text.size() > shown_bytes_max ? out + "..." : out;
}

}  // namespace durward::importer

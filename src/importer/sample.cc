#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "importer/acl.h"

namespace durward::importer {
namespace {

// "req.hdr(host),lower" -> "req.hdr", "host", "lower".
struct Parts {
  std::string fetch, argument;
  std::vector<std::string> converters;
};

// At commas outside parentheses.
std::vector<std::string> split_converters(std::string_view text) {
  std::vector<std::string> out(1);
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (c == ')' && depth > 0) --depth;
    if (c == ',' && depth == 0)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

Parts parts_of(std::string_view text) {
  Parts out;
  const auto end = std::min(text.find_first_of("(,"), text.size());
  out.fetch = text.substr(0, end);
  std::size_t at = end;
  if (at < text.size() && text[at] == '(') {
    const auto close = std::min(text.find(')', at), text.size());
    out.argument = text.substr(at + 1, close - at - 1);
    at = std::min(close + 1, text.size());
  }
  if (at < text.size() && text[at] == ',') out.converters = split_converters(text.substr(at + 1));
  return out;
}

struct Named {
  const char* name;
  Subject subject;
};

Subject subject_of(const std::string& fetch, const std::string& argument) {
  static constexpr std::array named{
      Named{"path", Subject::path},
      Named{"pathq", Subject::other},
      Named{"url", Subject::path},
      Named{"capture.req.uri", Subject::path},
      Named{"base", Subject::base},
      Named{"method", Subject::method},
      Named{"capture.req.method", Subject::method},
      Named{"src", Subject::source},
      Named{"fc_src", Subject::source},
      Named{"ssl_fc", Subject::tls},
      Named{"https", Subject::tls},
      Named{"ssl_fc_sni", Subject::host},
      Named{"req.ssl_sni", Subject::host},
      Named{"req_ssl_sni", Subject::host},
      Named{"http_auth", Subject::auth},
      Named{"http_auth_group", Subject::auth},
      Named{"always_true", Subject::always},
      Named{"always_false", Subject::never},
      Named{"wait_end", Subject::always},
      Named{"req.proto_http", Subject::always},
      Named{"req_proto_http", Subject::always},
  };
  const std::string header = lower_ascii(argument.substr(0, argument.find(',')));
  const bool is_header = fetch == "hdr" || fetch == "req.hdr" || fetch == "req.fhdr" || fetch == "hdr_val";
  if (is_header) return header == "host" ? Subject::host : Subject::other;
  for (const Named& entry : named)
    if (fetch == entry.name) return entry.subject;
  return Subject::other;
}

// Converters that leave what a route of Durward compares: case and port of a host, nothing of a path.
bool harmless(Subject subject, const std::vector<std::string>& converters) {
  static const std::set<std::string> of_host{"lower",     "host_only",     "field(1,:)",       "field(1,\\:)",
                                             "word(1,:)", "regsub(:.*$,)", "regsub(:[0-9]+$,)"};
  return std::all_of(converters.begin(), converters.end(), [&](const std::string& one) {
    return subject == Subject::host ? of_host.contains(one) : one == "lower";
  });
}

Sample sample_of(std::string_view text, std::size_t converters_left_out) {
  Sample out;
  out.text = text;
  Parts parts = parts_of(text);
  out.argument = parts.argument;
  static const std::map<std::string_view, Match> suffixes{
      {"_beg", Match::prefix}, {"_end", Match::suffix}, {"_dir", Match::directory},  {"_dom", Match::domain},
      {"_sub", Match::part},   {"_len", Match::length}, {"_reg", Match::expression},
  };
  std::string fetch = parts.fetch;
  if (fetch.size() > 4) {
    const auto found = suffixes.find(std::string_view(fetch).substr(fetch.size() - 4));
    if (found != suffixes.end()) {
      out.match = found->second;
      fetch.resize(fetch.size() - 4);
    }
  }
  out.subject = subject_of(fetch, parts.argument);
  out.converters = parts.converters;
  parts.converters.resize(parts.converters.size() - std::min(parts.converters.size(), converters_left_out));
  if (!harmless(out.subject, parts.converters)) out.subject = Subject::other;
  return out;
}

}  // namespace

Sample parse_sample(std::string_view text) {
  return sample_of(text, 0);
}

Sample parse_map_key(std::string_view text) {
  return sample_of(text, 1);
}

}  // namespace durward::importer

// A haproxy.cfg -> a bundle to start from, what became of each line, and what people have to decide.
#pragma once

#include <string>
#include <vector>

#include "importer/config.h"
#include "importer/write.h"

namespace durward::importer {

struct Question {
  enum class About {
    addresses,  // an ACL that rests on addresses alone
    login,      // a list of passwords
    users,      // an app that HAProxy let everybody use
    host,       // a name that the configuration does not say
  };
  About about = About::addresses;
  std::uint32_t line = 0;
  std::string text;  // with the place: "haproxy.cfg:41 acl office src 10.0.0.0/8 guards ..."
  std::string role;  // drafted; "" when none is
};
const char* about_word(Question::About about);  // "addresses", "login", "users", "host"

struct Draft {
  SourceFilePtr display;            // what the diagnostics' places point into
  std::vector<DraftFile> files;     // bundle.yaml first; none when there is nothing to publish
  std::vector<Line> lines;          // of the configuration, from 1
  std::vector<Question> questions;  // by line
  std::size_t apps = 0;
  std::size_t routes = 0;
};

// Takes any bytes. The files load without an error; nobody is let in by them. Equal input gives equal bytes.
// Reports IMP…, sorted by place. `input.read` is asked for maps and lists, and for nothing else.
Draft make_draft(const Input& input, Diagnostics& diagnostics);

}  // namespace durward::importer

// Proves: which change of a generation needs a reload, for what reason, and which maps are sent in which
// order.
#include "dataplane/plan.h"

#include <gtest/gtest.h>

namespace durward::dataplane {
namespace {

using generation::Generation;

Generation base() {
  Generation out;
  out.name = "000000000001";
  out.config =
      "# Written by Durward; generation 000000000001.\n"
      "\nglobal\n    default-path config\n    set-var proc.generation str(000000000001)\n"
      "\nfrontend http_0 from durward\n    # from a.yaml:3\n    bind 127.0.0.1:80  # from a.yaml:4\n"
      "\nbackend app.a.main from durward  # from a.yaml:9\n    server s1 127.0.0.1:81  # from a.yaml:10\n";
  out.maps["routes.map"] = {{"a.test/", "-"}, {"a.test/x/", "p1|app.a.main|a/x|-|-"}};
  out.maps["hints.map"] = {{"p1", "Open to: anyone."}};
  out.maps["rules.map"] = {};
  return out;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

struct Case {
  const char* what;
  void (*change)(Generation&);
  Plan::Kind kind;
  const char* reason;
  std::vector<std::string> maps;
  std::vector<std::string> config;
};

const Case cases[] = {
    {"the same", [](Generation&) {}, Plan::Kind::nothing, "", {}, {}},
    {"only places in the bundle",
     [](Generation& g) {
       g.config = replaced(g.config, "a.yaml:10", "a.yaml:11");
       g.config = replaced(g.config, "# from a.yaml:3", "# from b.yaml:3");
       g.config = replaced(g.config, "generation 000000000001.", "generation 000000000002.");
       g.config = replaced(g.config, "str(000000000001)", "str(000000000002)");
     },
     Plan::Kind::nothing,
     "",
     {},
     {}},
    {"a route's policy",
     [](Generation& g) { g.maps["routes.map"].own(1).second = "p2|app.a.main|a/x|-|-"; },
     Plan::Kind::maps,
     "",
     {"routes.map 0+ 0- 1~"},
     {}},
    {"routes last, whatever their name sorts to",
     [](Generation& g) {
       g.maps["routes.map"].pop_back();
       g.maps["routes.map"].emplace_back("a.test/y/", "p2|app.a.main|a/y|-|-");
       g.maps["hints.map"] = {{"p2", "Open to: x."}};
       g.maps["rules.map"] = {{"k", "v"}};
       g.maps["zz.map"] = {{"k", "v"}};
     },
     Plan::Kind::maps,
     "",
     {"hints.map 1+ 1- 0~", "rules.map 1+ 0- 0~", "zz.map 1+ 0- 0~", "routes.map 1+ 1- 0~"},
     {}},
    {"a server",
     [](Generation& g) { g.config = replaced(g.config, "127.0.0.1:81", "127.0.0.1:82"); },
     Plan::Kind::reload,
     "'backend app.a.main from durward' changes, which HAProxy reads only when it starts",
     {},
     {"-    server s1 127.0.0.1:81", "+    server s1 127.0.0.1:82"}},
    {"a server and a route",
     [](Generation& g) {
       g.config = replaced(g.config, "127.0.0.1:81", "127.0.0.1:82");
       g.maps["routes.map"].pop_back();
     },
     Plan::Kind::reload,
     "'backend app.a.main from durward' changes, which HAProxy reads only when it starts",
     {"routes.map 0+ 1- 0~"},
     {"-    server s1 127.0.0.1:81", "+    server s1 127.0.0.1:82"}},
    {"one more section",
     [](Generation& g) { g.config += "\nbackend app.b.main from durward\n    server s1 127.0.0.1:83\n"; },
     Plan::Kind::reload,
     "'backend app.b.main from durward' changes, which HAProxy reads only when it starts",
     {},
     {"+backend app.b.main from durward", "+    server s1 127.0.0.1:83"}},
};

TEST(Plan, Table) {
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    const Generation current = base();
    Generation wanted = base();
    one.change(wanted);
    const Plan plan = diff(&current, wanted);
    EXPECT_EQ(plan.kind, one.kind);
    EXPECT_EQ(plan.reason, one.reason);
    EXPECT_EQ(plan.config, one.config);
    std::vector<std::string> maps;
    for (const auto& map : plan.maps)
      maps.push_back(map.map + " " + std::to_string(map.added) + "+ " + std::to_string(map.removed) + "- " +
                     std::to_string(map.changed) + "~");
    EXPECT_EQ(maps, one.maps);
  }
}

TEST(Plan, NothingYetIsAReload) {
  const Plan plan = diff(nullptr, base());
  EXPECT_EQ(plan.kind, Plan::Kind::reload);
  EXPECT_EQ(plan.reason, "nothing is applied yet");
}

}  // namespace
}  // namespace durward::dataplane

// Proves: what one estate allows and another does not is found for every person, place and instant at which
// the reference evaluator says so, and nothing is said where it never does; every request has its pair of
// routes; boxes hold exactly what they should.
#include "policy/difference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "policy/boxes.h"
#include "policy/route_pairs.h"
#include "testing/random_estate.h"

namespace durward::policy {
namespace {

using testing::allow;
using testing::deny;
using testing::If;
using namespace std::chrono_literals;

constexpr unsigned k_estates = 400;
constexpr unsigned k_probes_per_estate = 40;

bool holds(const Grid& grid, const Box& box, std::size_t point) {
  for (std::size_t d = grid.sizes.size(); d-- > 0; point /= grid.sizes[d])
    if (!std::binary_search(box[d].begin(), box[d].end(), point % grid.sizes[d])) return false;
  return true;
}

TEST(Boxes, HoldEveryPointThatIsInAndNoneThatIsOut) {
  std::mt19937_64 engine(5);
  for (unsigned round = 0; round < 500; ++round) {
    Grid grid;
    for (unsigned d = 0; d < 1 + round % 5; ++d) grid.sizes.push_back(1 + engine() % 4);
    std::vector<Point> points(grid.points());
    for (auto& point : points) point = static_cast<Point>(engine() % 3);
    const auto boxes = cover(grid, points);
    for (std::size_t point = 0; point < points.size(); ++point) {
      const auto count =
          std::count_if(boxes.begin(), boxes.end(), [&](const auto& box) { return holds(grid, box, point); });
      EXPECT_TRUE(points[point] != Point::in || count > 0);
      EXPECT_TRUE(points[point] != Point::out || count == 0);
    }
    for (const auto& box : boxes) {
      bool needed = false;
      for (std::size_t point = 0; point < points.size() && !needed; ++point)
        needed = points[point] == Point::in && holds(grid, box, point) &&
                 std::count_if(boxes.begin(), boxes.end(),
                               [&](const auto& other) { return holds(grid, other, point); }) == 1;
      EXPECT_TRUE(needed);
    }
  }
}

class Compared : public ::testing::Test {
 protected:
  const RoutePolicy* judged_by(const PolicySet& set, const Verdict& verdict, const std::string& method) {
    return verdict.route == nullptr ? nullptr : row_of(set, *verdict.route, method);
  }

  void check(const PolicySet& before, const PolicySet& after, const testing::RandomProbe& probe) {
    const Verdict was = evaluate(*before.model, probe.subject, probe.request);
    const Verdict is = evaluate(*after.model, probe.subject, probe.request);
    if (was.reason == Reason::bad_request) return;
    const auto routes =
        std::pair(judged_by(before, was, probe.request.method), judged_by(after, is, probe.request.method));
    if (routes.first == nullptr && routes.second == nullptr) return;
    const auto found = std::find_if(pairs_.begin(), pairs_.end(), [&](const auto& pair) {
      return std::pair(pair.before, pair.after) == routes;
    });
    ASSERT_NE(found, pairs_.end()) << probe.request.method << " " << probe.request.host << probe.request.path;

    auto comparison = comparisons_.find(routes);
    if (comparison == comparisons_.end()) {
      const auto policy = [](const RoutePolicy* row) { return row == nullptr ? nullptr : row->policy.get(); };
      comparison = comparisons_
                       .emplace(routes, Comparison({policy(routes.first), &before.model->gateway},
                                                   {policy(routes.second), &after.model->gateway},
                                                   probe.request.at, {}))
                       .first;
    }
    const auto& difference = comparison->second.difference();
    const auto change =
        comparison->second.change(classify(before, probe.subject), classify(after, probe.subject));
    ASSERT_TRUE(change);
    const bool roles_known = probe.subject.unknown_roles.empty();
    if (is.allow && !was.allow) {
      ++gains_;
      EXPECT_TRUE(change->gains);
      EXPECT_TRUE(!roles_known || difference.may_gain);
    }
    if (was.allow && !is.allow) {
      ++losses_;
      EXPECT_TRUE(change->loses);
      EXPECT_TRUE(!roles_known || difference.may_lose);
    }
    EXPECT_TRUE(!roles_known || difference.may_gain || !change->gains);
    EXPECT_TRUE(!roles_known || difference.may_lose || !change->loses);
    quiet_ += difference.none() ? 1 : 0;
  }

  std::vector<RoutePair> pairs_;
  std::map<std::pair<const RoutePolicy*, const RoutePolicy*>, Comparison> comparisons_;
  unsigned gains_ = 0, losses_ = 0, quiet_ = 0;
};

TEST_F(Compared, AsTheReferenceEvaluatorSays) {
  testing::RandomEstates random(20'261'123);
  std::mt19937_64 engine(9);
  for (unsigned i = 0; i < k_estates && !HasFailure(); ++i) {
    const auto first = random.estate();
    auto second = first;
    if (i % 4 == 0) {
      do second = random.estate();  // other routes, too
      while (second.gateway.acr != first.gateway.acr);
    } else {
      auto& app = second.apps.own(engine() % second.apps.size());
      if (!app.access.empty())
        app.access.erase(app.access.begin() + static_cast<std::ptrdiff_t>(engine() % app.access.size()));
      if (app.routes.size() > 1 && i % 2 == 0) app.routes.pop_back();
    }
    Diagnostics diagnostics;
    const auto before = compile(testing::shared(i % 3 == 0 ? second : first), diagnostics);
    const auto after = compile(testing::shared(i % 3 == 0 ? first : second), diagnostics);
    const auto found = pair_routes(*before, *after);
    EXPECT_TRUE(found.complete);
    pairs_ = found.pairs;
    comparisons_.clear();
    for (unsigned j = 0; j < k_probes_per_estate; ++j)
      check(*before, *after, random.probe(j % 2 == 0 ? *before->model : *after->model));
  }
  EXPECT_GT(gains_, 200U);
  EXPECT_GT(losses_, 200U);
  EXPECT_GT(quiet_, 200U);
}

PolicySetPtr estate_with(std::vector<model::Route> routes, std::vector<model::AccessRule> access) {
  Diagnostics diagnostics;
  return compile(testing::shared(testing::estate(
                     {testing::app("pay", {"pay.test"}, std::move(routes), std::move(access))})),
                 diagnostics);
}

std::vector<std::string> texts(const std::vector<Share>& shares) {
  std::vector<std::string> out;
  for (const auto& share : shares) out.push_back(share.text());
  return out;
}

Difference only_difference(const PolicySet& before, const PolicySet& after) {
  const Side was{before.routes.empty() ? nullptr : before.routes[0].policy.get(), &before.model->gateway};
  const Side is{after.routes.empty() ? nullptr : after.routes[0].policy.get(), &after.model->gateway};
  return Comparison(was, is, std::chrono::sys_seconds(1'700'000'000s), {}).difference();
}

using Texts = std::vector<std::string>;

TEST(Difference, IsSaidInWords) {
  const auto routes = [] { return std::vector{testing::route("all", "/{**}")}; };
  const auto staff = estate_with(routes(), {allow("a").any_of({"staff"})});
  const auto more = estate_with(routes(), {allow("a").any_of({"staff"}),
                                           allow("b").any_of({"guest"}).when(If().acr(1).age(15min).weekly(
                                               {testing::window(testing::monday_to_friday, 420, 1140)}))});
  EXPECT_EQ(texts(only_difference(*staff, *more).gained),
            Texts{"guest; with otp or above; a login at most 15m old; Mon-Fri 07:00-19:00 UTC"});
  EXPECT_TRUE(only_difference(*staff, *more).lost.empty());
  EXPECT_EQ(
      texts(only_difference(*more, *staff).lost),
      Texts{"guest, without staff; with otp or above; a login at most 15m old; Mon-Fri 07:00-19:00 UTC"});

  const auto open = estate_with(routes(), {allow("a").who(model::Who::anyone)});
  const auto opened = only_difference(*staff, *open);
  EXPECT_EQ(texts(opened.gained), Texts{"anyone, logged in or not"});
  EXPECT_TRUE(opened.gained.front().open());

  const auto inside =
      estate_with(routes(), {allow("a").any_of({"staff"}),
                             deny("office").who(model::Who::anyone).unless(If().source({"10.0.0.0/8"}))});
  EXPECT_EQ(texts(only_difference(*staff, *inside).lost), Texts{"staff; from elsewhere than 10.0.0.0/8"});
  const auto nothing = estate_with({}, {});
  EXPECT_EQ(texts(only_difference(*nothing, *open).gained), Texts{"anyone, logged in or not"});
}

TEST(Difference, RolesThatNoRuleTellsApartAreOneQuestion) {
  const testing::Words many{"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9",
                            "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"};
  auto plus = many;
  plus.push_back("z");
  const auto routes = [] { return std::vector{testing::route("all", "/{**}")}; };
  const auto out = only_difference(*estate_with(routes(), {allow("a").any_of(many)}),
                                   *estate_with(routes(), {allow("a").any_of(plus)}));
  EXPECT_TRUE(out.exact);
  ASSERT_EQ(out.gained.size(), 1U);
  EXPECT_EQ(out.gained.front().text(), "z");
}

TEST(Difference, TooManyRolesAreNotGuessedAt) {
  std::vector<model::AccessRule> rules;
  for (unsigned i = 0; i <= differing_roles_max; ++i)
    rules.push_back(allow("a" + std::to_string(i))
                        .any_of({"r" + std::to_string(i)})
                        .when(If().age(std::chrono::seconds(60 + i))));
  const auto routes = [] { return std::vector{testing::route("all", "/{**}")}; };
  const auto fewer = estate_with(routes(), {rules.begin(), rules.end() - 1});
  const auto out = only_difference(*fewer, *estate_with(routes(), rules));
  EXPECT_FALSE(out.exact);
  EXPECT_TRUE(out.may_gain);
  EXPECT_FALSE(out.may_lose) << "every rule is there still";
}

TEST(Difference, ALevelIsItsNameNotItsPlace) {
  const auto make = [](const testing::Words& ladder, int level) {
    auto estate = testing::estate({testing::app("pay", {"pay.test"}, {testing::route("all", "/{**}")},
                                                {allow("a").signed_in().when(If().acr(level))})});
    estate.gateway.acr = testing::spanned_words(ladder);
    Diagnostics diagnostics;
    return compile(testing::shared(std::move(estate)), diagnostics);
  };
  const auto short_ladder = make({"pwd", "key"}, 1), long_ladder = make({"pwd", "otp", "key"}, 2);
  EXPECT_TRUE(only_difference(*short_ladder, *long_ladder).none());
  EXPECT_EQ(texts(only_difference(*short_ladder, *make({"pwd", "otp", "key"}, 1)).gained),
            Texts{"anyone who is logged in; with otp"});
}

TEST(RoutePairs, ANarrowerRouteTakesItsPartOfAWiderOne) {
  const auto before = estate_with({testing::route("all", "/{**}")}, {allow("a").signed_in()});
  const auto after =
      estate_with({testing::route("all", "/{**}"), testing::route("admin", "/admin/{id}", {"POST"})},
                  {allow("a").signed_in().on({"all"})});
  const auto pairs = pair_routes(*before, *after).pairs;
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].after->route->id.value, "all");
  EXPECT_EQ(pairs[1].after->route->id.value, "admin");
  EXPECT_EQ(pairs[1].before->route->id.value, "all");
  EXPECT_EQ(pairs[1].methods, std::vector<std::string>{"POST"});
  EXPECT_EQ(pairs[1].narrower().route->id.value, "admin");
}

}  // namespace
}  // namespace durward::policy

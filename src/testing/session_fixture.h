// A small estate, people to sign in, and Sessions over a store in memory.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "session/flow.h"
#include "session/sessions.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace durward::testing {

class SessionFixture : public ::testing::Test {
 protected:
  SessionFixture() {
    model_.gateway.login_host.value = "login.example";
    model::IdentityProvider corp;
    corp.name.value = "corp";
    corp.issuer.value = "https://id.example";
    corp.acr = {{"urn:pwd", 0}, {"urn:otp", 1}};
    corp.idle = std::chrono::minutes(30);
    corp.absolute = std::chrono::hours(10);
    model_.providers["corp"] = corp;
    add_role("staff", "staff");
    reopen();
  }
  // What a restart does.
  void reopen() {
    sessions_.reset();
    auto opened = session::Sessions::open({.store = store_, .clock = clock_, .random = random_});
    ASSERT_TRUE(opened) << opened.error().message;
    sessions_ = std::move(*opened);
  }
  void add_role(const std::string& role, const std::string& group) {
    model_.roles[role].name.value = role;
    model_.roles[role].members = {
        {.kind = model::MemberLiteral::Kind::group, .claim = "", .value = {.value = group, .span = {}}}};
  }
  static identity::Identity identity(const std::string& person,
                                     const nlohmann::json& more = nlohmann::json::object()) {
    nlohmann::json claims{{"iss", "https://id.example"},      {"sub", "sub-" + person}, {"groups", {"staff"}},
                          {"email", person + "@example.com"}, {"email_verified", true}, {"acr", "urn:pwd"}};
    claims.update(more);
    return {.provider = "corp",
            .issuer = "https://id.example",
            .sub = "sub-" + person,
            .claims = claims.dump(),
            .id_token = "a.b.c",
            .notes = {}};
  }
  session::IssuedLogin sign_in(const std::string& person,
                               const nlohmann::json& more = nlohmann::json::object()) {
    auto issued = sessions_->create_login(identity(person, more), model_);
    EXPECT_TRUE(issued) << issued.error().message;
    return std::move(*issued);
  }
  static std::string url(const std::string& host) { return "https://" + host + "/x"; }
  session::TicketRequest ticket_request(const std::string& login, const std::string& host) {
    return {
        .login = login, .host = host, .return_url = url(host), .nonce_hash = session::nonce_hash("nonce")};
  }
  session::Redemption redemption(const std::string& ticket, const std::string& host) {
    return {.ticket = ticket, .host = host, .return_url = url(host), .nonce = "nonce"};
  }
  session::IssuedSession adopt(const std::string& login, const std::string& host) {
    const auto ticket = sessions_->issue_ticket(ticket_request(login, host));
    EXPECT_TRUE(ticket) << ticket.error().message;
    auto issued = sessions_->redeem_ticket(redemption(*ticket, host));
    EXPECT_TRUE(issued) << issued.error().message;
    return std::move(*issued);
  }
  session::BearerRequest bearer(const std::string& login, std::chrono::seconds ttl) {
    return {.login = login, .person = "", .host = "api.example", .ttl = ttl, .name = "ci"};
  }
  bool live(const std::string& key) { return sessions_->find_session(key)->has_value(); }
  bool signed_in(const std::string& token) {
    return sessions_->find_by_login_token("login.example", token)->has_value();
  }
  std::size_t rows() { return store_.list("session/", {})->size(); }

  FakeClock clock_;
  MemoryStore store_{clock_};
  sys::SystemRandom random_;
  model::Model model_;
  std::unique_ptr<session::Sessions> sessions_;
};

}  // namespace durward::testing

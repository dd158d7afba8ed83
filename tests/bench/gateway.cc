#include "gateway.h"

#include <fmt/format.h>

#include <map>

#include "app/certificates.h"
#include "identity/assertion.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t sessions_per_transaction = 10'000;
constexpr auto effective_patience = 10min;

}  // namespace

std::function<Result<std::string>(const session::HostSession&)> identity_rows() {
  struct State {
    Result<identity::AssertionSigner> signer;
    std::map<std::string, std::string> by_host;
  };
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto state = std::make_shared<State>(State{identity::AssertionSigner::generate(now), {}});
  return [state, now](const session::HostSession& session) -> Result<std::string> {
    if (!state->signer) return tl::unexpected(state->signer.error());
    const auto& subject = session.subject;
    std::string& token = state->by_host[session.host];
    if (token.empty()) {
      auto made = state->signer->sign({.issuer = "https://login.bench.test",
                                       .audience = "https://" + session.host,
                                       .sub = subject.sub,
                                       .provider_issuer = subject.issuer,
                                       .email = subject.email,
                                       .name = subject.name,
                                       .roles = subject.roles,
                                       .session = session.login,
                                       .id = {},
                                       .issued = now,
                                       .expires = now + 15min});
      if (!made) return made;
      token = *made;
    }
    return fmt::format("{}|{}|{}|{}", subject.sub, subject.email.value_or("-"), fmt::join(subject.roles, ","),
                       token);
  };
}

Result<std::unique_ptr<Gateway>> Gateway::start(generation::GenerationPtr generation,
                                                const std::string& bundle) {
  std::unique_ptr<Gateway> out(new Gateway);
  auto log = LogCounter::start(out->paths().log_socket());
  if (!log) return tl::unexpected(log.error());
  out->log_ = std::move(*log);
  auto certificates = app::copy_certificates(*generation, bundle, out->paths().certificates());
  if (!certificates) return tl::unexpected(certificates.error());
  out->reconciler_ = std::make_unique<dataplane::Reconciler>(
      dataplane::Reconciler::Options{.store = out->store_,
                                     .clock = out->clock_,
                                     .observer = *out,
                                     .haproxy = out->state_.haproxy(),
                                     .identity_row = identity_rows()});
  out->reconciler_->start();
  if (auto applied = out->reconciler_->apply(std::move(generation)); !applied)
    return tl::unexpected(applied.error());
  return out;
}

Gateway::~Gateway() {
  reconciler_.reset();
}

Status Gateway::add(const std::vector<session::HostSession>& sessions) {
  store::Revision last = 0;
  for (std::size_t from = 0; from < sessions.size(); from += sessions_per_transaction) {
    store::Transaction change;
    for (std::size_t i = from; i < std::min(sessions.size(), from + sessions_per_transaction); ++i)
      change.puts.push_back({"session/" + sessions[i].key, session::write(sessions[i])});
    auto done = store_.transact(change);
    if (!done) return tl::unexpected(done.error());
    last = done->revision;
    if (auto effective = reconciler_->await(last, effective_patience); !effective) return effective;
  }
  return {};
}

}  // namespace durward::bench

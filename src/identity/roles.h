// Claims -> Subject: three-valued roles, as the model says who holds them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "model/subject.h"

namespace durward::identity {

constexpr std::size_t groups_max = 5'000;     // more counts as unknown
constexpr std::size_t group_bytes_max = 256;  // a longer name counts as "all unknown" likewise
constexpr std::size_t kept_claims_bytes_max = 256U << 10;

struct Evaluated {
  model::Subject subject;
  std::vector<std::string>
      notes;  // for the log: excluded pairs, overage, unverified e-mail; never claim text raw
};

// `claims` is a JSON object with `iss` and `sub`, as in Identity::claims or kept by restrict_claims. Pure.
// Errors: IDN033 when it is not that.
Result<Evaluated> evaluate(std::string_view claims, const model::IdentityProvider& provider,
                           const model::Model& model);

// The claims that this model can read, as JSON: what a login keeps, to be evaluated again under a later
// model. Groups that do not fit the bound are dropped, which makes them unknown. Pure. Errors: IDN033.
Result<std::string> restrict_claims(std::string_view claims, const model::IdentityProvider& provider,
                                    const model::Model& model);

// What is left when the provider could not be asked for too long: who the person is, and how they
// authenticated. Every other claim is missing, which makes it unknown. Pure. Errors: IDN033.
Result<std::string> without_attributes(std::string_view claims);
// `fresh`, but with the level and the time of `former`: a refresh is no authentication. Pure. Errors: IDN033.
Result<std::string> with_authentication_of(std::string_view former, std::string_view fresh);

}  // namespace durward::identity

// The codes of what can be wrong with a bundle's meaning. Stable: a code is never reused or renumbered. The
// table is what the documentation is made from, and a test asks for a golden case of each.
#pragma once

#include <array>

#include "bundle/codes.h"

namespace durward::model {

using bundle::Code;

namespace code {
inline constexpr Code head{"MDL001", "The document does not begin as a Durward resource"};
inline constexpr Code kind{"MDL002", "The kind is unknown"};
inline constexpr Code unknown_key{"MDL003", "The language has no such key here"};
inline constexpr Code missing_key{"MDL004", "A required key is missing"};
inline constexpr Code type{"MDL005", "The value has the wrong shape"};
inline constexpr Code word{"MDL006", "The word is not one of those allowed here"};
inline constexpr Code unsupported{"MDL007", "This version does not enforce it yet, so it is refused"};
inline constexpr Code name{"MDL008", "A name or id is misspelt"};
inline constexpr Code duplicate_name{"MDL009", "Two things have one name"};
inline constexpr Code repeated{"MDL010", "A list holds the same value twice"};
inline constexpr Code host{"MDL011", "Not a host name"};
inline constexpr Code path{"MDL012", "Not a path template"};
inline constexpr Code method{"MDL013", "Not an HTTP method"};
inline constexpr Code address{"MDL014", "Not an address or network"};
inline constexpr Code window{"MDL015", "Not a weekly window"};
inline constexpr Code duration{"MDL016", "Not a duration, or out of range"};
inline constexpr Code size{"MDL017", "Not a size, or out of range"};
inline constexpr Code number{"MDL018", "Not a number, or out of range"};
inline constexpr Code endpoint{"MDL019", "Not an address with a port"};
inline constexpr Code issuer{"MDL020", "Not an issuer URL"};
inline constexpr Code placeholder{"MDL021", "A placeholder names no variable of the environment"};
inline constexpr Code environment{"MDL022", "It is not clear which Environment to load"};
inline constexpr Code patch{"MDL023", "A patch names something the bundle does not have"};
inline constexpr Code unknown_role{"MDL024", "The role is not declared"};
inline constexpr Code upstream{"MDL025", "The route has no upstream of that name"};
inline constexpr Code unknown_credential{"MDL026", "The credential is not declared"};
inline constexpr Code consent{"MDL027", "The credential does not name this user in usedBy"};
inline constexpr Code acr{"MDL028", "The level is not on the gateway's ladder"};
inline constexpr Code unknown_route{"MDL029", "The app has no route of that id"};
inline constexpr Code exactly_one{"MDL030", "Exactly one of several keys must be given"};
inline constexpr Code empty_condition{"MDL031", "A condition that says nothing"};
inline constexpr Code anonymous_condition{"MDL032", "No session has no level and no age"};
inline constexpr Code address_alone{"MDL033", "An address alone never allows"};
inline constexpr Code age_bound{"MDL034", "Only an upper bound on age may decide"};
inline constexpr Code idle_method{"MDL035", "A rule's method that none of its routes takes"};
inline constexpr Code duplicate_route{"MDL036", "Two routes take the same request"};
inline constexpr Code listener{"MDL037", "The listeners cannot work together"};
inline constexpr Code login_host{"MDL038", "The login host serves an app"};
inline constexpr Code gateway{"MDL039", "An estate has exactly one Gateway"};
inline constexpr Code root_only{"MDL040", "Only the root bundle may declare this kind"};
inline constexpr Code tree_path{"MDL041", "Not a path inside the bundle"};
inline constexpr Code tree{"MDL042", "A directory of the tree cannot be used"};
inline constexpr Code limit{"MDL043", "A bound on the estate's size is exceeded"};
inline constexpr Code session{"MDL044", "Session lifetimes contradict each other"};
inline constexpr Code provider{"MDL045", "The provider's settings contradict each other"};
inline constexpr Code exclusion{"MDL046", "A role excludes itself"};
inline constexpr Code idle_app{"MDL047", "An app that can serve nothing"};
inline constexpr Code credential_user{"MDL048", "usedBy names nobody in the estate"};
inline constexpr Code text{"MDL049", "The text is malformed"};
inline constexpr Code upstream_address{"MDL050", "An upstream where no application can be"};
}  // namespace code

inline constexpr std::array codes{code::head,
                                  code::kind,
                                  code::unknown_key,
                                  code::missing_key,
                                  code::type,
                                  code::word,
                                  code::unsupported,
                                  code::name,
                                  code::duplicate_name,
                                  code::repeated,
                                  code::host,
                                  code::path,
                                  code::method,
                                  code::address,
                                  code::window,
                                  code::duration,
                                  code::size,
                                  code::number,
                                  code::endpoint,
                                  code::issuer,
                                  code::placeholder,
                                  code::environment,
                                  code::patch,
                                  code::unknown_role,
                                  code::upstream,
                                  code::unknown_credential,
                                  code::consent,
                                  code::acr,
                                  code::unknown_route,
                                  code::exactly_one,
                                  code::empty_condition,
                                  code::anonymous_condition,
                                  code::address_alone,
                                  code::age_bound,
                                  code::idle_method,
                                  code::duplicate_route,
                                  code::listener,
                                  code::login_host,
                                  code::gateway,
                                  code::root_only,
                                  code::tree_path,
                                  code::tree,
                                  code::limit,
                                  code::session,
                                  code::provider,
                                  code::exclusion,
                                  code::idle_app,
                                  code::credential_user,
                                  code::text,
                                  code::upstream_address};

}  // namespace durward::model

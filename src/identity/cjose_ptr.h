// Owners for cjose's objects. Internal to identity.
#pragma once

#include <cjose/header.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <cjose/util.h>

#include <memory>

namespace durward::identity {

struct CjoseDelete {
  void operator()(cjose_jwk_t* jwk) const { cjose_jwk_release(jwk); }
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
  void operator()(cjose_header_t* header) const { cjose_header_release(header); }
  void operator()(char* text) const { cjose_get_dealloc()(text); }
};
using JwkPtr = std::unique_ptr<cjose_jwk_t, CjoseDelete>;
using JwsPtr = std::unique_ptr<cjose_jws_t, CjoseDelete>;
using HeaderPtr = std::unique_ptr<cjose_header_t, CjoseDelete>;
using CjoseText = std::unique_ptr<char, CjoseDelete>;

}  // namespace durward::identity

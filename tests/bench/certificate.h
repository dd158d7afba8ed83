// A certificate of our own making for a bench's TLS listener.
#pragma once

#include <string>

#include "base/result.h"

namespace durward::bench {

// Writes certificate and key (P-256) for this name into one PEM file. Errors: BEN031.
Status write_certificate(const std::string& path, const std::string& name);

}  // namespace durward::bench

// A failing estate, made small: whatever can go while it still fails goes.
#pragma once

#include <functional>

#include "probes.h"

namespace durward::differential {

struct Failing {
  model::Model estate;
  Probe probe;
};

// `fails` asks again; it is called at most `tries` times. Estates that it is given may be unsound: those do
// not fail.
Failing shrink(Failing failing, const std::function<bool(const Failing&)>& fails, unsigned tries);

}  // namespace durward::differential

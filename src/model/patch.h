// Environment patches: values put into an App's document before it is read, so that they are checked as if
// they stood there, and errors point at the patch.
#pragma once

#include "model/codec.h"
#include "model/language.h"

namespace durward::model {

// Applies every patch to `app`, an App's document. Reports paths that lead nowhere (MDL023).
void apply_patches(const AppPatches& patches, Node& app, Context& context);

}  // namespace durward::model

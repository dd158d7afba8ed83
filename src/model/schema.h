// The JSON Schema of the bundle language, from the same tables as the decoder.
#pragma once

#include <string>

namespace durward::model {

// Draft 2020-12, one schema for every kind, with descriptions for editors. Ends in a newline; equal builds
// give equal bytes. It accepts whatever the decoder accepts; the decoder checks more.
std::string json_schema();

}  // namespace durward::model

// Documents -> text: the same tree back, in one fixed layout.
#pragma once

#include <string>

#include "bundle/document.h"

namespace durward::bundle {

// Block layout, lists of plain words in brackets. parse(print(node)) is the same() tree; equal trees give
// equal bytes.
std::string print(const Node& node);

}  // namespace durward::bundle

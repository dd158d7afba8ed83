// A bundle's text, all the way to haproxy.cfg: whatever it says, it is refused with places or it compiles,
// what was understood reads back as itself, and no text of it becomes a line of configuration.
#include "base/diagnostics.h"
#include "bundle/parse.h"
#include "bundle/print.h"
#include "fuzz.h"
#include "generation/generation.h"
#include "model/load.h"
#include "model/print.h"
#include "testing/memory_bundle.h"

namespace durward {
namespace {

using fuzz::require;

void check_diagnostics(const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics.all())
    require(!diagnostic.code.empty() && !diagnostic.message.empty());
  require(diagnostics.all().empty() || !render_text(diagnostics).empty());
}

void check_syntax(const std::string& text) {
  Diagnostics diagnostics;
  const auto file = std::make_shared<SourceFile>(SourceFile{"fuzz.yaml", text});  // diagnostics point into it
  const auto parsed = bundle::parse(file, diagnostics);
  require(parsed.complete || diagnostics.has_errors());
  check_diagnostics(diagnostics);
  for (const auto& document : parsed.documents) {
    const std::string printed = bundle::print(document.root);
    Diagnostics again;
    const auto back = bundle::parse(std::make_shared<SourceFile>(SourceFile{"printed.yaml", printed}), again);
    require(!again.has_errors() && back.documents.size() == 1);
    require(bundle::same(back.documents.front().root, document.root));
  }
}

void check_rows(const generation::SharedRows& rows) {
  for (const auto& [key, value] : rows) {
    require(!key.empty() && key.find_first_of(" \t") == std::string::npos && fuzz::one_line(key));
    require(!value.empty() && fuzz::one_line(value));
  }
}

void check_meaning(const std::string& text) {
  testing::MemoryBundle source({{"bundle.yaml", text}});
  Diagnostics diagnostics;
  const auto model = model::load(source, "", diagnostics);
  check_diagnostics(diagnostics);
  if (!model) require(diagnostics.has_errors());
  if (!model || diagnostics.has_errors()) return;
  const auto policies = policy::compile(model, diagnostics);
  check_diagnostics(diagnostics);
  if (diagnostics.has_errors()) return;
  const auto generation = generation::generate(policies, {}, {}, diagnostics);
  require(generation || diagnostics.has_errors());
  if (!generation) return;
  for (const auto& [name, rows] : generation->maps) check_rows(rows);
  for (const unsigned char c : generation->config) require(c == '\n' || c >= 0x20);
}

}  // namespace
}  // namespace durward

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(durward::fuzz::text_of(data, size));
  durward::check_syntax(text);
  durward::check_meaning(text);
  return 0;
}

#include "model/model.h"

namespace durward::model {
namespace {

void collect(const SharedList<App>& apps, std::vector<const App*>& out) {
  for (const App& app : apps) {
    out.push_back(&app);
    collect(app.apps, out);
  }
}

const App* find_in(const SharedList<App>& apps, std::string_view name) {
  for (const App& app : apps) {
    if (app.name.value == name) return &app;
    if (const App* found = find_in(app.apps, name)) return found;
  }
  return nullptr;
}

}  // namespace

std::vector<const App*> Model::all_apps() const {
  std::vector<const App*> out;
  collect(apps, out);
  return out;
}

const App* Model::find_app(std::string_view name) const {
  return find_in(apps, name);
}

}  // namespace durward::model

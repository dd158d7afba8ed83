// A Durward state directory for one test, gone with it, and the HAProxy that runs there.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "dataplane/haproxy.h"
#include "generation/rows.h"
#include "sys/file_store.h"

namespace durward::testing {

inline std::string haproxy_binary() {
  const char* chosen = std::getenv("DURWARD_HAPROXY");
  return chosen != nullptr ? chosen : "haproxy";
}

// Stops the HAProxy that runs there, if any, then removes all.
class StateDirectory {
 public:
  StateDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-XXXXXX").string();
    paths_.state = ::mkdtemp(pattern.data());
    for (const auto& directory :
         {paths_.run(), paths_.runtime(), paths_.generations(), paths_.certificates(), paths_.log()})
      std::filesystem::create_directories(directory);
    std::filesystem::permissions(paths_.run(), std::filesystem::perms::owner_all);
    for (const char* map : generation::runtime_maps)
      sys::write_file(paths_.runtime() + "/" + map, "").map_error([](const Error&) { std::abort(); });
  }
  ~StateDirectory() {
    haproxy().stop().map_error([](const Error&) {});
    std::error_code ignored;
    std::filesystem::remove_all(paths_.state, ignored);
  }
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;

  const dataplane::Paths& paths() const { return paths_; }
  dataplane::Haproxy haproxy() const { return {haproxy_binary(), paths_}; }

 private:
  dataplane::Paths paths_;
};

}  // namespace durward::testing

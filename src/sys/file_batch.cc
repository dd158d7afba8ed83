#include "sys/file_batch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "sys/file_error.h"

namespace durward::sys {
namespace {

void add_once(std::vector<std::string>& names, std::string name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
}

}  // namespace

FileBatch::~FileBatch() {
  for (const auto& one : written_) ::unlink(one.temporary.c_str());
}

Status FileBatch::make_directory(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) {
    add_once(directories_, path);
    add_once(directories_, parent_of(path));
    return {};
  }
  return file_error("make the directory", path, errno);
}

Status FileBatch::write(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::filesystem::path target(path);
  std::string temporary = (target.parent_path() / ("." + target.filename().string() + ".XXXXXX")).string();
  Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return file_error("write", path, errno);
  const auto& one = written_.emplace_back(std::move(file), std::move(temporary), path);
  add_once(directories_, parent_of(path));
  if (::fchmod(one.file.get(), mode) != 0) return file_error("set the mode of", path, errno);
  if (const int code = write_fully(one.file.get(), bytes); code != 0) return file_error("write", path, code);
  // A beginning only: whether it worked is what fsync tells.
  (void)::sync_file_range(one.file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  return {};
}

Status FileBatch::commit() {
  for (const auto& one : written_)
    if (::fsync(one.file.get()) != 0) return file_error("fsync", one.path, errno);
  while (!written_.empty()) {
    const auto& one = written_.back();
    if (::rename(one.temporary.c_str(), one.path.c_str()) != 0) return file_error("replace", one.path, errno);
    written_.pop_back();
  }
  // The longest path first: nothing leads to what is not there yet.
  std::sort(directories_.begin(), directories_.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const auto& directory : directories_)
    if (auto done = sync_directory(directory); !done) return done;
  directories_.clear();
  return {};
}

}  // namespace durward::sys

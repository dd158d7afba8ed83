#include "live.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "sys/file_store.h"
#include "testing/raw_http.h"

namespace durward::bench {

Result<std::unique_ptr<LiveGateway>> LiveGateway::start(const Run& run, const People& people) {
  std::unique_ptr<LiveGateway> out(new LiveGateway);
  std::string pattern = (std::filesystem::temp_directory_path() / "durward-live-XXXXXX").string();
  out->directory_ = ::mkdtemp(pattern.data());
  out->people_ = people;
  out->estate_.port = testing::free_port();
  out->estate_.upstream_port = out->upstream_.port();
  const std::string bundle = out->directory_ + "/bundle", state = out->directory_ + "/state";
  if (auto written = write_live_bundle(out->estate_, bundle); !written)
    return tl::unexpected(written.error());
  if (auto made = sys::make_directories(state); !made) return tl::unexpected(made.error());
  run.say(fmt::format("  signing in {} people", people.count));
  if (auto done = sign_in(people, state + "/store.db"); !done) return tl::unexpected(done.error());
  auto product = Product::start(state, bundle, run.options().haproxy);
  if (!product) return tl::unexpected(product.error());
  out->product_ = std::move(*product);
  return out;
}

LiveGateway::~LiveGateway() {
  product_.reset();
  std::error_code ignored;
  if (std::getenv("DURWARD_BENCH_KEEP") == nullptr) std::filesystem::remove_all(directory_, ignored);
}

Result<int> LiveGateway::haproxy() {
  auto status = product_->status();
  if (!status) return tl::unexpected(status.error());
  return status->at("worker").get<int>();
}

Status LiveGateway::apply() {
  const std::string bundle = directory_ + "/bundle";
  if (auto written = write_live_bundle(estate_, bundle); !written) return written;
  return product_->apply(bundle);
}

Status LiveGateway::change_rules() {
  ++estate_.rules;
  return apply();
}

Status LiveGateway::change_timeouts() {
  estate_.timeouts = estate_.timeouts == 30 ? 31 : 30;
  return apply();
}

double machine_load() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : -1;
}

}  // namespace durward::bench

// A value fetched from outside, kept for a while: one fetch at a time, none of them under a lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>

#include "base/guarded.h"
#include "base/result.h"
#include "sys/clock.h"

namespace durward::identity {

// Thread-safe. Whoever finds the value missing or old fetches it; others meanwhile get the old one if it is
// usable, else they wait for the outcome, `wait` at most. After each attempt there is a pause, whatever asks
// for a new one.
template <class T>
class Cached {
 public:
  using Ptr = std::shared_ptr<const T>;
  struct Limits {
    std::chrono::seconds fresh;      // fetched anew after this
    std::chrono::seconds stale;      // no longer used after this, even when fetching fails
    std::chrono::seconds pause{10};  // at most one attempt in this time
    std::chrono::seconds wait{3};
  };
  explicit Cached(Limits limits) : limits_(limits) {}

  // `fetch` is called without a lock. `lacking`: a value this gave earlier and the caller found wanting (an
  // unknown key id): it is fetched anew even when fresh, if the pause allows. Errors: those of `fetch`;
  // IDN011 while one that takes too long is under way.
  template <class Fetch>
  Result<Ptr> get(const sys::Clock& clock, Fetch fetch, const Ptr& lacking = nullptr) {
    {
      auto data = data_.lock();
      const auto now = clock.steady();
      const bool usable = data->value != nullptr && now - data->fetched <= limits_.stale;
      const bool wanted = !usable || now - data->fetched > limits_.fresh || data->value == lacking;
      if (!wanted) return data->value;
      if (data->fetching) {
        if (usable && data->value != lacking) return data->value;
        const auto done = [&] { return !data->fetching; };
        if (!finished_.wait_for(data.lock(), limits_.wait, done) && !usable) {
          return fail("IDN011", "the identity provider is not answering", "try again in a moment");
        }
        return outcome(*data, clock);
      }
      if (data->attempted && now - *data->attempted < limits_.pause) return outcome(*data, clock);
      data->fetching = true;
      data->attempted = now;
    }
    Result<T> fetched = fetch();
    auto data = data_.lock();
    data->fetching = false;
    if (fetched) {
      data->value = std::make_shared<const T>(std::move(*fetched));
      data->fetched = clock.steady();
    } else {
      data->error = fetched.error();
    }
    finished_.notify_all();
    return outcome(*data, clock);
  }

 private:
  struct Data {
    Ptr value;
    std::chrono::steady_clock::time_point fetched;
    std::optional<std::chrono::steady_clock::time_point> attempted;
    bool fetching = false;
    Error error;  // of the last attempt that failed
  };

  Result<Ptr> outcome(const Data& data, const sys::Clock& clock) const {
    if (data.value != nullptr && clock.steady() - data.fetched <= limits_.stale) return data.value;
    return tl::unexpected(data.error);
  }

  const Limits limits_;
  Guarded<Data> data_;
  std::condition_variable finished_;
};

}  // namespace durward::identity

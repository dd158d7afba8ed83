// An HttpClient without a network: answers by exact URL, and remembers what it was asked. Any thread.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "identity/http.h"

namespace durward::testing {

class FakeHttp final : public identity::HttpClient {
 public:
  using Answer = std::function<Result<identity::HttpResponse>(const identity::HttpRequest&)>;

  void on(const std::string& url, Answer answer) { data_.lock()->answers[url] = std::move(answer); }
  void on(const std::string& url, std::string body, int status = 200) {
    on(url, [body = std::move(body), status](const identity::HttpRequest&) -> Result<identity::HttpResponse> {
      return identity::HttpResponse{status, "application/json", body};
    });
  }
  void fails(const std::string& url) {
    on(url, [](const identity::HttpRequest&) -> Result<identity::HttpResponse> {
      return fail("IDN002", "no answer: refused by the test");
    });
  }

  std::vector<identity::HttpRequest> requests() { return data_.lock()->requests; }
  std::size_t count(const std::string& url) {
    auto data = data_.lock();
    return static_cast<std::size_t>(std::ranges::count(data->requests, url, &identity::HttpRequest::url));
  }

  Result<identity::HttpResponse> fetch(const identity::HttpRequest& request,
                                       const identity::HttpLimits& limits) override {
    Answer answer;
    {
      auto data = data_.lock();
      data->requests.push_back(request);
      const auto found = data->answers.find(request.url);
      if (found == data->answers.end()) return fail("IDN002", "no answer: nobody there");
      answer = found->second;
    }
    auto response = answer(request);
    if (response && response->body.size() > limits.body_bytes_max)
      return fail("IDN003", "the answer is too big");
    return response;
  }

 private:
  struct Data {
    std::map<std::string, Answer> answers;
    std::vector<identity::HttpRequest> requests;
  };
  Guarded<Data> data_;
};

}  // namespace durward::testing

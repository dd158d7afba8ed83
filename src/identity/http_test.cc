// Proves: what is fetched stays within bounds: where it may go, how much may come back, how long it may take.
#include "identity/http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

namespace durward::identity {
namespace {

using namespace std::chrono_literals;

TEST(Url, Allowed) {
  for (const char* url :
       {"https://id.example", "https://id.example/", "https://id.example:8443/x?y=z", "https://ID.example/X",
        "http://localhost:9443/x", "http://id.localhost/", "http://127.0.0.1:80/", "http://[::1]:80/",
        "https://[2001:db8::1]/x", "https://10.0.0.1/"}) {
    EXPECT_TRUE(allowed_url(url)) << url;
  }
  for (const char* url : {"",
                          "https://",
                          "http://id.example/",
                          "ftp://id.example/",
                          "https:/id.example",
                          "https:id.example",
                          "//id.example",
                          "https://u@id.example/",
                          "https://u:p@id.example/",
                          "https://id.example/#f",
                          "https://id.example\\@evil/",
                          "https://id.example:/",
                          "https://id.example:123456/",
                          "https://id.example:8a/",
                          "https://[::1/",
                          "https://[::1]x/",
                          "https://id example/",
                          "https://id.example/a b",
                          "https://id.example/\n",
                          "https://\xc3\xa4.example/",
                          "http://localhost.evil.example/",
                          "http://127.0.0.1.evil.example/",
                          "file:///etc/passwd",
                          "HTTPS://id.example/",
                          "https://id%2eexample/"}) {
    EXPECT_FALSE(allowed_url(url)) << url;
  }
  EXPECT_FALSE(allowed_url("https://id.example/" + std::string(2'048, 'x')));
}

TEST(Url, EndpointsStayWhereTheIssuerMayPoint) {
  const char* issuer = "https://id.example/realm";
  EXPECT_TRUE(allowed_endpoint("https://other.example/token", issuer));
  EXPECT_TRUE(allowed_endpoint("https://10.1.2.3/token", issuer));
  for (const char* url :
       {"http://localhost/token", "https://localhost/token", "https://127.0.0.2/", "https://169.254.169.254/",
        "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1]/", "https://[fd00:ec2::254]/",
        "https://0.0.0.0/", "http://id.example/"}) {
    EXPECT_FALSE(allowed_endpoint(url, issuer)) << url;
  }
  EXPECT_TRUE(allowed_endpoint("https://localhost:9443/token", "https://localhost:9443"));
  EXPECT_TRUE(allowed_endpoint("http://127.0.0.1:1/token", "http://localhost:9443"));
  EXPECT_FALSE(
      allowed_endpoint("http://localhost:1/token", "https://localhost:9443"));  // not down to clear text
}

// A server on loopback that reads one request per connection and lets the test answer on the socket.
class Server {
 public:
  explicit Server(std::function<void(int)> answer)
      : answer_(std::move(answer)), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  int connections() const { return connections_; }

 private:
  void run() {
    for (;;) {
      const int connection = ::accept(fd_, nullptr, nullptr);
      if (connection < 0) return;
      ++connections_;
      char buffer[4'096];
      if (::recv(connection, buffer, sizeof buffer, 0) > 0) answer_(connection);
      ::close(connection);
    }
  }
  std::function<void(int)> answer_;
  int fd_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

bool say(int connection, const std::string& text) {
  return ::send(connection, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

std::string outcome(const Server& server, HttpLimits limits = {.body_bytes_max = 1'000, .timeout = 2s}) {
  CurlHttpClient client({.ca_pem = ""});
  const auto response = client.fetch({.url = server.url()}, limits);
  return response ? std::to_string(response->status) + " " + response->content_type + " " + response->body
                  : response.error().code;
}

TEST(Curl, Fetches) {
  const Server server([](int c) {
    say(c, "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=x\r\nContent-Length: 2\r\n\r\n{}");
  });
  EXPECT_EQ(outcome(server), "200 application/json {}");
}

TEST(Curl, FollowsNoRedirect) {
  const Server target([](int c) { say(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); });
  const Server server([&](int c) {
    say(c, "HTTP/1.1 302 Found\r\nLocation: " + target.url() + "\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(outcome(server), "302  ");
  EXPECT_EQ(target.connections(), 0);
}

TEST(Curl, CapsBodies) {
  const Server declared([](int c) { say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"); });
  EXPECT_EQ(outcome(declared), "IDN003");
  const Server endless([](int c) {
    say(c, "HTTP/1.1 200 OK\r\n\r\n");
    while (say(c, std::string(4'096, 'x'))) {
    }
  });
  EXPECT_EQ(outcome(endless), "IDN003");
  const Server headers([](int c) {
    say(c, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 100 && say(c, "X-" + std::to_string(i) + ": " + std::string(2'000, 'x') + "\r\n");
         ++i) {
    }
  });
  EXPECT_EQ(outcome(headers), "IDN003");
}

TEST(Curl, EndsASlowDrip) {
  std::atomic<bool> stop = false;
  const Server server([&](int c) {
    say(c, "HTTP/1.1 200 OK\r\n\r\n");
    while (!stop && say(c, "x")) std::this_thread::sleep_for(20ms);
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(outcome(server, {.body_bytes_max = 1'000'000, .timeout = 300ms}), "IDN002");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  stop = true;
}

TEST(Curl, RefusesBeforeItConnects) {
  CurlHttpClient client({.ca_pem = ""});
  EXPECT_EQ(client.fetch({.url = "http://id.example/"}, {}).error().code, "IDN001");
  EXPECT_EQ(client.fetch({.url = "file:///etc/passwd"}, {}).error().code, "IDN001");
  const Server server([](int) {});
  EXPECT_EQ(client.fetch({.method = "DELETE", .url = server.url()}, {}).error().code, "IDN001");
  EXPECT_EQ(client.fetch({.url = server.url(), .headers = {{"A", "b\r\nC: d"}}}, {}).error().code, "IDN001");
  EXPECT_EQ(server.connections(), 0);
}

TEST(Curl, SaysWhatWentWrong) {
  CurlHttpClient client({.ca_pem = ""});
  const auto response = client.fetch({.url = "http://127.0.0.1:1/"}, {});
  EXPECT_EQ(response.error().code, "IDN002");
  EXPECT_TRUE(response.error().message.starts_with("no answer: ")) << response.error().message;
}

}  // namespace
}  // namespace durward::identity

#include "sys/listening.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace durward::sys {

Status can_listen(const std::string& address, std::uint16_t port) {
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  const bool is_v6 = ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1;
  if (!is_v6 && ::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) != 1)
    return fail("SYS030", address + " is not an address");
  v6.sin6_family = AF_INET6;
  v4.sin_family = AF_INET;
  v6.sin6_port = v4.sin_port = htons(port);
  const int fd = ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("SYS030", std::strerror(errno));
  const int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (is_v6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  const int bound = is_v6 ? ::bind(fd, reinterpret_cast<const sockaddr*>(&v6), sizeof v6)
                          : ::bind(fd, reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  const int why = bound == 0 && ::listen(fd, 1) == 0 ? 0 : errno;
  ::close(fd);
  if (why != 0) return fail("SYS030", std::strerror(why));
  return {};
}

}  // namespace durward::sys

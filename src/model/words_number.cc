// Numbers with a unit or a form: durations, sizes, ports, networks, endpoints, levels.
#include <array>
#include <charconv>
#include <limits>

#include "model/address.h"
#include "model/words.h"

namespace durward::model {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// Longest first where one ends in another.
constexpr std::array<Unit, 5> time_units{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 4> size_units{
    {{"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"", 1}}};

struct Amount {
  std::uint64_t count = 0;
  std::string_view unit;
};

// Digits without a leading zero, then the rest.
std::optional<Amount> parse_amount(std::string_view text) {
  Amount amount;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount.count);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || (digits > 1 && text[0] == '0')) return std::nullopt;
  amount.unit = text.substr(digits);
  return amount;
}

template <std::size_t N>
std::optional<std::uint64_t> value_of(std::string_view text, const std::array<Unit, N>& units) {
  const auto amount = parse_amount(text);
  if (!amount) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != amount->unit) continue;
    if (amount->count > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
    return amount->count * unit.factor;
  }
  return std::nullopt;
}

std::string print_duration(std::uint64_t ms) {
  for (std::size_t i = time_units.size(); i-- > 0;)
    if (ms % time_units[i].factor == 0 && (ms != 0 || i == 1))
      return fmt::format("{}{}", ms / time_units[i].factor, time_units[i].name);
  return fmt::format("{}ms", ms);
}

std::string print_size(std::uint64_t bytes) {
  for (std::size_t i = size_units.size() - 1; i-- > 0;)
    if (bytes != 0 && bytes % size_units[i].factor == 0)
      return fmt::format("{}{}", bytes / size_units[i].factor, size_units[i].name);
  return std::to_string(bytes);
}

// 10MB, 10M and 10mb want to be 10MiB.
std::string size_hint(std::string_view text) {
  const auto amount = parse_amount(text);
  const std::string unit = amount ? lower_ascii(amount->unit) : std::string();
  for (const char prefix : {'k', 'm', 'g'})
    if (unit.starts_with(prefix) && unit.size() <= 3)
      return fmt::format("write {}{}iB", amount->count, static_cast<char>(prefix - 'a' + 'A'));
  return "write bytes, or a number with KiB, MiB or GiB";
}

Word<std::uint64_t> parse_duration(std::string_view text, Duration min, Duration max, bool whole_seconds) {
  const auto value = value_of(text, time_units);
  if (!value) {
    const auto amount = parse_amount(text);
    return refuse(code::duration, fmt::format("'{}' is not a duration", text),
                  amount && amount->unit.empty() ? fmt::format("say the unit, as in {}s", text)
                                                 : "write one number with ms, s, m, h or d, as in 90m");
  }
  if (whole_seconds && *value % 1'000 != 0)
    return refuse(code::duration, fmt::format("'{}' is not whole seconds", text), "write it in s, m, h or d");
  const auto low = static_cast<std::uint64_t>(min.count());
  const auto high = static_cast<std::uint64_t>(max.count());
  if (*value < low || *value > high)
    return refuse(code::duration, fmt::format("{} is out of range", text),
                  fmt::format("{} to {}", print_duration(low), print_duration(high)));
  return *value;
}

Shape duration_shape() {
  Shape shape;
  shape.what = "a duration such as 15m";
  shape.pattern = "^[0-9]+(ms|s|m|h|d)$";
  shape.environment = true;
  return shape;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto amount = parse_amount(text);
  if (!amount || !amount->unit.empty() || amount->count == 0 || amount->count > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(amount->count);
}

struct Endpoint {
  std::string host;  // without brackets
  bool bracketed = false;
  std::uint16_t port = 0;
};

Word<Endpoint> parse_endpoint(std::string_view text, std::string_view example) {
  const auto colon = text.rfind(':');
  const auto hint = fmt::format("write it as in {}", example);
  const bool bracketed = text.starts_with('[');
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos)
    return refuse(code::endpoint, fmt::format("'{}' is a URL", text), hint);
  if (colon == std::string_view::npos || text.ends_with(']'))
    return refuse(code::endpoint, fmt::format("'{}' has no port", text), hint);
  std::string_view host = text.substr(0, colon);
  if (bracketed) {
    if (!host.ends_with(']'))
      return refuse(code::endpoint, fmt::format("'{}' is not an address with a port", text), hint);
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse(code::endpoint, fmt::format("'{}' is ambiguous", text),
                  "put the IPv6 address in brackets: [2001:db8::1]:8443");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port)
    return refuse(code::endpoint, fmt::format("'{}' is not a port", text.substr(colon + 1)), "1 to 65535",
                  colon + 1, text.size() - colon - 1);
  const auto address = IpAddress::parse(host);
  if (bracketed && !(address && address->v6))
    return refuse(code::endpoint, fmt::format("'{}' is not an IPv6 address", host), hint);
  return Endpoint{std::string(host), bracketed, *port};
}

Word<Bind> parse_bind(std::string_view text, Context&) {
  const auto endpoint = parse_endpoint(text, "0.0.0.0:8443 or [::]:8443");
  if (!endpoint) return tl::unexpected(endpoint.error());
  const auto address = IpAddress::parse(endpoint->host);
  if (!address)
    return refuse(code::endpoint, fmt::format("'{}' is not an address with a port", text),
                  endpoint->host.empty() || endpoint->host == "*"
                      ? fmt::format("write 0.0.0.0:{0} for IPv4 and [::]:{0} for IPv6", endpoint->port)
                      : "a listener binds to an address, not to a name");
  return Bind{address->text(), endpoint->port};
}

Word<Server> parse_server(std::string_view text, Context&) {
  const auto endpoint = parse_endpoint(text, "10.20.4.11:8443 or ledger.internal:8443");
  if (!endpoint) return tl::unexpected(endpoint.error());
  if (const auto address = IpAddress::parse(endpoint->host)) return Server{address->text(), endpoint->port};
  if (const auto host = parse_host(endpoint->host); !host)
    return refuse(code::endpoint, host.error().message, host.error().hint);
  return Server{endpoint->host, endpoint->port};
}

std::string with_port(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

}  // namespace

Codec<std::chrono::milliseconds> milliseconds_word(Duration min, Duration max) {
  return word<std::chrono::milliseconds>(
      duration_shape(),
      [min, max](std::string_view text, Context&) -> Word<std::chrono::milliseconds> {
        const auto value = parse_duration(text, min, max, false);
        if (!value) return tl::unexpected(value.error());
        return std::chrono::milliseconds(*value);
      },
      [](const std::chrono::milliseconds& v, const Printing&) {
        return print_duration(static_cast<std::uint64_t>(v.count()));
      });
}

Codec<std::chrono::seconds> seconds_word(Duration min, Duration max) {
  return word<std::chrono::seconds>(
      duration_shape(),
      [min, max](std::string_view text, Context&) -> Word<std::chrono::seconds> {
        const auto value = parse_duration(text, min, max, true);
        if (!value) return tl::unexpected(value.error());
        return std::chrono::seconds(*value / 1'000);
      },
      [](const std::chrono::seconds& v, const Printing&) {
        return print_duration(static_cast<std::uint64_t>(v.count()) * 1'000);
      });
}

Codec<std::uint64_t> size_word(std::uint64_t min, std::uint64_t max) {
  Shape shape;
  shape.what = "a size such as 10MiB";
  shape.pattern = "^[0-9]+(KiB|MiB|GiB)?$";
  shape.environment = true;
  return word<std::uint64_t>(
      std::move(shape),
      [min, max](std::string_view text, Context&) -> Word<std::uint64_t> {
        const auto value = value_of(text, size_units);
        if (!value) return refuse(code::size, fmt::format("'{}' is not a size", text), size_hint(text));
        if (*value < min || *value > max)
          return refuse(code::size, fmt::format("{} is out of range", text),
                        fmt::format("{} to {}", print_size(min), print_size(max)));
        return *value;
      },
      [](const std::uint64_t& bytes, const Printing&) { return print_size(bytes); });
}

const Codec<bool>& boolean_word() {
  static const Codec<bool> codec = [] {
    Shape shape;
    shape.what = "true or false";
    shape.json = Shape::Json::boolean;
    return word<bool>(
        std::move(shape),
        [](std::string_view text, Context&) -> Word<bool> {
          if (text == "true") return true;
          if (text == "false") return false;
          return refuse(code::word, fmt::format("'{}' is neither true nor false", text),
                        "write true or false");
        },
        [](const bool& value, const Printing&) { return std::string(value ? "true" : "false"); });
  }();
  return codec;
}

const Codec<std::uint16_t>& port_word() {
  static const Codec<std::uint16_t> codec = [] {
    Shape shape;
    shape.what = "a port";
    shape.json = Shape::Json::integer;
    return word<std::uint16_t>(
        std::move(shape),
        [](std::string_view text, Context&) -> Word<std::uint16_t> {
          if (const auto port = parse_port(text)) return *port;
          return refuse(code::number, fmt::format("'{}' is not a port", text), "1 to 65535");
        },
        [](const std::uint16_t& port, const Printing&) { return std::to_string(port); });
  }();
  return codec;
}

const Codec<Cidr>& cidr_word() {
  static const Codec<Cidr> codec = [] {
    Shape shape;
    shape.what = "a network such as 10.0.0.0/8";
    shape.pattern = "^[0-9a-fA-F.:]+(/[0-9]{1,3})?$";
    shape.environment = true;
    return word<Cidr>(
        std::move(shape),
        [](std::string_view text, Context&) -> Word<Cidr> {
          auto cidr = parse_cidr(text);
          if (!cidr) return refuse(code::address, cidr.error().message, cidr.error().hint);
          return *cidr;
        },
        [](const Cidr& cidr, const Printing&) { return cidr.text(); });
  }();
  return codec;
}

const Codec<Bind>& bind_word() {
  static const Codec<Bind> codec = [] {
    Shape shape;
    shape.what = "an address with a port such as 0.0.0.0:8443";
    shape.pattern = R"(^(\[[0-9a-fA-F.:]+\]|[0-9.]+):[0-9]{1,5}$)";
    shape.environment = true;
    return word<Bind>(std::move(shape), parse_bind,
                      [](const Bind& bind, const Printing&) { return with_port(bind.address, bind.port); });
  }();
  return codec;
}

const Codec<Server>& server_word() {
  static const Codec<Server> codec = [] {
    Shape shape;
    shape.what = "a host with a port such as 10.20.4.11:8443";
    shape.pattern = R"(^(\[[0-9a-fA-F.:]+\]|[a-z0-9.-]+):[0-9]{1,5}$)";
    shape.environment = true;
    return word<Server>(std::move(shape), parse_server, [](const Server& server, const Printing&) {
      return with_port(server.host, server.port);
    });
  }();
  return codec;
}

const Codec<int>& acr_word() {
  static const Codec<int> codec = [] {
    Shape shape;
    shape.what = "a level of Gateway.spec.acr";
    shape.pattern = "^[a-z0-9-]{1,63}$";
    return word<int>(
        std::move(shape),
        [](std::string_view text, Context& context) -> Word<int> {
          std::vector<std::string> names;
          if (context.ladder != nullptr)
            for (const auto& level : *context.ladder) {
              if (level.value == text) return static_cast<int>(names.size());
              names.push_back(level.value);
            }
          return refuse(
              code::acr, fmt::format("unknown level '{}'", text),
              names.empty() ? "list the levels in the Gateway's acr, weakest first" : suggest(text, names));
        },
        [](const int& level, const Printing& printing) {
          const auto index = static_cast<std::size_t>(level);
          const bool known = level >= 0 && printing.ladder != nullptr && index < printing.ladder->size();
          return known ? (*printing.ladder)[index].value : std::string();
        });
  }();
  return codec;
}

}  // namespace durward::model

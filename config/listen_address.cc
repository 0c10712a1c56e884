#include "config/listen_address.h"

#include "config/problem.h"
#include "config/quantities.h"

namespace gatehouse {
namespace {

Failure expected(std::string_view what, std::string_view text) {
  return {FailureKind::bad_configuration, "expects " + std::string(what) + ", not " + quoted(text)};
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  std::string_view rest = text;
  if (rest.ends_with("/udp"))
    return Failure(FailureKind::bad_configuration, "UDP entry points are not available in this version");
  if (rest.ends_with("/tcp")) rest.remove_suffix(4);
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) return expected("[host]:port, such as :80", text);
  const auto number = parse_number(rest.substr(colon + 1));
  if (!number || *number > 65535) return expected("a port from 0 to 65535 after the last colon", text);
  const auto port = static_cast<std::uint16_t>(*number);

  std::string host(rest.substr(0, colon));
  if (host.empty()) return ListenAddress{{asio::ip::address_v6::any(), port}, true};
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) return expected("an IP address before the port, such as 127.0.0.1:80 or [::1]:80", text);
  if (address.is_v6() != bracketed) return expected("brackets around an IPv6 address, and only there: [::1]:80", text);
  return ListenAddress{{address, port}, false};
}

}  // namespace gatehouse

// Heads of requests and answers as values. All texts are views into the bytes they were parsed from.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gatehouse {

// The fields the proxy treats in its own way; every other field passes as it is.
enum class HeaderId : std::uint8_t {
  other,
  host,
  connection,
  keep_alive,
  proxy_connection,
  te,
  trailer,
  transfer_encoding,
  content_length,
  upgrade,
  expect,
  date,
  server,
  cookie,
  forwarded,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_port,
  x_forwarded_proto,
  x_forwarded_ssl,
  x_forwarded_other,  // -Server, -Prefix, -Client-Cert, -Tls-Client-Cert-Info, …; X-Request-Id
  x_real_ip,
  client_identity,    // X-SSL-Client-*, X-Original-URL, X-Rewrite-URL, X-Scheme: never taken from a client
  ambiguous,          // a name with `_`, `.` or `%`: some upstreams cannot tell it from another
};

HeaderId header_id(std::string_view name);

// ASCII, case-insensitive; `lower` must be lower case.
bool same_name(std::string_view name, std::string_view lower);

struct HeaderField {
  std::string_view name;
  std::string_view value;
  HeaderId id = HeaderId::other;
};

// A comma-separated list (RFC 9110 §5.6.1): calls `each` with every non-empty element, blanks trimmed.
template <class Each>
void for_each_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) element.remove_suffix(1);
    if (!element.empty()) each(element);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
}

// How a body ends (RFC 9112 §6).
enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

struct BodyFraming {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;  // with BodyKind::length; never 0 there

  bool operator==(const BodyFraming&) const = default;
};

struct RequestHead {
  std::string_view method;
  std::string_view target;     // what is forwarded: origin-form or `*`, bytes as sent
  std::string_view path;       // the target without its query
  std::string_view authority;  // Host as sent (or the absolute-form target's); empty only in HTTP/1.0
  std::uint8_t minor_version = 1;
  bool keep_alive = true;      // the client is willing
  bool expect_continue = false;
  std::string_view upgrade;    // the token list asked for together with `Connection: upgrade`; else empty
  BodyFraming body;
  std::vector<HeaderField> fields;

  std::string_view find(HeaderId id) const;
  std::string_view find(std::string_view lower_name) const;
};

struct ResponseHead {
  std::uint16_t status = 0;
  std::string_view reason;
  std::uint8_t minor_version = 1;
  bool keep_alive = true;      // the upstream is willing
  std::string_view upgrade;    // with 101
  BodyFraming body;
  std::vector<HeaderField> fields;

  std::string_view find(std::string_view lower_name) const;
  bool interim() const { return status < 200 && status != 101; }
};

}  // namespace gatehouse

#include "proxy/http/url.h"

#include "base/escape.h"
#include "base/names.h"

#include <algorithm>
#include <charconv>

namespace gatehouse {
namespace {

constexpr std::size_t max_bytes = 2048;

Failure bad(std::string_view url, std::string_view words) {
  return Failure(FailureKind::bad_configuration,
                 "'" + printable(url.substr(0, 200)) + "' is no URL we can ask: " + std::string(words));
}

bool visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool remove_scheme(std::string_view& text, Url& url) {
  for (const auto& [scheme, tls] : {std::pair("https://", true), std::pair("http://", false)}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(std::string_view(scheme).size());
    url.tls = tls;
    url.port = tls ? 443 : 80;
    return true;
  }
  return false;
}

bool read_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

bool read_host(std::string_view text, std::string& host) {
  if (text.starts_with('[')) {
    const auto address = text.ends_with(']') ? parse_address(text.substr(1, text.size() - 2)) : std::nullopt;
    if (!address || !address->is_v6()) return false;
    host = address->to_string();
    return true;
  }
  const auto name = HostName::parse(text);
  if (name) host = name->text();
  return name.has_value();
}

bool is_v6(std::string_view host) { return host.find(':') != std::string_view::npos; }

}  // namespace

std::string Url::authority() const {
  std::string text = is_v6(host) ? "[" + host + "]" : host;
  if (port != (tls ? 443 : 80)) text.append(":").append(std::to_string(port));
  return text;
}

std::string Url::origin() const { return (tls ? "https://" : "http://") + authority(); }

Result<Url> parse_url(std::string_view text) {
  if (text.size() > max_bytes) return bad(text, "it is too long");
  if (!visible(text)) return bad(text, "it holds bytes that belong into no URL");
  if (text.find('#') != std::string_view::npos) return bad(text, "it has a fragment");
  Url url;
  std::string_view rest = text;
  if (!remove_scheme(rest, url)) return bad(text, "it has to begin with https:// or http://");
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  url.target = rest.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && !authority.ends_with(']')) {
    if (!read_port(authority.substr(colon + 1), url.port)) return bad(text, "its port is no port");
    authority = authority.substr(0, colon);
  }
  if (!read_host(authority, url.host)) return bad(text, "its host is neither a DNS name nor an address");
  return url;
}

}  // namespace gatehouse

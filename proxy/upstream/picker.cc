#include "proxy/upstream/picker.h"

#include <numeric>

namespace gatehouse {
namespace {

__extension__ using Wide = unsigned __int128;

// About total / golden ratio and prime to it: stepping by it visits every position of the cycle once, and positions
// visited one after the other lie far apart.
std::uint64_t step_through(std::uint64_t total) {
  auto step = static_cast<std::uint64_t>(static_cast<long double>(total) * 0.6180339887498949L);
  while (std::gcd(step, total) != 1) ++step;
  return step;
}

// FNV-1a, its bits mixed (the finaliser of MurmurHash3) and folded.
std::uint32_t hash_of(const Endpoint& endpoint) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  const asio::ip::address address = unmapped(endpoint.address);
  if (address.is_v4())
    for (const auto byte : address.to_v4().to_bytes()) add(byte);
  else
    for (const auto byte : address.to_v6().to_bytes()) add(byte);
  add(static_cast<std::uint8_t>(endpoint.port >> 8));
  add(static_cast<std::uint8_t>(endpoint.port & 0xff));
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

constexpr std::size_t value_length = 8;
using StickyText = std::array<char, value_length>;

StickyText sticky_text(const Endpoint& endpoint) {
  static constexpr char digits[] = "0123456789abcdef";
  StickyText text;
  std::uint32_t hash = hash_of(endpoint);
  for (char& c : text) {
    c = digits[hash >> 28];
    hash <<= 4;
  }
  return text;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

const Endpoint* endpoint_of_value(const Service& service, std::string_view value) {
  if (value.size() != value_length) return nullptr;
  const auto found = std::find_if(service.endpoints.begin(), service.endpoints.end(), [&](const Endpoint& endpoint) {
    const StickyText text = sticky_text(endpoint);
    return value == std::string_view(text.data(), text.size());
  });
  return found == service.endpoints.end() ? nullptr : &*found;
}

bool is_token(std::string_view text) {
  static constexpr std::string_view signs = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           signs.find(c) != std::string_view::npos;
  });
}

bool is_attribute_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != ';' && c != ','; });
}

// What SameSite says; nothing for a word it does not know.
std::optional<std::string_view> same_site_word(std::string_view configured) {
  if (configured.empty()) return "";
  if (configured == "none") return "None";
  if (configured == "lax") return "Lax";
  if (configured == "strict") return "Strict";
  return std::nullopt;
}

}  // namespace

const WeightedService* pick_service(const TcpRoute& route) {
  std::uint64_t divisor = 0;
  for (const auto& service : route.services) divisor = std::gcd(divisor, service.weight);
  if (divisor == 0) return nullptr;
  std::uint64_t total = 0;
  for (const auto& service : route.services) total += service.weight / divisor;
  const std::uint64_t turn = route.turn.fetch_add(1, std::memory_order_relaxed) % total;
  auto position = static_cast<std::uint64_t>(Wide{turn} * step_through(total) % total);
  for (const auto& service : route.services) {
    const std::uint64_t share = service.weight / divisor;
    if (position < share) return &service;
    position -= share;
  }
  return nullptr;
}

std::string sticky_value(const Endpoint& endpoint) {
  const StickyText text = sticky_text(endpoint);
  return {text.data(), text.size()};
}

const Endpoint* sticky_endpoint(const Service& service, std::string_view cookie_header) {
  if (!service.sticky) return nullptr;
  while (!cookie_header.empty()) {
    const auto end = std::min(cookie_header.find(';'), cookie_header.size());
    const std::string_view pair = cookie_header.substr(0, end);
    cookie_header.remove_prefix(std::min(end + 1, cookie_header.size()));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != service.sticky->name) continue;
    return endpoint_of_value(service, trimmed(pair.substr(equals + 1)));
  }
  return nullptr;
}

std::string new_sticky_cookie(const Service& service, std::string_view cookie_header, const Endpoint& endpoint) {
  if (!service.sticky) return {};
  const Endpoint* kept = sticky_endpoint(service, cookie_header);
  return kept && *kept == endpoint ? std::string() : set_cookie(*service.sticky, endpoint);
}

Result<void> check_sticky_cookie(const StickyCookie& cookie) {
  const auto refused = [](const char* words) { return Failure(FailureKind::bad_configuration, words); };
  if (!is_token(cookie.name)) return refused("the sticky cookie's name is not a token");
  if (!is_attribute_value(cookie.path)) return refused("the sticky cookie's path holds a character a cookie cannot");
  if (!is_attribute_value(cookie.domain))
    return refused("the sticky cookie's domain holds a character a cookie cannot");
  if (!same_site_word(cookie.same_site)) return refused("the sticky cookie's sameSite is none of none, lax, strict");
  return {};
}

std::string set_cookie(const StickyCookie& cookie, const Endpoint& endpoint) {
  if (!check_sticky_cookie(cookie)) return {};
  std::string text = cookie.name + "=" + sticky_value(endpoint);
  const auto attribute = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) text.append("; ").append(name).append("=").append(value);
  };
  attribute("Path", cookie.path);
  attribute("Domain", cookie.domain);
  if (cookie.max_age_s != 0) attribute("Max-Age", std::to_string(cookie.max_age_s));
  if (cookie.http_only) text.append("; HttpOnly");
  if (cookie.secure) text.append("; Secure");
  attribute("SameSite", *same_site_word(cookie.same_site));
  return text;
}

}  // namespace gatehouse

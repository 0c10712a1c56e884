#include "proxy/http/message.h"

#include <algorithm>
#include <array>

namespace gatehouse {
namespace {

// Bytes of names that some upstreams read as `-`.
constexpr auto odd = [] {
  std::array<bool, 256> table{};
  for (const unsigned char c : {'_', '.', '%'}) table[c] = true;
  return table;
}();

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool starts_with(std::string_view name, std::string_view lower_prefix) {
  return name.size() >= lower_prefix.size() && same_name(name.substr(0, lower_prefix.size()), lower_prefix);
}

HeaderId forwarded_id(std::string_view name) {
  const std::string_view rest = name.substr(12);
  if (same_name(rest, "for")) return HeaderId::x_forwarded_for;
  if (same_name(rest, "host")) return HeaderId::x_forwarded_host;
  if (same_name(rest, "port")) return HeaderId::x_forwarded_port;
  if (same_name(rest, "proto")) return HeaderId::x_forwarded_proto;
  if (same_name(rest, "ssl")) return HeaderId::x_forwarded_ssl;
  return HeaderId::x_forwarded_other;
}

HeaderId id_of_x(std::string_view name) {
  if (starts_with(name, "x-forwarded-")) return forwarded_id(name);
  if (same_name(name, "x-real-ip")) return HeaderId::x_real_ip;
  if (same_name(name, "x-request-id")) return HeaderId::x_forwarded_other;  // upstreams log it as ours
  if (starts_with(name, "x-ssl-client-") || same_name(name, "x-original-url") || same_name(name, "x-rewrite-url") ||
      same_name(name, "x-scheme"))
    return HeaderId::client_identity;
  return HeaderId::other;
}

HeaderId id_of_plain(std::string_view name) {
  switch (name.size()) {
    case 2: return same_name(name, "te") ? HeaderId::te : HeaderId::other;
    case 4:
      if (same_name(name, "host")) return HeaderId::host;
      return same_name(name, "date") ? HeaderId::date : HeaderId::other;
    case 6:
      if (same_name(name, "cookie")) return HeaderId::cookie;
      if (same_name(name, "expect")) return HeaderId::expect;
      return same_name(name, "server") ? HeaderId::server : HeaderId::other;
    case 7:
      if (same_name(name, "upgrade")) return HeaderId::upgrade;
      return same_name(name, "trailer") ? HeaderId::trailer : HeaderId::other;
    case 9: return same_name(name, "forwarded") ? HeaderId::forwarded : HeaderId::other;
    case 10:
      if (same_name(name, "connection")) return HeaderId::connection;
      return same_name(name, "keep-alive") ? HeaderId::keep_alive : HeaderId::other;
    case 14: return same_name(name, "content-length") ? HeaderId::content_length : HeaderId::other;
    case 16: return same_name(name, "proxy-connection") ? HeaderId::proxy_connection : HeaderId::other;
    case 17: return same_name(name, "transfer-encoding") ? HeaderId::transfer_encoding : HeaderId::other;
    default: return HeaderId::other;
  }
}

std::string_view find_field(const std::vector<HeaderField>& fields, std::string_view lower_name) {
  for (const auto& field : fields)
    if (same_name(field.name, lower_name)) return field.value;
  return {};
}

}  // namespace

bool same_name(std::string_view name, std::string_view lower_name) {
  return name.size() == lower_name.size() &&
         std::equal(name.begin(), name.end(), lower_name.begin(), [](char a, char b) { return lower(a) == b; });
}

HeaderId header_id(std::string_view name) {
  bool ambiguous = false;
  for (const char c : name) ambiguous |= odd[static_cast<unsigned char>(c)];
  if (ambiguous) return HeaderId::ambiguous;
  return name.size() > 2 && lower(name[0]) == 'x' && name[1] == '-' ? id_of_x(name) : id_of_plain(name);
}

std::string_view RequestHead::find(HeaderId id) const {
  for (const auto& field : fields)
    if (field.id == id) return field.value;
  return {};
}

std::string_view RequestHead::find(std::string_view lower_name) const { return find_field(fields, lower_name); }

std::string_view ResponseHead::find(std::string_view lower_name) const { return find_field(fields, lower_name); }

}  // namespace gatehouse

#include "acme/name_rules.h"

#include "acme/record_fields.h"

#include <algorithm>
#include <array>

namespace gatehouse::acme {
namespace {

constexpr std::array<std::string_view, 5> public_cas{"letsencrypt.org", "zerossl.com", "pki.goog", "buypass.com",
                                                     "ssl.com"};
// RFC 2606, 6761, 6762, 7686, 9476; ICANN's .internal; home.arpa is RFC 8375.
constexpr std::array<std::string_view, 9> reserved_endings{".test",  ".example", ".invalid",  ".localhost", ".local",
                                                           ".onion", ".alt",     ".internal", ".home.arpa"};

bool all_digits(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

std::string not_public(std::string_view name) {
  for (const auto ending : reserved_endings)
    if (name.ends_with(ending)) return "ends in " + std::string(ending) + ", which no public CA certifies";
  if (name.find('_') != std::string_view::npos) return "has an underscore, which no public CA certifies";
  for (const auto label : split(name, '.'))
    if (label.starts_with('-') || label.ends_with('-')) return "has a label that begins or ends with a hyphen";
  return {};
}

}  // namespace

bool is_public_ca(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const auto host = url.substr(0, url.find_first_of(":/?#"));
  return std::any_of(public_cas.begin(), public_cas.end(), [host](std::string_view ca) {
    return host == ca || (host.size() > ca.size() && host.ends_with(ca) && host[host.size() - ca.size() - 1] == '.');
  });
}

std::string refusal(const HostName& name, bool wildcards, bool public_ca) {
  if (name.is_wildcard() && !wildcards) return "is a wildcard, which needs a resolver with a DNS challenge";
  const std::string_view base = std::string_view(name.text()).substr(name.is_wildcard() ? 2 : 0);
  const auto dot = base.rfind('.');
  if (dot == std::string_view::npos) return "has no dot: it is a name of the local network";
  // Whatever ends in a number is read as an IPv4 address somewhere (WHATWG URL §3.5), and no top-level domain does.
  if (all_digits(base.substr(dot + 1))) return "ends in a number: it is an address, not a name";
  return public_ca ? not_public(base) : std::string();
}

}  // namespace gatehouse::acme

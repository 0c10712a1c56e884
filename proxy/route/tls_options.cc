#include "proxy/route/tls_options.h"

namespace gatehouse {

bool TlsOptions::is_as_strict_as(const TlsOptions& other) const {
  if (this == &other) return can_be_met();
  if (!can_be_met() || !other.can_be_met()) return false;
  return (sni_strict || !other.sni_strict) && with_http2->is_as_strict_as(*other.with_http2);
}

bool TlsOptions::is_stricter_than(const TlsOptions& other) const {
  if (!can_be_met() || !other.can_be_met()) return !can_be_met() && other.can_be_met();
  const auto ours = with_http2->client_auth(), theirs = other.with_http2->client_auth();
  if (ours != theirs) return tls::is_stricter(ours, theirs);
  return with_http2->min_version() > other.with_http2->min_version();
}

Result<TlsOptionsPtr> make_tls_options(std::string name, tls::ServerPolicy policy, bool sni_strict,
                                       std::shared_ptr<const tls::TicketKeys> keys) {
  auto with_http2 = tls::make_server_context(policy, keys);
  if (!with_http2) return with_http2.error();
  policy.alpn = {"http/1.1"};
  auto without_http2 = tls::make_server_context(policy, std::move(keys));
  if (!without_http2) return without_http2.error();
  return std::make_shared<const TlsOptions>(
      TlsOptions{std::move(name), std::move(*with_http2), std::move(*without_http2), sni_strict});
}

const TlsOptionsPtr& tls_options_nobody_meets() {
  static const TlsOptionsPtr nobody = std::make_shared<const TlsOptions>();
  return nobody;
}

}  // namespace gatehouse

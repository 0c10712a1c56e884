// Answers to the challenges of certificate authorities that are pending right now: immutable, part of a snapshot, the
// same on every worker. Looking costs a hash probe and no allocation; usually the board is empty.
#pragma once

#include "tls/certificate.h"

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse::tls {

// [A-Za-z0-9_-], 22 to 128 bytes (RFC 8555 §8.3 and the 128 bits it asks for).
bool is_challenge_token(std::string_view text);

class ChallengeBoard {
 public:
  // HTTP-01 (RFC 8555 §8.3).
  struct HttpAnswer {
    HostName host;
    std::string token;
    std::string key_authorization;
  };
  // TLS-ALPN-01 (RFC 8737 §3).
  struct TlsAnswer {
    HostName host;
    CertificatePtr certificate;  // from make_challenge_certificate()
  };

  ChallengeBoard() = default;
  // Answers with a malformed token are left out; of two for one host (and token) the first counts.
  ChallengeBoard(std::vector<HttpAnswer> http, std::vector<TlsAnswer> tls);

  bool empty() const { return http_.empty() && tls_.empty(); }
  // The key authorization for this host (normalised) and token, or null.
  const std::string* http_answer(std::string_view host, std::string_view token) const;
  // The same for a request's path: /.well-known/acme-challenge/TOKEN and nothing more, compared byte for byte.
  const std::string* http_answer_to_path(std::string_view host, std::string_view path) const;
  // The certificate for this server name (normalised), or null.
  CertificatePtr tls_answer(std::string_view server_name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class T>
  using Map = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  struct Known {
    std::string host, key_authorization;
  };
  Map<std::vector<Known>> http_;  // by token, which no two orders share
  Map<CertificatePtr> tls_;       // by host
};

// The one protocol of a validation connection.
inline constexpr std::string_view challenge_protocol = "acme-tls/1";

// The self-signed certificate that answers a TLS-ALPN-01 challenge (RFC 8737 §3): `host` its only name, and the SHA-256
// of the key authorization in a critical acmeIdentifier extension.
Result<CertificatePtr> make_challenge_certificate(const HostName& host, std::string_view key_authorization,
                                                  WallTime now);

}  // namespace gatehouse::tls

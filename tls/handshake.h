// ★ The room's door: a plain stream in, a TLS stream out. The room knows bytes, names and certificates; it knows
// nothing of HTTP, routes, entry points or where certificates come from.
//
// In both functions `under` outlives the stream returned, and the caller owns both. Bytes put back into `under` are
// read first. Time limits are the caller's: its Deadline closes `under` and the handshake fails at once (the caller
// sees at its Deadline that it was time).
#pragma once

#include "base/stream.h"
#include "tls/certificate.h"
#include "tls/challenge_board.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace gatehouse::tls {

struct AcceptedTls {
  std::unique_ptr<Stream> stream;
  std::string server_name;  // normalised; empty: none sent, or an address
  std::string alpn;         // empty: the client offered none
  std::string version;      // "TLSv1.3"
  std::string cipher;       // "TLS_AES_128_GCM_SHA256"
  bool resumed = false;
  bool validates = false;  // see accept_tls: nothing may be served
};

// Null ends the handshake with the alert unrecognized_name (RFC 6066 §3). Called once, within the handshake.
using ChooseCertificate = std::function<CertificatePtr(std::string_view server_name)>;

// Another context than the one given for a connection to this server name, whose versions, ciphers and client
// certificates are its own then; null: the one given. Called once, before the certificate is chosen.
using ChooseContext = std::function<std::shared_ptr<const ServerContext>(std::string_view server_name)>;

// The server side. Allocates what a handshake needs: the client's first byte is worth waiting for. handshake_failed
// says what happened.
//
// A client that offers `acme-tls/1` and nothing else validates a challenge (RFC 8737 §3): it gets the certificate that
// `challenges` (may be null) has for its server name, without `choose` or a client certificate being asked for, and
// AcceptedTls::validates says so; the caller closes at once. Where no challenge is pending its handshake fails
// (no_application_protocol). Nobody else ever gets that protocol.
Awaitable<Result<AcceptedTls>> accept_tls(PlainStream& under, std::shared_ptr<const ServerContext> context,
                                          ChooseCertificate choose,
                                          std::shared_ptr<const ChallengeBoard> challenges = nullptr,
                                          ChooseContext choose_context = {});

// The client side: `server_name` (a DNS name, sent as SNI, or an IP address) is what the certificate has to say,
// unless the policy names another. upstream_tls_failed says what happened.
Awaitable<Result<std::unique_ptr<Stream>>> connect_tls(PlainStream& under, std::shared_ptr<const ClientContext> context,
                                                       std::string server_name);

struct ConnectedTls {
  std::unique_ptr<Stream> stream;
  std::string alpn;  // what the server has chosen; empty: nothing
};

// The same, told which protocol was agreed on. `only`: the one protocol to offer in place of the policy's; empty: the
// policy's.
// upgrade_refused: the server does not take that one (RFC 7301 §3.2).
Awaitable<Result<ConnectedTls>> connect_tls_agreeing(PlainStream& under, std::shared_ptr<const ClientContext> context,
                                                     std::string server_name, std::string only);

}  // namespace gatehouse::tls

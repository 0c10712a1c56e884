// What OpenSSL asks back while a client's handshake goes on: who answers to this name, which protocol, which key
// seals the ticket.
#pragma once

#include "tls/handshake.h"

namespace gatehouse::tls {

// One handshake's questions and answers; the SSL's app data until the handshake is over.
struct ServerHandshake {
  ChooseCertificate choose;
  const ChallengeBoard* challenges;  // may be null
  ChooseContext choose_context;  // may be empty
  std::shared_ptr<const ServerContext> context = {};  // what it chose, while OpenSSL uses it
  CertificatePtr certificate = {};
  std::string server_name = {};
  std::string problem = {};  // why we ended it, when we did
  bool validates = false;  // a CA looks at a challenge
};

// The context's app data is its ServerContext.
void set_server_callbacks(const ServerContext& context);

}  // namespace gatehouse::tls

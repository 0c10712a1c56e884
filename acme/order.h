// ★ How a certificate is obtained (RFC 8555 §7.4): order, authorizations, challenges, finalize, download, check. What
// to order and when is decided elsewhere; where the result is kept too.
//
// Every step that costs something at the CA is kept before it is taken, so that a restart goes on where the flow was
// broken off: with the same key, and without a second order wherever the CA lets us find the first one.
#pragma once

#include "acme/challenge.h"
#include "acme/client.h"
#include "acme/key_maker.h"
#include "acme/records.h"
#include "tls/certificate.h"

#include <functional>
#include <memory>
#include <string>

namespace gatehouse::acme {

struct OrderPolicy {
  tls::KeyType key_type = tls::KeyType::p256;
  std::shared_ptr<KeyMaker> keys = {};  // null: keys are made on the thread of the flow
  std::string profile = {};  // empty: the CA's default
  std::string preferred_chain =
      {};  // common name of the issuer of a chain's topmost certificate; empty: the CA's choice
  bool common_name = true;  // the first name also as the subject's common name
  Duration validation_limit = std::chrono::minutes(5);  // on the CA's looking at the challenges
  Duration issuance_limit = std::chrono::minutes(5);  // on its signing
  // Polling begins with the first pause and doubles it up to the longest, unless the CA says Retry-After.
  Duration first_pause = std::chrono::milliseconds(500);
  Duration longest_pause = std::chrono::seconds(15);
  // False: another process goes on with the order, and this flow ends before it asks the CA for more. Null: never.
  std::function<bool()> may_go_on = {};
};

// Why a flow ended that may not go on.
Trouble left_to_another();
bool may_go_on(const OrderPolicy& policy);

struct Issued {
  tls::CertificatePtr certificate;  // parsed and checked: our key, exactly our names, valid now
  std::string chain_pem;
  std::string key_pem;
};

// Returns when the pending order survives a power failure; a failure ends the flow before the CA is asked for more.
using KeepOrder = std::function<Awaitable<Result<void>>(PendingOrder)>;

// Goes on with `pending`, wherever it was broken off, or begins: a new one has no `url`, and no `key_pem` unless a
// certificate's key is to be used again. `pending` as kept last (with key and URL) is what to come back with after a
// failure, unless the trouble says that the order is over. What the solver presents it is asked to clean up in every
// case but the destruction of the coroutine. Client, solver and clock outlive it.
Awaitable<Answer<Issued>> obtain(Client& client, Signer signer, Solver& solver, Clock& clock, PendingOrder pending,
                                 KeepOrder keep, OrderPolicy policy);

}  // namespace gatehouse::acme

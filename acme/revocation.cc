#include "acme/revocation.h"

#include "acme/issuer.h"
#include "acme/operator_request.h"

namespace gatehouse::acme {
namespace {

constexpr int unspecified = 0;  // RFC 5280 §5.3.1

}  // namespace

Awaitable<Result<std::string>> revoke(Clock& clock, std::map<std::string, std::shared_ptr<Resolver>> resolvers,
                                      std::shared_ptr<Holdings> holdings, std::string record) {
  const auto refuse = [](std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); };
  const KeptCertificate* kept = holdings->certificate(record);
  if (kept == nullptr) co_return refuse("there is no certificate " + record);
  const auto found = resolvers.find(kept->stored.resolver);
  if (found == resolvers.end()) co_return refuse("there is no resolver " + kept->stored.resolver);
  const auto resolver = found->second;
  const bool imported = kept->stored.ca.empty();
  const std::string ca = imported ? resolver->rules().cas.front().url : kept->stored.ca;
  const std::string der = kept->certificate->der();
  Client* client = resolver->client(ca);
  if (client == nullptr) co_return refuse(ca + " is not a CA of the resolver any more");
  Account account;
  account.key_pem = kept->stored.key_pem;
  if (!imported) {
    auto opened = co_await open_account(clock, resolver, holdings, ca);
    if (!opened) co_return opened.error().failure;
    account = std::move(*opened);
  }
  auto signer = signer_of(account);
  if (!signer) co_return signer.error().failure;
  auto revoked = co_await client->revoke(*signer, der, unspecified);
  if (!revoked) co_return revoked.error().failure;
  auto marked = co_await mark_for_renewal(*holdings, record, RenewalCause::revoked, clock.wall_now());
  if (!marked) co_return marked;
  co_return "revoked; " + *marked;
}

}  // namespace gatehouse::acme

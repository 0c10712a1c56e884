#include "acme/key_rollover.h"

#include "acme/record_coding.h"

namespace gatehouse::acme {

std::optional<AccountPlace> place_of_account(const std::map<std::string, std::shared_ptr<Resolver>>& resolvers,
                                             const std::string& record) {
  for (const auto& [name, resolver] : resolvers)
    for (const CaRules& ca : resolver->rules().cas)
      if (account_record_name(name, ca.url) == record) return AccountPlace{name, ca.url};
  return std::nullopt;
}

Awaitable<Result<std::string>> roll_over(std::map<std::string, std::shared_ptr<Resolver>> resolvers,
                                         std::shared_ptr<Holdings> holdings, std::string record) {
  const auto refuse = [](std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); };
  const auto place = place_of_account(resolvers, record);
  if (!place) co_return refuse("no resolver has an account " + record);
  const auto resolver = resolvers.at(place->resolver);
  Account known = holdings->account(place->resolver, place->ca);
  if (known.url.empty()) co_return refuse("resolver " + place->resolver + " has no account at " + place->ca + " yet");
  KeepAccount keep = [holdings, name = place->resolver](Account account) {
    return holdings->keep(name, std::move(account));
  };
  Client* client = resolver->client(place->ca);
  auto rolled = co_await roll_key(*client, std::move(known), resolver->account_settings(place->ca), std::move(keep));
  if (!rolled) co_return rolled.error().failure;
  co_return "the account of resolver " + place->resolver + " at " + place->ca + " has a new key";
}

}  // namespace gatehouse::acme

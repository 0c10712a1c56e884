#include "acme/dns_solver.h"

namespace gatehouse::acme {

DnsSolver::DnsSolver(Clock& clock, DnsChallengeSettings settings)
    : clock_(clock),
      follow_aliases_(settings.follow_aliases),
      exchange_(clock),
      finder_(exchange_, std::move(settings.resolvers), settings.authoritative_port),
      propagation_(clock, finder_, settings.propagation) {}

Awaitable<Result<TxtValue>> DnsSolver::place(Challenge challenge) {
  auto value = dns_answer(challenge);
  if (!value || !follow_aliases_) co_return value;
  auto name = co_await finder_.follow_aliases(value->name);
  if (!name) co_return name.error();
  value->name = *std::move(name);
  co_return value;
}

Awaitable<Result<void>> DnsSolver::present(Challenge challenge) {
  const auto usual = dns_answer(challenge);
  if (!usual) co_return usual.error();
  auto value = co_await place(challenge);
  if (!value) co_return value.error();
  written_.insert_or_assign({usual->name, usual->value}, value->name);
  auto added = co_await add(challenge.host, *value);
  if (!added) co_return added.error();
  auto seen = co_await propagation_.wait_for(*value);
  co_return seen;
}

Awaitable<Result<void>> DnsSolver::clean_up(Challenge challenge) {
  auto usual = dns_answer(challenge);
  if (!usual) co_return usual.error();
  TxtValue value = *usual;
  const auto known = written_.find({usual->name, usual->value});
  if (known != written_.end()) {
    value.name = known->second;
    written_.erase(known);
  } else {
    auto found = co_await place(challenge);
    if (!found) co_return found.error();
    value = *std::move(found);
  }
  auto removed = co_await remove(challenge.host, value);
  co_return removed;
}

}  // namespace gatehouse::acme

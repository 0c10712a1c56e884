#include "acme/order.h"

#include "acme/challenges.h"
#include "acme/polling.h"
#include "acme/received_chain.h"
#include "tls/signing_request.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace gatehouse::acme {
namespace {

constexpr std::size_t most_orders_searched = 20;
constexpr int most_finalize_tries = 3;

Trouble over(Trouble trouble) {
  trouble.order_over = true;
  return trouble;
}

// A refusal that another try of the same order would only repeat.
Trouble judged(Trouble trouble) {
  const bool refused = trouble.failure.kind == FailureKind::ca_refused;
  if (refused && trouble.remedy != Remedy::try_again && trouble.remedy != Remedy::wait) trouble.order_over = true;
  return trouble;
}

Trouble invalid_order(const OrderState& order) {
  const std::string words = order.problem.empty() ? "the order has become invalid or has expired" : order.problem;
  Trouble trouble = over(trouble_of(Failure(FailureKind::ca_refused, words)));
  trouble.remedy = Remedy::host;
  return trouble;
}

// The CA does not take `replaces` (RFC 9773 §5): somebody else has replaced that certificate, another account got it,
// or the CA has forgotten it. Ours is due all the same.
bool is_about_replaced(const Trouble& trouble) {
  constexpr std::array<std::string_view, 3> types{"alreadyReplaced", "unauthorized", "malformed"};
  return std::find(types.begin(), types.end(), trouble.type) != types.end();
}

bool is_for(const OrderState& order, const std::vector<HostName>& names) {
  std::vector<HostName> ordered;
  for (const std::string& text : order.names) {
    auto name = HostName::parse_with_wildcard(text);
    if (!name) return false;
    ordered.push_back(std::move(*name));
  }
  return same_names(std::move(ordered), names);
}

class Flow {
 public:
  Flow(Client& client, Signer signer, Solver& solver, Clock& clock, PendingOrder pending, KeepOrder keep,
       OrderPolicy policy)
      : client_(client),
        signer_(std::move(signer)),
        solver_(solver),
        clock_(clock),
        pending_(std::move(pending)),
        keep_(std::move(keep)),
        policy_(std::move(policy)) {}

  Awaitable<Answer<Issued>> run() {
    auto key = co_await have_key();
    if (!key) co_return key.error();
    auto order = co_await have_order();
    if (order && order->status == Status::pending) order = co_await authorize(std::move(*order));
    if (order && order->status == Status::ready) order = co_await finalize(std::move(*order), *key);
    // Said by CAs that begin to sign a little later.
    if (order && order->status == Status::ready) order = co_await wait_while(std::move(*order), Status::ready);
    if (order && order->status == Status::processing)
      order = co_await wait_while(std::move(*order), Status::processing);
    if (!order) co_return judged(order.error());
    if (order->status != Status::valid) co_return invalid_order(*order);
    auto issued = co_await download(std::move(*order));
    co_return issued;
  }

 private:
  using KeyPtr = std::shared_ptr<const tls::PrivateKey>;

  Awaitable<Answer<void>> keep_it() {
    auto kept = co_await keep_(pending_);
    if (!kept) co_return trouble_of(kept.error());
    co_return Answer<void>();
  }

  Awaitable<Answer<KeyPtr>> have_key() {
    const bool known = !pending_.key_pem.empty();
    Result<tls::PrivateKey> key = Failure(FailureKind::internal);
    if (known)
      key = tls::PrivateKey::from_pem(pending_.key_pem);
    else if (policy_.keys)
      key = co_await policy_.keys->make(policy_.key_type);
    else
      key = tls::PrivateKey::make(policy_.key_type);
    if (!key) co_return over(trouble_of(Failure(key.error().kind, "the certificate's key: " + key.error().detail)));
    begun_before_ = known;
    pending_.key_pem = key->pem();
    co_return std::make_shared<const tls::PrivateKey>(std::move(*key));
  }

  Awaitable<Answer<OrderState>> have_order() {
    if (!pending_.url.empty()) {
      auto known = co_await client_.order(signer_, pending_.url);
      if (known && !is_for(*known, pending_.names))
        co_return over(trouble_of(Failure(FailureKind::bad_answer, "its order is for other names")));
      co_return known;
    }
    auto kept = co_await keep_it();
    if (!kept) co_return kept.error();
    auto order = co_await make_order();
    if (!order) co_return order;
    pending_.url = order->url;
    auto kept_url = co_await keep_it();
    if (!kept_url) co_return kept_url.error();
    co_return order;
  }

  Awaitable<Answer<OrderState>> make_order() {
    if (begun_before_) {
      auto lost = co_await find_lost_order();
      if (lost) co_return std::move(*lost);
    }
    NewOrder wanted{pending_.names, policy_.profile, pending_.replaces};
    auto order = co_await client_.new_order(signer_, wanted);
    if (!order && !wanted.replaces.empty() && is_about_replaced(order.error())) {
      pending_.replaces.clear();
      wanted.replaces.clear();
      order = co_await client_.new_order(signer_, wanted);
    }
    co_return order;
  }

  // The order whose URL we never saw, where the CA lists an account's orders. Not finding it is no trouble.
  Awaitable<std::optional<OrderState>> find_lost_order() {
    auto account = co_await client_.account(signer_);
    if (!account || account->orders.empty()) co_return std::nullopt;
    auto urls = co_await client_.orders(signer_, account->orders);
    if (!urls) co_return std::nullopt;
    urls->resize(std::min(urls->size(), most_orders_searched));
    for (const std::string& url : *urls) {
      auto order = co_await client_.order(signer_, url);
      if (!order || !is_for(*order, pending_.names)) continue;
      if (order->status == Status::pending || order->status == Status::ready) co_return std::move(*order);
    }
    co_return std::nullopt;
  }

  Awaitable<Answer<OrderState>> authorize(OrderState order) {
    Challenges challenges(client_, signer_, solver_, clock_, policy_);
    auto passed = co_await challenges.pass(order, pending_.names);
    if (!passed) co_return passed.error();
    auto next = co_await wait_while(std::move(order), Status::pending);
    co_return next;
  }

  // The answer may get lost although the CA has begun to sign: then the order's own status tells.
  Awaitable<Answer<OrderState>> finalize(OrderState order, KeyPtr key) {
    if (!may_go_on(policy_)) co_return left_to_another();
    auto csr = tls::signing_request(*key, pending_.names, policy_.common_name);
    if (!csr) co_return trouble_of(csr.error());
    for (int tries = 1;; ++tries) {
      auto next = co_await client_.finalize(signer_, order, *csr);
      if (next) co_return next;
      if (next.error().remedy != Remedy::try_again || tries == most_finalize_tries) co_return next;
      auto seen = co_await client_.order(signer_, order.url);
      if (!seen || seen->status != Status::ready) co_return seen;
    }
  }

  Awaitable<Answer<OrderState>> wait_while(OrderState order, Status status) {
    Polling polling(clock_, policy_.first_pause, policy_.longest_pause, policy_.issuance_limit);
    while (order.status == status) {
      if (!may_go_on(policy_)) co_return left_to_another();
      if (!polling.allows(order.not_before)) co_return polling.trouble("it does not finish the order");
      co_await polling.pause(order.not_before);
      auto next = co_await client_.order(signer_, order.url);
      if (!next && !polling.bears(next.error())) co_return next.error();
      if (next) polling.answered();
      if (next)
        order = std::move(*next);
      else
        order.not_before = next.error().not_before;
    }
    co_return order;
  }

  Awaitable<Answer<Issued>> download(OrderState order) {
    if (order.certificate.empty())
      co_return trouble_of(Failure(FailureKind::bad_answer, "a valid order without a certificate"));
    auto chains = co_await client_.certificate(signer_, order.certificate);
    if (!chains) co_return judged(chains.error());
    auto chosen = choose_chain(*chains, pending_.key_pem, pending_.names, policy_.preferred_chain, clock_.wall_now());
    if (!chosen) co_return chosen.error();
    co_return Issued{std::move(chosen->certificate), std::move(chosen->pem), pending_.key_pem};
  }

  Client& client_;
  const Signer signer_;
  Solver& solver_;
  Clock& clock_;
  PendingOrder pending_;
  const KeepOrder keep_;
  const OrderPolicy policy_;
  bool begun_before_ = false;
};

}  // namespace

bool may_go_on(const OrderPolicy& policy) { return !policy.may_go_on || policy.may_go_on(); }

Trouble left_to_another() {
  Trouble trouble = trouble_of(Failure(FailureKind::draining, "another process goes on with the order"));
  trouble.remedy = Remedy::wait;
  return trouble;
}

Awaitable<Answer<Issued>> obtain(Client& client, Signer signer, Solver& solver, Clock& clock, PendingOrder pending,
                                 KeepOrder keep, OrderPolicy policy) {
  Flow flow(client, std::move(signer), solver, clock, std::move(pending), std::move(keep), std::move(policy));
  auto issued = co_await flow.run();
  co_return issued;
}

}  // namespace gatehouse::acme

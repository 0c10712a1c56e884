#include "base/turns.h"

#include "base/names.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {

Turns::Turns(asio::io_context& io, int a_round) : io_(io), a_round_(a_round) {}

void Turns::join(Party& party) {
  if (party.is_linked()) return;
  waiting_.push_back(party);
  go_round_soon();
}

// What is posted runs after what was ready by then, and before it is looked again.
void Turns::go_round_soon() {
  if (waiting_.empty() || posted_) return;
  asio::post(io_, [this] {
    posted_ = false;
    go_round();
  });
  posted_ = true;
}

void Turns::go_round() {
  for (int n = 0; n < a_round_ && !waiting_.empty(); ++n) {
    Party& party = waiting_.front();
    waiting_.pop_front();
    if (party.take_turn()) join(party);
  }
  go_round_soon();
}

TurnsByAddress::TurnsByAddress(asio::io_context& io, int a_round) : turns_(io, a_round) {}

Awaitable<void> TurnsByAddress::next(asio::ip::address client) {
  Waiting waiting(co_await asio::this_coro::executor);
  const asio::ip::address site = site_of(client);
  Address& address = addresses_.try_emplace(site, *this, site).first->second;
  address.waiting.push_back(waiting);
  turns_.join(address);
  error_code woken;
  co_await waiting.turn.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

bool TurnsByAddress::Address::take_turn() {
  if (!waiting.empty()) {
    Waiting& first = waiting.front();
    waiting.pop_front();
    first.turn.cancel();
  }
  if (!waiting.empty()) return true;
  all.addresses_.erase(asio::ip::address(site));  // and this with it
  return false;
}

}  // namespace gatehouse

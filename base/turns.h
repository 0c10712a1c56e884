// Turns: work that may wait, a little of it in each round of the event loop. Whatever has become ready meanwhile (an
// answer, somebody's next request) waits for that little, however much of the work there is.
#pragma once

#include "base/asio.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <map>

namespace gatehouse {

// Not thread-safe: belongs to one event loop, and is not used after that; outlives its parties.
class Turns {
 public:
  // Who has work to do, whether one piece or many: it takes its turn like anybody else. Leaves when destroyed.
  class Party : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    // Does one piece. False: that was the last, or there was none; then the party may be gone.
    virtual bool take_turn() = 0;

   protected:
    ~Party() = default;
  };

  // Of the pieces waiting, `a_round` are done between two looks at what is ready.
  Turns(asio::io_context& io, int a_round);
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Lines up behind those who wait; who waits already keeps its place.
  void join(Party& party);

 private:
  void go_round();
  void go_round_soon();

  asio::io_context& io_;
  const int a_round_;
  boost::intrusive::list<Party, boost::intrusive::constant_time_size<false>> waiting_;
  bool posted_ = false;
};

// The same for coroutines, of which those that work for one client's address count as one: whoever has a thousand
// connections is no better off than others with one.
class TurnsByAddress {
 public:
  TurnsByAddress(asio::io_context& io, int a_round);

  // Returns when it is the caller's turn. Of one address (see site_of) the first comes first. What has happened to
  // the client meanwhile is the caller's to see.
  Awaitable<void> next(asio::ip::address client);

 private:
  struct Waiting : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit Waiting(const asio::any_io_executor& executor) : turn(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer turn;  // never expires; cancelled when it has come
  };
  struct Address final : Turns::Party {
    Address(TurnsByAddress& a, const asio::ip::address& s) : all(a), site(s) {}
    bool take_turn() override;
    TurnsByAddress& all;
    const asio::ip::address site;
    boost::intrusive::list<Waiting, boost::intrusive::constant_time_size<false>> waiting;
  };

  Turns turns_;
  std::map<asio::ip::address, Address> addresses_;  // those for which somebody waits
};

}  // namespace gatehouse

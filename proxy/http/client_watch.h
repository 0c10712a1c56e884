// ClientWatch: notices that a client of HTTP/1 leaves while its request is served and nobody reads from it. Costs a
// request that is answered within Deadlines::tick two list operations, and others one entry in an epoll set.
//
// Whether a client that has closed its side still reads (as `nc -N` does) nobody can know. One that did so right behind
// its request has a second's silence of ours; one that does so later has left.
#pragma once

#include "base/deadline.h"
#include "base/departures.h"

#include <functional>

namespace gatehouse {

class ClientWatch final : private Alarm, private Departures::Watch {
 public:
  // All outlive it. `stream`: what is spoken on the socket, itself or a layer over it.
  ClientWatch(Deadlines& deadlines, Departures& departures, Stream& stream, PlainStream& plain);

  // `told` is called once when the client has left, within this call if that is known already. Empty: no longer.
  void tell(std::function<void()> told);
  // The request has come whole.
  void request_ended();
  // Something moved between the two.
  void moved() { moved_ = true; }

  // Somebody reads or writes, and will see the end. Not a guard's where the reader's coroutine may be destroyed after
  // this, as when a worker ends.
  void attention_begins() { ++attended_; }
  void attention_ends() { --attended_; }
  class Attended {
   public:
    explicit Attended(ClientWatch& watch) : watch_(watch) { watch_.attention_begins(); }
    ~Attended() { watch_.attention_ends(); }
    Attended(const Attended&) = delete;
    Attended& operator=(const Attended&) = delete;

   private:
    ClientWatch& watch_;
  };

 private:
  void due() override;
  void stirred() override;
  bool has_left();

  Stream& stream_;
  const bool layered_;
  std::function<void()> told_;
  std::uint8_t attended_ = 0;
  bool whole_ = false;  // the request
  bool seen_open_ = false;  // after it
  bool suspected_ = false, moved_ = false, left_ = false;
};

}  // namespace gatehouse

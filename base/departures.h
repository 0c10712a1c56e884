// Departures: says at once when a peer has closed its side, of sockets that nobody reads from meanwhile. One per
// worker. Kernel's word (EPOLLRDHUP), so bytes that nobody has read yet are no hindrance, and none is read.
#pragma once

#include "base/stream.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <optional>

namespace gatehouse {

class Departures {
 public:
  // One socket that is watched from start() to stop() or its end.
  class Watch {
   public:
    Watch(Departures& departures, PlainStream& stream) : departures_(departures), stream_(stream) {}
    virtual ~Watch() { stop(); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // `layered`: arriving bytes may mean an end too (close_notify), so they count. One system call; false: it is not
    // to be had, and only looking now and then tells.
    bool start(bool layered);
    void stop();

   protected:
    // Something has changed that may be the end; also at once, if it had come before start(). May stop or destroy any
    // watch.
    virtual void stirred() = 0;

   private:
    friend class Departures;
    Departures& departures_;
    PlainStream& stream_;
    bool started_ = false;
  };

  explicit Departures(asio::io_context& io);
  Departures(const Departures&) = delete;
  Departures& operator=(const Departures&) = delete;

  // Nothing is told any more. To be called before the io_context ends.
  void close() { set_.reset(); }

 private:
  bool open();
  void await_next();
  void tell();

  asio::io_context& io_;
  std::optional<asio::posix::stream_descriptor> set_;  // an epoll of its own, made when it is first needed
};

}  // namespace gatehouse

// The accept loop of one worker on one listening socket: limits, a pause when descriptors or memory run short, one
// coroutine per connection.
#pragma once

#include "base/log.h"
#include "proxy/worker.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <string>

namespace gatehouse {

class Listener {
 public:
  // Takes over `descriptor`, a listening non-blocking socket. The entry point's connection limits are
  // shared out among `workers`.
  Listener(Worker& worker, int descriptor, std::string entry_point, std::size_t workers, Logger log);

  // Accepts until close(). Connections that have arrived by then are still accepted.
  Awaitable<void> run();
  void close();

 private:
  enum class Accepted { one, none, short_of_resources, failed };

  Accepted accept_one();
  Accepted try_accept();
  bool must_wait() const;
  void note_shortage(std::string_view of);
  void serve(Socket socket, std::string address);
  bool over_limit(const EntryPoint& entry_point, const std::string& address);

  Worker& worker_;
  asio::posix::stream_descriptor socket_;
  const std::string entry_point_;
  const std::size_t workers_;
  Logger log_;
  bool closing_ = false, short_logged_ = false;
};

}  // namespace gatehouse

// The body of a watch.
#pragma once

#include "tests/doubles/kubernetes/exchange.h"

namespace gatehouse::kubernetes::fake {

// Takes the watch out of the state when it is over.
class WatchInUse {
 public:
  WatchInUse(Shared& shared, std::shared_ptr<Watch> watch) : shared_(shared), watch_(std::move(watch)) {}
  ~WatchInUse();
  WatchInUse(const WatchInUse&) = delete;
  WatchInUse& operator=(const WatchInUse&) = delete;

 private:
  Shared& shared_;
  std::shared_ptr<Watch> watch_;
};

// At most `left` bytes. Whether it ended with the last chunk.
Awaitable<bool> stream_watch(asio::io_context& io, Shared& shared, std::shared_ptr<Wire> wire,
                             std::shared_ptr<Watch> watch, std::size_t left);

}  // namespace gatehouse::kubernetes::fake

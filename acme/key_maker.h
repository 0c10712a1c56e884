// Makes the keys of certificates without keeping the control thread: RSA takes tenths of a second, up to seconds for
// 4096 bits, and is made on a thread of its own, one after the other. EC keys take microseconds and are made at once.
#pragma once

#include "base/asio.h"
#include "base/result.h"
#include "tls/private_key.h"

#include <boost/asio/thread_pool.hpp>

#include <optional>

namespace gatehouse::acme {

// Control thread.
class KeyMaker {
 public:
  Awaitable<Result<tls::PrivateKey>> make(tls::KeyType type);
  // Before the io_context ends. Waits for the key that is being made; who waits for another is destroyed. Keys asked
  // for later are made by who asks.
  void stop() { thread_.reset(); }

 private:
  std::optional<asio::thread_pool> thread_{std::in_place, 1u};
};

}  // namespace gatehouse::acme

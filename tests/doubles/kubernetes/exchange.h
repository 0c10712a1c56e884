// One request and its answer: who may, what goes wrong on purpose, and the bytes of the answer.
#pragma once

#include "tests/doubles/kubernetes/answers.h"
#include "tests/doubles/kubernetes/http_front.h"

#include <condition_variable>
#include <mutex>

namespace gatehouse::kubernetes::fake {

// The state with its lock, and what tells others that it has changed.
struct Shared {
  explicit Shared(Options options) : state(std::move(options)) {}

  // Under lock: the watches get what has happened, waiting tests look again.
  void changed();

  mutable std::mutex mutex;
  mutable std::condition_variable look_again;
  State state;
};

// Whether the connection goes on.
Awaitable<bool> exchange(asio::io_context& io, Shared& shared, std::shared_ptr<Wire> wire, HttpRequest request);

}  // namespace gatehouse::kubernetes::fake

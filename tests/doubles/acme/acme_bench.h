// All that a client of a CA needs around it, on one thread.
#pragma once

#include "acme/account.h"
#include "acme/client.h"
#include "acme/order.h"
#include "tests/doubles/acme/pebble.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace gatehouse::acme {

class AcmeBench {
 public:
  explicit AcmeBench(const std::string& ca_pem)
      : fetcher(io, deadlines, resolve_to_loopback, {.tls = tls::make_client_context({.ca_pem = ca_pem}).value()}) {
    asio::co_spawn(io, deadlines.run(), asio::detached);
  }

  // To its end; fails the test after a minute.
  template <class T>
  T run(Awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr thrown;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr error, T value) {
      thrown = error;
      if (!error) result.emplace(std::move(value));
      io.stop();
    });
    io.restart();
    io.run_for(std::chrono::minutes(1));
    if (thrown) std::rethrow_exception(thrown);
    if (!result) throw std::runtime_error("not within a minute");
    return std::move(*result);
  }

  Client::Fetch fetch() {
    return [this](FetchRequest request) { return fetcher.fetch(std::move(request)); };
  }

  static Awaitable<Result<std::vector<asio::ip::address>>> resolve_to_loopback(std::string) {
    co_return std::vector<asio::ip::address>{asio::ip::address_v4::loopback()};
  }

  asio::io_context io;
  SystemClock clock;
  Deadlines deadlines{clock};
  Fetcher fetcher;
};

inline std::vector<HostName> hosts(const std::vector<std::string>& texts) {
  std::vector<HostName> names;
  for (const auto& text : texts) names.push_back(HostName::parse_with_wildcard(text).value());
  return names;
}

// The words of a trouble; empty: there was none.
template <class T>
std::string words(const Answer<T>& answer) {
  return answer ? std::string() : describe(answer.error().failure);
}

// Storage of one value, that can be told to fail.
template <class T>
struct Kept {
  std::optional<T> value;
  int saves = 0;
  bool disk_full = false;

  std::function<Awaitable<Result<void>>(T)> keep() {
    return [this](T next) { return save(std::move(next)); };
  }
  Awaitable<Result<void>> save(T next) {
    if (disk_full) co_return Failure(FailureKind::internal, "no space left on device");
    value = std::move(next);
    ++saves;
    co_return Result<void>();
  }
};

}  // namespace gatehouse::acme

// The keys that seal TLS session tickets, shared by all replicas through one Secret, so that a client that comes back
// to another replica resumes its session there.
//
// The Secret holds a few keys, each with the time it was made. All of them open tickets; which one seals follows from
// the time alone: the youngest that is older than `head_start`, so that every replica knows a key before one uses it.
// When the youngest is twelve hours old any replica puts a new one there; of several that try at once one succeeds
// (resourceVersion), and the others read what it wrote. A Secret that is deleted is made anew with a new key, one that
// cannot be read is told and left alone. While the API server is away the keys there are go on; after a day a replica
// makes keys of its own, until it reads the Secret again.
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "base/names.h"
#include "base/result.h"
#include "config/kubernetes/api.h"
#include "tls/ticket_keys.h"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kubernetes {

// ◦ The keys as the Secret has them, and what is to be done with them.
struct DatedTicketKey {
  WallTime made{};
  tls::TicketKey key{};
};
using DatedTicketKeys = std::vector<DatedTicketKey>;  // the youngest first

constexpr std::size_t most_shared_keys = 4;
constexpr Duration ticket_head_start = std::chrono::minutes(5);

// One line a key: the second of the epoch it was made in, and 160 hex digits. Strict, and bounded.
std::string ticket_keys_text(const DatedTicketKeys& keys);
Result<DatedTicketKeys> parse_ticket_keys(std::string_view text);
// A new one in front; the oldest go.
DatedTicketKeys with_new_key(DatedTicketKeys keys, WallTime now);
// The one that seals now first. Clocks that differ by less than the head start agree well enough: all keys open.
tls::TicketKeys::Set set_of(const DatedTicketKeys& keys, WallTime now);

class SharedTicketKeys : public std::enable_shared_from_this<SharedTicketKeys> {
 public:
  static constexpr Duration rotate_every = tls::TicketKeys::rotate_every;
  static constexpr Duration look_every = std::chrono::minutes(1);

  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;  // outlives run()
    ApiCall call;
    Logger log;
    std::shared_ptr<tls::TicketKeys> keys;
  };

  // `instance`: whose it is, as a label says.
  SharedTicketKeys(ObjectName secret, std::string instance, Ports ports);

  // Until stop(). The caller holds it meanwhile.
  Awaitable<void> run();
  void stop();
  // Somebody has seen a change of the Secret.
  void wake();
  const std::string& secret() const { return secret_; }

 private:
  struct Seen {
    std::string version;
    DatedTicketKeys keys;
  };
  Awaitable<Result<std::optional<Seen>>> read();
  Awaitable<Result<void>> refresh();
  Awaitable<Result<bool>> write(DatedTicketKeys keys, std::string version);
  bool is_due(const DatedTicketKeys& keys);
  void use(const DatedTicketKeys& keys);
  Awaitable<void> wait_until_woken();

  const std::string path_, secret_, name_space_, instance_;
  const Ports ports_;
  std::string trouble_;
  // The youngest key, and since when this process knows it: a wrong calendar does not keep it for ever.
  std::optional<std::array<std::uint8_t, 16>> youngest_;
  TimePoint youngest_since_{};
  bool stopped_ = false, woken_ = false;
  asio::steady_timer wake_;  // never expires
};

}  // namespace gatehouse::kubernetes

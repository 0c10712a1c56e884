// The keys that seal session tickets: made at random, kept in memory only, shared by all workers and contexts, and
// kept over reloads so that a reload causes no full handshakes. Replicas that share theirs say which (use()).
// Thread-safe.
#pragma once

#include "base/clock.h"
#include "tls/openssl.h"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace gatehouse::tls {

// One AES-256-CBC + HMAC-SHA256 key pair (RFC 5077 §4).
struct TicketKey {
  std::array<std::uint8_t, 16> name;
  std::array<std::uint8_t, 32> cipher_key;
  std::array<std::uint8_t, 32> mac_key;
};

class TicketKeys {
 public:
  static constexpr std::chrono::hours rotate_every{12};
  static constexpr std::size_t kept = 3;  // the current one seals; it and the previous two open

  explicit TicketKeys(WallTime now);

  // Makes a new current key when twelve hours have passed since the last (or the calendar went back); says whether
  // it did. For a timer to call, every few minutes or so.
  bool rotate_if_due(WallTime now);

  using Set = std::vector<TicketKey>;  // the current one first
  // These instead of what there is, the first seals. They are others' to rotate: own ones are made only when none were
  // given for `patience`. An empty set changes nothing.
  void use(Set keys, WallTime now);
  static constexpr std::chrono::hours patience{24};

  std::shared_ptr<const Set> current() const;
  const evp_cipher_st* cipher() const { return cipher_.get(); }

 private:
  CipherHandle cipher_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Set> keys_;
  WallTime rotated_at_;
  std::chrono::hours rotate_after_ = rotate_every;  // that
};

// At random.
TicketKey new_ticket_key();

}  // namespace gatehouse::tls

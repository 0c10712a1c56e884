#include "tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <span>
#include <stdexcept>

namespace gatehouse::tls {
namespace {

void fill(std::span<std::uint8_t> bytes) {
  // Without randomness no TLS can be spoken at all.
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw std::runtime_error("no random bytes");
}

}  // namespace

TicketKey new_ticket_key() {
  TicketKey key{};
  fill(key.name);
  fill(key.cipher_key);
  fill(key.mac_key);
  return key;
}

TicketKeys::TicketKeys(WallTime now)
    : cipher_(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)),
      keys_(std::make_shared<const Set>(1, new_ticket_key())),
      rotated_at_(now) {}

bool TicketKeys::rotate_if_due(WallTime now) {
  const std::lock_guard lock(mutex_);
  if (now >= rotated_at_ && now < rotated_at_ + rotate_after_) return false;
  auto keys = std::make_shared<Set>(1, new_ticket_key());
  for (std::size_t i = 0; i + 1 < kept && i < keys_->size(); ++i) keys->push_back((*keys_)[i]);
  keys_ = std::move(keys);
  rotated_at_ = now;
  rotate_after_ = rotate_every;
  return true;
}

void TicketKeys::use(Set keys, WallTime now) {
  if (keys.empty()) return;
  auto set = std::make_shared<const Set>(std::move(keys));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(set);
  rotated_at_ = now;
  rotate_after_ = patience;
}

std::shared_ptr<const TicketKeys::Set> TicketKeys::current() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

}  // namespace gatehouse::tls

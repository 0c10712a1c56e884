#include "tls/wire.h"

#include <openssl/bio.h>

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace gatehouse::tls {
namespace {

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

bool try_again() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

std::size_t take_early(Wire& wire, char* data, std::size_t size) {
  const std::size_t count = std::min(size, wire.early.size() - wire.early_read);
  std::memcpy(data, wire.early.data() + wire.early_read, count);
  wire.early_read += count;
  if (!wire.has_early()) {
    wire.early = {};
    wire.early_read = 0;
  }
  return count;
}

int read(BIO* bio, char* data, std::size_t size, std::size_t* count) {
  Wire& wire = wire_of(bio);
  BIO_clear_retry_flags(bio);
  *count = 0;
  if (wire.refused) return 0;
  if (wire.has_early()) {
    *count = take_early(wire, data, size);
    return 1;
  }
  const ssize_t n = ::recv(wire.under.socket().native_handle(), data, size, MSG_DONTWAIT);
  if (n > 0) {
    *count = static_cast<std::size_t>(n);
    return 1;
  }
  if (n == 0)
    wire.ended = true;
  else if (try_again())
    BIO_set_retry_read(bio);
  else
    wire.error = errno;
  return 0;
}

// How many bytes the socket took; less than nothing: an error.
ssize_t send_now(Wire& wire, const char* data, std::size_t size) {
  const ssize_t n = ::send(wire.under.socket().native_handle(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0) return n;
  if (try_again()) return 0;
  wire.error = errno;
  return -1;
}

int write(BIO* bio, const char* data, std::size_t size, std::size_t* count) {
  Wire& wire = wire_of(bio);
  BIO_clear_retry_flags(bio);
  *count = 0;
  const ssize_t sent = wire.gather || wire.has_unsent() ? 0 : send_now(wire, data, size);
  if (sent < 0) return 0;
  if (wire.gather && wire.unsent.empty()) wire.unsent.reserve(Wire::max_gathered + size);
  const auto taken = static_cast<std::size_t>(sent);
  if (taken < size) wire.unsent.append(data + taken, size - taken);
  *count = size;
  return 1;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return wire_of(bio).ended ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* method() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gatehouse socket");
    BIO_meth_set_read_ex(fresh, read);
    BIO_meth_set_write_ex(fresh, write);
    BIO_meth_set_ctrl(fresh, control);
    return fresh;
  }();
  return made;
}

}  // namespace

bool Wire::send_unsent() {
  const ssize_t sent = send_now(*this, unsent.data() + unsent_begin, unsent.size() - unsent_begin);
  if (sent < 0) return false;
  unsent_begin += static_cast<std::size_t>(sent);
  if (!has_unsent()) {
    unsent = {};
    unsent_begin = 0;
  }
  return true;
}

BioHandle make_bio(Wire& wire) {
  BioHandle bio(BIO_new(method()));
  if (!bio) return nullptr;
  BIO_set_data(bio.get(), &wire);
  BIO_set_init(bio.get(), 1);
  return bio;
}

}  // namespace gatehouse::tls

// The way of the encrypted bytes: an OpenSSL BIO straight on a PlainStream's socket.
//
// What the socket does not take at once waits here, so for OpenSSL every write succeeds. It has to: OpenSSL 3.0
// breaks the connection when it reads a key update while one of its own writes is unfinished. Records of a large
// write are gathered here too and sent by one system call (a fifth less CPU per byte than one call for each).
#pragma once

#include "base/stream.h"
#include "tls/openssl.h"

#include <string>

namespace gatehouse::tls {

// What the BIO works on. Pinned in memory as long as the BIO exists.
struct Wire {
  explicit Wire(PlainStream& stream) : under(stream), early(stream.take_unread()) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  static constexpr std::size_t max_gathered = 72 * 1024;  // four full records and a small one go out together

  bool has_early() const { return early_read < early.size(); }
  bool has_unsent() const { return unsent_begin < unsent.size(); }
  // Sends as much of the unsent bytes as the socket takes now. False: an error, see `error`.
  bool send_unsent();

  PlainStream& under;
  std::string early;  // read by somebody else and put back: comes before the socket's bytes
  std::size_t early_read = 0;
  std::string unsent;  // no more than max_gathered and a record: who writes waits until it is gone
  std::size_t unsent_begin = 0;
  bool gather = false;   // send nothing before send_unsent()
  int error = 0;         // errno of the last call that failed
  bool ended = false;    // the peer sent FIN
  bool refused = false;  // set by whoever has had enough of this peer: every read fails from now on
};

BioHandle make_bio(Wire& wire);

}  // namespace gatehouse::tls

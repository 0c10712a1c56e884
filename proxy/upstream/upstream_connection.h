// One connection to one endpoint.
#pragma once

#include "base/buffers.h"
#include "base/deadline.h"
#include "base/names.h"
#include "base/result.h"
#include "proxy/http/inbox.h"
#include "proxy/http/message.h"
#include "proxy/route/service.h"

#include <memory>
#include <string>

namespace gatehouse {

class UpstreamConnection {
 public:
  UpstreamConnection(asio::io_context& io, Deadlines& deadlines, Buffers& buffers, const Endpoint& endpoint);

  Stream& stream() { return tls_ ? *tls_ : static_cast<Stream&>(plain_); }
  PlainStream& plain() { return plain_; }
  const Endpoint& endpoint() const { return endpoint_; }

  // Connects, then TLS when the service asks for it, all within its dial limit. `http1_only`: also where the service
  // would rather have HTTP/2.
  Awaitable<Result<void>> open(const Service& service, bool http1_only = false);
  void close() { plain_.close(); }
  // It was opened as this service asks for.
  bool fits(const Service& service) const;
  // What is to be spoken on it, as agreed or known.
  bool speaks_http2() const { return speaks_http2_; }
  // TLS has agreed on a protocol (ALPN).
  bool agreed() const { return agreed_; }

  Inbox& inbox() { return inbox_; }

 private:
  Endpoint endpoint_;
  PlainStream plain_;
  std::unique_ptr<Stream> tls_;
  Inbox inbox_;

 public:
  Deadline reading;  // limit on the answer
  StallLimit writing;  // limit on the upstream taking our bytes
  ResponseHead response;  // of the exchange in progress
  bool reused = false;  // has served before: it may have been closed by the upstream meanwhile

 private:
  std::shared_ptr<const tls::ClientContext> tls_context_;  // held, so that no other can have its address
  std::string tls_host_;
  bool speaks_http2_ = false, agreed_ = false;
};

}  // namespace gatehouse

// What happens to one accepted socket: ★ PROXY header, TLS, then HTTP/1, HTTP/2 or TCP. The connection lives on its
// worker from accept to close; its coroutine owns it.
#pragma once

#include "base/deadline.h"
#include "base/stream.h"
#include "proxy/http/inbox.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

#include <functional>
#include <memory>
#include <string>

namespace gatehouse {

struct ClientConnection {
  ClientConnection(Worker& worker, Socket socket, std::shared_ptr<const EntryPoint> entry_point);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  Worker& worker;
  PlainStream plain;
  std::unique_ptr<Stream> tls;
  Deadline reading;
  StallLimit writing;
  Inbox inbox;

  // Held while something is being served, not while idle: an idle connection pins no old routes.
  std::shared_ptr<const EntryPoint> entry_point;
  const std::string entry_point_name;
  EntryPointCounters& counters;

  Endpoint peer, local;         // of the socket, or as a PROXY header told
  std::string peer_text;        // the peer's address
  std::string server_name;      // SNI; empty: none, or not TLS
  TlsOptionsPtr tls_options;    // with `tls`: what the handshake was made under
  bool http2 = false;           // agreed on in the TLS handshake
  bool idle = false;            // between two requests: may be closed at any time
  std::function<void()> wind_down;  // HTTP/2: no new requests, then the end; empty: `idle` says all

  ClientConnection *previous = nullptr, *next = nullptr;  // in Worker::connections

  Stream& stream() { return tls ? *tls : static_cast<Stream&>(plain); }
  void close() { plain.close(); }
  // Takes the entry point of the current snapshot. False: it is gone, or the worker drains.
  bool refresh();
};

// Serves the socket to its end.
Awaitable<void> serve_connection(Worker& worker, Socket socket, std::shared_ptr<const EntryPoint> entry_point);

}  // namespace gatehouse

// Worker: one thread and everything its connections use: event loop, time limits, buffers, upstream connections,
// counters and the current snapshot. Nothing in it is shared with another thread.
#pragma once

#include "base/buffers.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/departures.h"
#include "base/turns.h"
#include "proxy/access_log.h"
#include "proxy/counters.h"
#include "proxy/snapshot.h"
#include "proxy/upstream/endpoint_health.h"
#include "proxy/upstream/http2_pool.h"
#include "proxy/upstream/pool.h"
#include "tls/certificate_chooser.h"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatehouse {

struct ClientConnection;
class Admin;

// Where finished records go. Called on the worker's thread; must not wait.
struct AccessLog {
  AccessLogFormat format = AccessLogFormat::json;
  std::function<void(std::string)> write;  // empty: no access log
};

// The Date header's text, made anew once a second. The view stays valid for the worker's life; its text moves on.
class DateText {
 public:
  std::string_view at(WallTime now);

 private:
  std::time_t second_ = -1;
  std::array<char, 29> text_{};
};

// A connection that was ended in the middle of what it did.
struct CutConnection {
  std::string entry_point;
  std::string peer;
  std::string server_name;  // empty: none, or not TLS
};

struct Worker {
  Worker(Clock& clock, const AccessLog& access_log, Admin* admin);
  ~Worker() { pool.clear(), http2_pool.clear(), departures.close(); }

  Clock& clock;
  const AccessLog& access_log;
  Admin* admin;  // null: no admin pages

  Deadlines deadlines;
  Departures departures;
  Buffers buffers;
  Pool pool;
  Http2Pool http2_pool;
  Http2WindowShare http2_windows{256 * 1024 * 1024};  // of clients whose uploads are taken as they come
  EndpointHealth health;
  tls::CertificateChooser certificates;
  TurnsByAddress costly;  // handshakes, and whatever else keeps the worker busy for little
  Turns requests;         // of HTTP/2, beyond the first of a read
  Counters counters;
  DateText date;

  SnapshotPtr snapshot;
  bool draining = false;

  // Connections, for drain and limits. A connection enters itself and leaves at its end.
  ClientConnection* connections = nullptr;  // head of an intrusive list
  std::size_t connection_count = 0;
  std::size_t most_connections = SIZE_MAX;  // beyond these only the admin entry point accepts
  std::unordered_map<asio::ip::address, std::size_t> connections_per_address;  // of the socket, by site_of
  std::function<void()> drained;            // called when draining and the last connection has ended

  asio::io_context io;  // last: the coroutines it destroys at the end use everything above

  // Housekeeping that comes back every few seconds until the worker stops.
  Awaitable<void> housekeeping();

  // Idle connections end now, the others after what they are doing.
  void drain();
  // Ends idle connections that nothing can follow on: all while draining, else those whose entry point is gone.
  void close_idle();
  // To be called when a connection has left.
  void left();
  // Every connection ends now.
  std::vector<CutConnection> cut_all();
  // A copy of the counters with the gauges filled in.
  Counters count() const;

  void record(const ExchangeRecord& record, EntryPointCounters& entry_point);
  void record(const SessionRecord& record, EntryPointCounters& entry_point);
};

}  // namespace gatehouse

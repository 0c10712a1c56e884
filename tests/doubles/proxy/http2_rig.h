// One HTTP/2 connection on a loop that the test runs, its exchanges served by what the test says.
#pragma once

#include "proxy/http/http2_server.h"
#include "tests/doubles/connected_streams.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/proxy/http2_peer.h"

namespace gatehouse {

// Everything one connection needs.
struct Http2Rig {
  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock};
  Buffers buffers;
  ConnectedStreams ends = connect_locally(io);
  Inbox inbox{*ends.ours, buffers};
  Deadline reading{deadlines, *ends.ours};
  StallLimit writing{deadlines, *ends.ours};
  Http2Refusals refusals{};
  Http2Terms terms;
  Turns requests{io, 1};
  int costly_turns = 0;

  std::unique_ptr<Http2Connection> connection(Http2Connection::Serve serve) {
    return std::make_unique<Http2Connection>(
        Http2Link{io.get_executor(), *ends.ours, *ends.ours, inbox, deadlines, requests,
                  [this] { return costly_turn(); }, reading, writing, clock, refusals},
        terms, std::move(serve));
  }
  Awaitable<void> costly_turn() {
    ++costly_turns;
    co_return;
  }
};

inline Awaitable<void> run_to_end(std::unique_ptr<Http2Connection>& connection, PlainStream& stream) {
  co_await connection->run();
  connection.reset();
  stream.close();
}

inline Awaitable<void> say(Stream& stream, std::string text) {
  co_await write_text(stream, std::move(text));
  co_await stream.shutdown_write();
}

}  // namespace gatehouse

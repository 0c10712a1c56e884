// How far ahead a peer may send: windows that grow where what comes is taken, and who gets how much.
#include "proxy/http/http2_codec.h"
#include "tests/doubles/proxy/http2_peer.h"

#include <gtest/gtest.h>

#include <map>

namespace gatehouse {
namespace {

using namespace h2;

constexpr std::uint32_t mib = 1024 * 1024;

struct Deaf final : Http2Listener {
  void head_begins(StreamId) override {}
  bool field(StreamId, std::string_view, std::string_view) override { return true; }
  void head_ends(StreamId, bool) override {}
  void data(StreamId, std::string_view) override {}
  void data_ends(StreamId) override {}
  void closed(StreamId, Http2Error) override {}
  Http2Outgoing outgoing(StreamId, std::span<char>) override { return {.wait = true}; }
};

Http2Limits limits(Http2WindowShare& share) {
  Http2Limits limits;
  limits.widest_stream_window = 4 * mib;
  limits.most_widened = 6 * mib;
  limits.share = &share;
  return limits;
}

// A server's side, and its client of hand-made frames, who counts what it may send.
struct Ends {
  explicit Ends(Http2WindowShare& share) : codec(Http2Codec::Side::server, limits(share), listener, TimePoint()) {
    receive(std::string(preface) + frame(settings, 0, 0));
    learn();
    receive(frame(settings, ack, 0));
  }
  void receive(const std::string& bytes) { EXPECT_TRUE(codec.receive(bytes, TimePoint())); }
  void open(std::uint32_t stream) { receive(frame(headers, end_headers, stream, h2::request("POST", "/"))); }
  void end(std::uint32_t stream) {
    receive(reset(stream));
    learn();
  }
  // As much as the windows let it, `most` at most. How much that was.
  std::uint32_t send(std::uint32_t stream, std::uint32_t most = 64 * mib) {
    std::uint32_t sent = 0;
    while (sent < most && allowed(stream) > 0) {
      const std::uint32_t size = std::min({16384u, most - sent, allowed(stream)});
      receive(frame(data, 0, stream, std::string(size, 'x')));
      spent[stream] += size, spent[0] += size, sent += size;
    }
    return sent;
  }
  void take(std::uint32_t stream, std::uint32_t bytes) {
    codec.consume(static_cast<StreamId>(stream), bytes);
    learn();
  }
  // Data comes and is taken at once, until the window grows no more.
  void flow(std::uint32_t stream, std::uint32_t bytes) {
    for (std::uint32_t moved = 0; moved < bytes;) {
      const std::uint32_t sent = send(stream, 64 * 1024);
      ASSERT_GT(sent, 0u);
      take(stream, sent);
      moved += sent;
    }
  }
  std::uint32_t allowed(std::uint32_t stream) {
    return static_cast<std::uint32_t>(std::min(granted[stream] + mib - spent[stream], granted[0] + 65535 - spent[0]));
  }
  void learn() {
    std::string out;
    codec.take_output(out, 1 << 20);
    for (std::string_view rest = out; rest.size() >= 9;) {
      const std::size_t size = number(std::string("\0", 1) + std::string(rest.substr(0, 3)));
      if (static_cast<std::uint8_t>(rest[3]) == window_update)
        granted[number(rest.substr(5, 4))] += number(rest.substr(9, 4));
      rest.remove_prefix(9 + size);
    }
  }

  Deaf listener;
  Http2Codec codec;
  std::map<std::uint32_t, std::uint64_t> granted, spent;
};

TEST(Http2Windows, GrowWhereDataIsTakenAsItComes) {
  Http2WindowShare share{64 * mib};
  Ends ends(share);
  ends.open(1);
  ends.flow(1, 16 * mib);
  EXPECT_EQ(share.taken, 3 * mib);
  // Half of it and more, whatever has been given back.
  const std::uint32_t ahead = ends.send(1);
  EXPECT_GT(ahead, 2 * mib);
  EXPECT_LE(ahead, 4 * mib);
}

TEST(Http2Windows, StayWhereItIsNot) {
  Http2WindowShare share{64 * mib};
  Ends ends(share);
  ends.open(1);
  for (int i = 0; i < 32; ++i) {
    ends.send(1);
    ends.take(1, mib / 2);
  }
  EXPECT_EQ(share.taken, 0u);
}

TEST(Http2Windows, OfAConnectionAreBoundedTogether) {
  Http2WindowShare share{64 * mib};
  Ends ends(share);
  std::uint32_t ahead = 0;
  for (std::uint32_t stream = 1; stream < 9; stream += 2) ends.open(stream), ends.flow(stream, 16 * mib);
  EXPECT_EQ(share.taken, 6 * mib);
  for (std::uint32_t stream = 1; stream < 9; stream += 2) ahead += ends.send(stream);
  EXPECT_LE(ahead, 8 * mib);
  EXPECT_GT(ahead, 4 * mib);
}

TEST(Http2Windows, OfAllConnectionsAreBoundedTogether) {
  Http2WindowShare share{4 * mib};
  Ends one(share);
  {
    Ends other(share);
    one.open(1), other.open(1);
    one.flow(1, 16 * mib), other.flow(1, 16 * mib);
    EXPECT_EQ(share.taken, 4 * mib);
  }
  EXPECT_EQ(share.taken, 3 * mib) << "what a connection had is given back";
}

TEST(Http2Windows, OfAStreamThatHasEndedAreAnothers) {
  Http2WindowShare share{64 * mib};
  Ends ends(share);
  for (std::uint32_t stream = 1; stream < 41; stream += 2) {
    ends.open(stream);
    ends.flow(stream, 16 * mib);
    const std::uint32_t ahead = ends.send(stream);
    EXPECT_GT(ahead, 2 * mib);
    ends.take(stream, ahead);
    ends.end(stream);
    EXPECT_EQ(share.taken, 3 * mib) << stream;
  }
  // What the connection's window has once grown by, the client may use for all that comes.
  std::uint32_t ahead = 0;
  for (std::uint32_t stream = 41; stream < 61; stream += 2) ends.open(stream), ahead += ends.send(stream);
  EXPECT_LE(ahead, 5 * mib);
}

}  // namespace
}  // namespace gatehouse

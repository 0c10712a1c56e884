// Whose answer goes first when not all can go (RFC 9218).
#include "tests/doubles/proxy/http2_peer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatehouse {
namespace {

using namespace h2;

using Order = std::vector<std::uint32_t>;

std::string update_of(std::uint32_t stream, std::string_view priority_value) {
  return frame(h2::priority_update, 0, 0, number(stream) + std::string(priority_value));
}

struct Http2Priorities : testing::Test {
  static constexpr std::size_t half = 8000;

  // The connection's window is used up by an answer, so that what comes next waits.
  void fill_window() {
    client.send(h2::get(1, "/1"));
    answer(std::string(65535, 'x'));
    EXPECT_EQ(client.answer(1).body.size(), 65535u);
  }
  // The next request is answered by as much as one piece holds.
  void answer(std::string_view body) {
    connections.push_back(upstream.accept());
    connections.back().read_message();
    connections.back().send(ok(body, "Connection: close\r\n"));
  }
  // Streams 3 and 5 have answers that wait, two halves each.
  void ask_both(std::string_view of_3, std::string_view of_5) {
    for (const std::uint32_t stream : {3u, 5u}) {
      const std::string_view value = stream == 3 ? of_3 : of_5;
      client.send(h2::get(stream, "/", value.empty() ? std::string() : field("priority", value)));
      answer(std::string(2 * half, 'x'));
      EXPECT_EQ(client.status(stream), 200);
    }
  }
  // Who gets each half when the client lets one through at a time.
  Order order() {
    Order got;
    for (int i = 0; i < 4; ++i) {
      client.send(open_window(0, half));
      for (std::size_t left = half; left > 0;) {
        const Frame piece = client.await(data);
        if (piece.payload.empty() && piece.type == data) continue;
        if (piece.type != data || piece.payload.size() > left) return got;
        left -= piece.payload.size();
        if (got.empty() || left + piece.payload.size() == half || got.back() != piece.stream)
          got.push_back(piece.stream);
      }
    }
    return got;
  }

  Upstream upstream;
  TestProxy proxy{cleartext({to(service({upstream.endpoint()}))})};
  Client client{proxy, setting(4, 1 << 20)};
  std::vector<RawPeer> connections;
};

const Order first_come{3, 3, 5, 5}, later_first{5, 5, 3, 3};

bool takes_turns(const Order& order) { return order == Order{3, 5, 3, 5} || order == Order{5, 3, 5, 3}; }

TEST_F(Http2Priorities, TheMoreUrgentOvertakes) {
  fill_window();
  ask_both("u=7", "u=0");
  EXPECT_EQ(order(), later_first);
}

TEST_F(Http2Priorities, TheLessUrgentWaits) {
  fill_window();
  ask_both("u=0, i", "u=7, i");
  EXPECT_EQ(order(), first_come);
}

TEST_F(Http2Priorities, OneAfterAnotherWhereTheClientSaysSo) {
  fill_window();
  ask_both("u=3, i=?0", "u=3");
  EXPECT_EQ(order(), first_come);
}

TEST_F(Http2Priorities, IncrementalOnesTakeTurns) {
  fill_window();
  ask_both("i", "i");
  EXPECT_TRUE(takes_turns(order()));
}

TEST_F(Http2Priorities, TurnsAreTakenWhereNothingIsSaid) {
  fill_window();
  ask_both("", "");
  EXPECT_TRUE(takes_turns(order()));
}

TEST_F(Http2Priorities, AnUpdateReorders) {
  fill_window();
  ask_both("", "");
  client.send(update_of(5, "u=1"));
  EXPECT_EQ(order(), later_first);
}

TEST_F(Http2Priorities, AnUpdateCountsMoreThanTheField) {
  fill_window();
  ask_both("u=0", "u=1");
  client.send(update_of(3, "u=5"));
  EXPECT_EQ(order(), later_first);
}

TEST_F(Http2Priorities, AnUpdateBeforeItsStreamIsKept) {
  fill_window();
  client.send(update_of(5, "u=1"));
  ask_both("", "");
  EXPECT_EQ(order(), later_first);
}

// RFC 9218 §8 leaves that to us: what a server thinks of its answers is for whoever is behind us.
TEST_F(Http2Priorities, AnUpstreamsFieldIsPassedOnAndChangesNothing) {
  fill_window();
  client.send(h2::get(3, "/", field("priority", "u=4")) + h2::get(5, "/", field("priority", "u=2")));
  for (int i = 0; i < 2; ++i) {
    connections.push_back(upstream.accept());
    connections.back().read_message();
    connections.back().send(ok(std::string(2 * half, 'x'), "Connection: close\r\nPriority: u=0\r\n"));
  }
  EXPECT_EQ(client.status(3), 200);
  EXPECT_EQ(client.status(5), 200);
  EXPECT_EQ(client.so_far(3).fields.at("priority"), "u=0");
  EXPECT_EQ(order(), later_first);
}

}  // namespace
}  // namespace gatehouse

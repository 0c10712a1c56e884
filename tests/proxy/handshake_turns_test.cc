// Handshakes cost a worker most: they are made one in a round of its loop, and not at all for who has left.
#include "proxy/connection.h"
#include "tests/doubles/connected_streams.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/tls/tls_peer.h"
#include "tls/internal_ca.h"

#include <gtest/gtest.h>

#include <poll.h>

namespace gatehouse {
namespace {

class HandshakeTurns : public ::testing::Test {
 protected:
  HandshakeTurns() {
    entry_point_->name = "websecure";
    entry_point_->http = std::make_shared<const RouteTable>(std::vector<HttpRoutePtr>{});
    entry_point_->tcp = std::make_shared<const TcpRouteTable>(std::vector<TcpRoutePtr>{});
    entry_point_->tls.required = true;
    entry_point_->tls.options = make_tls_options("default", {}).value();
    tls::CertificateStore::Contents contents;
    contents.default_certificate = tls::make_self_signed({}, clock_.wall_now()).value();
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->certificates = std::make_shared<const tls::CertificateStore>(std::move(contents));
    snapshot->challenges = std::make_shared<const tls::ChallengeBoard>();
    worker_.snapshot = snapshot;
  }

  // A client that has said its hello before it is looked at.
  std::unique_ptr<PlainStream> client_with_hello() {
    ConnectedStreams ends = connect_by_tcp(worker_.io, 64 * 1024);
    const std::string hello = tls::client_hello_bytes({});
    EXPECT_EQ(::send(ends.theirs->socket().native_handle(), hello.data(), hello.size(), 0), std::ssize(hello));
    asio::co_spawn(worker_.io, serve_connection(worker_, std::move(ends.ours->socket()), entry_point_),
                   [](std::exception_ptr) {});
    return std::move(ends.theirs);
  }

  static bool has_flight(PlainStream& client) {
    pollfd waits{client.socket().native_handle(), POLLIN, 0};
    return ::poll(&waits, 1, 0) == 1;
  }

  ManualClock clock_;
  AccessLog log_;
  Worker worker_{clock_, log_, nullptr};
  std::shared_ptr<EntryPoint> entry_point_ = std::make_shared<EntryPoint>();
};

TEST_F(HandshakeTurns, OneIsMadeInARound) {
  std::vector<std::unique_ptr<PlainStream>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(client_with_hello());
  int rounds = 0, most_in_a_round = 0;
  std::ptrdiff_t answered = 0;
  std::function<void()> round = [&] {
    ++rounds;
    const std::ptrdiff_t now = std::ranges::count_if(clients, [](const auto& client) { return has_flight(*client); });
    most_in_a_round = std::max(most_in_a_round, static_cast<int>(now - answered));
    answered = now;
    if (answered < std::ssize(clients) && rounds < 10'000) asio::post(worker_.io, round);
  };
  asio::post(worker_.io, round);
  while (answered < std::ssize(clients) && rounds < 10'000) worker_.io.run_one();
  EXPECT_EQ(answered, std::ssize(clients));
  EXPECT_EQ(most_in_a_round, 1);
}

TEST_F(HandshakeTurns, WhoHasLeftIsNotAnswered) {
  const auto stays = client_with_hello();
  const auto leaves = client_with_hello();
  error_code ignored;
  leaves->socket().shutdown(Socket::shutdown_send, ignored);
  const auto over = [&] { return worker_.connection_count == 1 && has_flight(*stays) && has_flight(*leaves); };
  for (int handlers = 0; handlers < 10'000 && !over(); ++handlers) worker_.io.poll_one();
  ASSERT_TRUE(over());
  char byte;
  EXPECT_LE(::recv(leaves->socket().native_handle(), &byte, 1, MSG_DONTWAIT), 0);  // closed without a word
  EXPECT_GT(::recv(stays->socket().native_handle(), &byte, 1, MSG_DONTWAIT), 0);
}

}  // namespace
}  // namespace gatehouse

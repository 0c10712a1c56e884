// Clients of HTTP/1.1 that leave while nobody reads from them: what the upstream does for them ends.
#include "tests/doubles/proxy/entrance.h"
#include "tests/doubles/proxy/http2_upstreams.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using namespace h2;

constexpr std::string_view piece = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";

// A proxy whose time stands still, so that nothing but the client's leaving is heard of.
struct ClientWatch : testing::Test {
  void publish(ServicePtr target, bool over_tls) {
    EntryDraft draft = entry("web", {to(std::move(target))});
    tls_ = over_tls;
    if (over_tls) {
      tls::CertificateStore::Contents contents;
      contents.default_certificate = tls::make_self_signed({}, SystemClock().wall_now()).value();
      proxy.use(std::move(contents));
      draft.tls.required = true;
      draft.tls.options = make_tls_options("default", {}).value();
    }
    proxy.publish_and_wait({std::move(draft)});
  }
  std::unique_ptr<Peer> ask(std::string_view request) {
    std::unique_ptr<Peer> client;
    if (tls_) {
      tls::ClientPolicy policy;
      policy.verify = false;
      client = TlsPeer::connect(proxy.connect(), tls::make_client_context(policy).value(), "a.example").value();
    } else {
      client = std::make_unique<RawPeer>(proxy.connect());
    }
    client->send(request);
    return client;
  }
  // The time after which leaving is noticed at once.
  void let_watch_begin() { proxy.pass(300ms); }
  std::string failure() { return std::string(proxy.log_line().at("failure").as_string()); }

  Upstream upstream;
  ManualClock clock;
  TestProxy proxy{{.clock = &clock}};
  bool tls_ = false;
};

TEST_F(ClientWatch, ASilentUpstreamIsToldAtOnceInTheMiddleOfItsAnswer) {
  for (const bool over_tls : {false, true}) {
    publish(service({upstream.endpoint()}), over_tls);
    auto client = ask(get("/events"));
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send(piece);
    client->read_until("one\r\n");
    let_watch_begin();
    client->close();
    EXPECT_NE(connection.await_end(), Peer::End::none);
    EXPECT_EQ(failure(), "client_gone");
  }
}

TEST_F(ClientWatch, ASilentHttp2UpstreamIsToldAtOnceInTheMiddleOfItsAnswer) {
  for (const bool over_tls : {false, true}) {
    publish(h2c(upstream.endpoint()), over_tls);
    auto client = ask(gatehouse::get("/events"));
    ServerEnd server(upstream.accept());
    const std::uint32_t stream = server.request();
    server.send(answer_head(stream, "200") + frame(data, 0, stream, "one"));
    client->read_until("one\r\n");
    let_watch_begin();
    client->close();
    EXPECT_EQ(server.reset_of(stream), cancel);
    EXPECT_EQ(failure(), "client_gone");
    server.close();
    proxy.pass(0s);
  }
}

TEST_F(ClientWatch, AThinkingUpstreamIsToldAtOnce) {
  publish(service({upstream.endpoint()}), false);
  auto client = ask(get("/slow"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  let_watch_begin();
  client->close();
  EXPECT_NE(connection.await_end(), Peer::End::none);
  EXPECT_EQ(failure(), "client_gone");
}

// What it has sent already is no sign of life, nor of its leaving.
TEST_F(ClientWatch, ANextRequestThatWaitsHidesNoLeaving) {
  for (const bool over_tls : {false, true}) {
    publish(service({upstream.endpoint()}), over_tls);
    auto client = ask(get("/first") + get("/second"));
    RawPeer connection = upstream.accept();
    connection.read_message();
    let_watch_begin();
    client->send(get("/third"));
    connection.send(ok("first"));
    EXPECT_EQ(client->read_message().body, "first");
    EXPECT_EQ(connection.read_message().start_line, "GET /second HTTP/1.1");
    connection.send(piece);
    client->read_until("one\r\n");
    let_watch_begin();
    client->close();
    EXPECT_NE(connection.await_end(), Peer::End::none);
  }
}

// `nc -N` and the like: not all that close their side have left.
TEST_F(ClientWatch, OneThatClosesItsSideRightBehindItsRequestHasASecondOfSilence) {
  publish(service({upstream.endpoint()}), false);
  auto client = ask("GET /slow HTTP/1.0\r\n\r\n");
  client->shutdown_write();
  RawPeer connection = upstream.accept();
  connection.read_until("\r\n\r\n");
  for (int i = 0; i < 9; ++i) proxy.pass(100ms);
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
  client->read_until("one");
  proxy.pass(800ms);
  connection.send("two");
  EXPECT_EQ(client->read_to_end(), "two");
  EXPECT_FALSE(proxy.log_line().contains("failure"));

  auto another = ask("GET /slow HTTP/1.0\r\n\r\n");
  another->shutdown_write();
  connection.read_until("\r\n\r\n");
  EXPECT_LE(proxy.advance_until_readable(connection, 100ms), 1600ms);
  EXPECT_NE(connection.await_end(), Peer::End::none);
  EXPECT_EQ(failure(), "client_gone");
}

// A reset overtakes the bytes that nobody takes.
TEST_F(ClientWatch, AnUploadThatTheUpstreamDoesNotTakeEndsWithItsClient) {
  publish(service({upstream.endpoint()}), false);
  RawPeer client = proxy.connect();
  client.send("PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
  RawPeer connection = upstream.accept();
  connection.read_until("\r\n\r\n");
  const std::string megabyte(1 << 20, 'm');
  while (client.send_what_fits(megabyte, 300) == megabyte.size()) {
  }
  client.reset();
  for (int i = 0; i < 4; ++i) proxy.pass(600ms);
  EXPECT_EQ(failure(), "client_gone");
  EXPECT_EQ(connection.await_end(), Peer::End::reset);
}

TEST_F(ClientWatch, AnUploadToAShutWindowEndsWithItsClient) {
  publish(h2c(upstream.endpoint()), false);
  auto client = ask("PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n" + std::string(100'000, 'x'));
  ServerEnd server(upstream.accept(), setting(window_size, 0));
  const std::uint32_t stream = server.request();
  client->close();
  for (int i = 0; i < 4; ++i) proxy.pass(600ms);
  EXPECT_EQ(server.reset_of(stream), cancel);
  EXPECT_EQ(failure(), "client_gone");
}

// Its handshake is what the upstream does not answer.
// The worker ends meanwhile: whose frame goes first is the event loop's matter (ASan sees what is used after).
TEST(EndOfAWorker, InTheMiddleOfAnUpload) {
  for (const bool says_http2 : {false, true}) {
    Upstream upstream;
    auto target = service({upstream.endpoint()});
    TestProxy proxy(entry("web", {to(target)}));
    std::unique_ptr<h2::Client> of_http2;
    RawPeer client(-1);
    if (says_http2) {
      EntryDraft draft = entry("web", {to(target)});
      draft.http2_cleartext = true;
      proxy.publish_and_wait({std::move(draft)});
      of_http2 = std::make_unique<h2::Client>(proxy);
      of_http2->send(frame(headers, end_headers, 1, h2::request("POST", "/")) + frame(data, 0, 1, "abc"));
    } else {
      client = proxy.connect();
      client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\nabc");
    }
    RawPeer connection = upstream.accept();
    EXPECT_NE(connection.read_until("abc"), "");
    proxy.server().stop();
  }
}

TEST_F(ClientWatch, ADialEndsWithItsClient) {
  auto target = https(upstream.endpoint());
  target->speech = UpstreamSpeech::http1;
  publish(target, false);
  auto client = ask(get("/"));
  RawPeer connection = upstream.accept();
  connection.read(5);
  let_watch_begin();
  client->close();
  EXPECT_NE(connection.await_end(), Peer::End::none);
  EXPECT_EQ(failure(), "client_gone");
  EXPECT_EQ(proxy.metric("gatehouse_upstream_ejected_endpoints"), 0);
}

}  // namespace
}  // namespace gatehouse

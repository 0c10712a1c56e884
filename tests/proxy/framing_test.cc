// Bodies and their ends, both ways: lengths, chunks, trailers, the close of the connection, and none at all.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

struct Framing : testing::Test {
  Upstream upstream;
  TestProxy proxy{entry("web", {to(service({upstream.endpoint()}))})};
  RawPeer client = proxy.connect();
  std::optional<RawPeer> connection;

  // Sends the request, answers it with these bytes; the upstream then closes if told so.
  Message exchange(std::string_view request, std::string_view answer, bool close = false, bool bodyless = false) {
    client.send(request);
    connection.emplace(upstream.accept());
    connection->read_message();
    connection->send(answer);
    if (close) connection->close();
    return client.read_message(bodyless);
  }
};

TEST_F(Framing, ChunksAndTrailersPassUp) {
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;ext=1\r\nabc\r\n");
  connection.emplace(upstream.accept());
  const std::string head = connection->read_until("\r\n\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_NE(head.find("Trailer: X-Sum\r\n"), std::string::npos);
  EXPECT_EQ(connection->read_until("abc\r\n"), "3\r\nabc\r\n");
  client.send("5\r\ndefgh\r\n0\r\nX-Sum: 42\r\nAuthorization: no\r\n\r\n");
  EXPECT_EQ(connection->read_until("\r\n\r\n"), "5\r\ndefgh\r\n0\r\nX-Sum: 42\r\n\r\n");
  connection->send(ok("fine"));
  EXPECT_EQ(client.read_message().body, "fine");
}

TEST_F(Framing, ChunksAndTrailersPassDown) {
  const Message answer = exchange(get("/"),
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                                  "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\nSet-Cookie: no\r\n\r\n");
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "abcde");
  EXPECT_EQ(answer.trailers, "X-Sum: 7\r\n");
  EXPECT_FALSE(answer.has("content-length"));
}

TEST_F(Framing, ChunksArriveOneByOneWithoutWaitingForTheNext) {
  client.send(get("/events"));
  connection.emplace(upstream.accept());
  connection->read_message();
  connection->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.read_until("\r\n\r\n");
  for (const std::string event : {"one", "two", "six"}) {
    connection->send("3\r\n" + event + "\r\n");
    EXPECT_EQ(client.read(8), "3\r\n" + event + "\r\n");
  }
  connection->send("0\r\n\r\n");
  EXPECT_EQ(client.read(5), "0\r\n\r\n");
}

TEST_F(Framing, HeadKeepsTheLengthAndSendsNoBody) {
  const Message answer =
      exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", false, true);
  EXPECT_EQ(answer.field("content-length"), "1000");
  client.send(get("/next"));
  EXPECT_EQ(connection->read_message().start_line, "GET /next HTTP/1.1");
}

TEST_F(Framing, AnswersWithoutBodyLeaveTheConnectionUsable) {
  client.send(get("/204"));
  connection.emplace(upstream.accept());
  connection->read_message();
  connection->send("HTTP/1.1 204 No Content\r\n\r\n");
  const Message none = client.read_message();
  EXPECT_EQ(none.status(), 204);
  EXPECT_FALSE(none.has("content-length"));
  EXPECT_FALSE(none.has("transfer-encoding"));

  client.send(get("/304"));
  connection->read_message();
  connection->send("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 77\r\n\r\n");
  const Message same = client.read_message();
  EXPECT_EQ(same.status(), 304);
  EXPECT_EQ(same.field("etag"), "\"x\"");

  client.send(get("/200"));
  connection->read_message();
  connection->send(ok("body"));
  EXPECT_EQ(client.read_message().body, "body");
}

TEST_F(Framing, Http10ClientGetsChunkedAnswerUntilClose) {
  const Message answer =
      exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_FALSE(answer.has("transfer-encoding"));
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_EQ(answer.body, "abcde");
  EXPECT_EQ(client.end(), Peer::End::closed);
}

TEST_F(Framing, AnswerUntilCloseBecomesChunked) {
  const Message answer = exchange(get("/"), "HTTP/1.0 200 OK\r\n\r\nall of it", true);
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "all of it");
  EXPECT_EQ(answer.field("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.field("connection"), "");
}

TEST_F(Framing, EmptyAnswers) {
  client.send(get("/") + get("/"));
  connection.emplace(upstream.accept());
  connection->read_message();
  connection->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.read_message().field("content-length"), "0");
  connection->read_message();
  connection->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  const Message answer = client.read_message();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "");
}

TEST_F(Framing, TruncatedAnswerWithLengthIsSeenAsBroken) {
  const Message answer = exchange(get("/"), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour", true);
  EXPECT_FALSE(answer.whole);
  EXPECT_EQ(client.end(), Peer::End::reset);
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("failure"), "answer_truncated");
  EXPECT_EQ(line.at("status"), 200);
  EXPECT_EQ(line.at("bytesOut"), 4);
}

TEST_F(Framing, TruncatedChunkedAnswerIsSeenAsBrokenEvenByHttp10) {
  const Message answer =
      exchange("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfour", true);
  EXPECT_FALSE(answer.whole);
  EXPECT_EQ(client.end(), Peer::End::reset);
}

TEST_F(Framing, MalformedChunkInAnswerBreaksItOff) {
  const Message answer =
      exchange(get("/"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nde\r\n0\r\n\r\n");
  EXPECT_FALSE(answer.whole);
  EXPECT_EQ(proxy.log_line().at("failure"), "bad_answer");
}

TEST_F(Framing, UnfinishedUploadNeverLooksWholeToTheUpstream) {
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  connection.emplace(upstream.accept());
  connection->read_until("abc\r\n");
  client.close();
  EXPECT_EQ(connection->read_to_end(), "");
  EXPECT_EQ(connection->end(), Peer::End::reset);
  EXPECT_EQ(proxy.log_line().at("failure"), "client_gone");
}

}  // namespace
}  // namespace gatehouse

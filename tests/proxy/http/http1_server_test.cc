// One client's connection: request heads read under limits, answers framed for that client.
#include "proxy/http/http1_server.h"

#include "tests/doubles/connected_streams.h"
#include "tests/doubles/manual_clock.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

constexpr std::size_t head_bytes = 8 * 1024;

struct Server {
  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock};
  ConnectedStreams ends = connect_locally(io);
  Deadline reading{deadlines, *ends.ours};
  StallLimit writing{deadlines, *ends.ours};
  Departures departures{io};
  Buffers buffers;
  Inbox inbox{*ends.ours, buffers};
  RequestHead request;
  bool draining = false;

  Http1Link link() {
    return {*ends.ours,
            *ends.ours,
            inbox,
            reading,
            writing,
            deadlines,
            departures,
            std::chrono::seconds(30),
            std::chrono::seconds(30),
            &draining};
  }
};

// Reads heads until one fails or the client ends; notes the targets, then how it ended.
Awaitable<void> read_heads(Server& server, std::string& story) {
  while (true) {
    const auto read =
        co_await read_request_head(server.link(), std::chrono::seconds(10), head_bytes, {}, server.request);
    if (!read) story += row(read.error().kind).name;
    if (read && !*read) story += "closed";
    if (!read || !*read) co_return;
    story.append(server.request.target).append(" ");
    server.inbox.release_head();
    server.inbox.release_if_empty();
  }
}

std::string story_of(std::string sent, std::size_t largest = 7) {
  Server server;
  std::string story;
  run_together(server.io, write_in_pieces(*server.ends.theirs, std::move(sent), largest, 5), read_heads(server, story));
  return story;
}

TEST(RequestHead, heads_follow_one_another) {
  const std::string request = "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const std::size_t largest : {1, 7, 1000})
    EXPECT_EQ(story_of(request + request + request, largest), "/a /a /a closed");
  std::string flood, story;
  for (int i = 0; i < 2000; ++i) flood += request, story += "/a ";
  EXPECT_EQ(story_of(flood, 100'000), story + "closed");
}

TEST(RequestHead, an_end_is_clean_only_between_requests) {
  EXPECT_EQ(story_of(""), "closed");
  EXPECT_EQ(story_of("GET / HTTP/1.1\r\nHo"), "client_gone");
}

TEST(RequestHead, limits_have_their_own_answers) {
  const auto with_target = [](std::size_t size) {
    return "GET /" + std::string(size, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  const auto with_field = [](std::size_t size) {
    return "GET /a HTTP/1.1\r\nHost: a\r\nX: " + std::string(size, 'a') + "\r\n\r\n";
  };
  for (const std::size_t largest : {100, 100'000}) {
    EXPECT_EQ(story_of(with_target(20'000), largest), "uri_too_long");
    EXPECT_EQ(story_of(with_field(20'000), largest), "head_too_large");
    EXPECT_EQ(story_of(with_field(8000), largest), "/a closed");
    EXPECT_EQ(story_of(with_field(8200), largest), "head_too_large");
    // Nor does a head behind another one get more room than alone.
    EXPECT_EQ(story_of(with_field(10) + with_field(20'000), largest), "/a head_too_large");
  }
  EXPECT_EQ(story_of("garbage\r\n\r\n"), "bad_request");
  EXPECT_EQ(story_of("\x16\x03\x01\n"), "bad_request");
}

Awaitable<void> send_a_byte_now_and_then(Server& server, const std::string& story) {
  while (story.empty()) {
    co_await write_text(*server.ends.theirs, "x");
    server.clock.advance(std::chrono::seconds(1));
    server.deadlines.expire_due();
    co_await let_others_run();
  }
}

TEST(RequestHead, the_limit_is_on_the_whole_head) {
  Server server;
  std::string story;
  const TimePoint start = server.clock.now();
  run_together(server.io, read_heads(server, story), send_a_byte_now_and_then(server, story));
  EXPECT_EQ(story, "head_timeout");
  EXPECT_LE(server.clock.now() - start, std::chrono::seconds(12));
  // The client can still be told.
  EXPECT_TRUE(server.ends.ours->socket().is_open());
}

// Answers

ResponseHead answer(std::uint16_t status, BodyFraming body, std::vector<HeaderField> fields = {}) {
  ResponseHead head;
  head.status = status;
  head.reason = "Fine";
  head.body = body;
  head.fields = std::move(fields);
  head.fields.push_back({"Server", "s", HeaderId::server});
  return head;
}

struct Outcome {
  std::string received;  // by the client
  bool reusable = false, must_linger = false;
};

using Script = Awaitable<void> (*)(Http1Exchange&);

Awaitable<void> serve_one(Server& server, Script script, Outcome& outcome) {
  const auto read = co_await read_request_head(server.link(), std::chrono::seconds(10), head_bytes, {}, server.request);
  EXPECT_TRUE(read && *read);
  Http1Exchange exchange(server.link(), server.request, {}, "now", true);
  co_await script(exchange);
  outcome.reusable = exchange.reusable();
  outcome.must_linger = exchange.must_linger();
  co_await server.ends.ours->shutdown_write();
}

// What the client of `request` gets by `script`, lines ended by \n.
Outcome serve(const std::string& request, Script script) {
  Server server;
  Outcome outcome;
  std::string received;
  run_together(server.io, write_in_pieces(*server.ends.theirs, request, 1000, 1), serve_one(server, script, outcome),
               read_all(*server.ends.theirs, received));
  for (const char c : received)
    if (c != '\r') outcome.received += c;
  return outcome;
}

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string get_1_0 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const std::vector<HeaderField> no_trailers;

Awaitable<void> answer_with_length(Http1Exchange& exchange) {
  const ResponseHead head = answer(200, {BodyKind::length, 5}, {{"Content-Length", "5", HeaderId::content_length}});
  const BodyPiece first{"hel", false}, second{"lo", true};
  EXPECT_TRUE(co_await exchange.send_head(head, first, no_trailers, {}));
  EXPECT_TRUE(exchange.answer_begun());
  EXPECT_TRUE(co_await exchange.send_piece(second, no_trailers));
}

TEST(Http1Exchange, a_known_length_passes) {
  const Outcome outcome = serve(get, answer_with_length);
  EXPECT_EQ(outcome.received, "HTTP/1.1 200 Fine\nServer: s\nDate: now\nContent-Length: 5\n\nhello");
  EXPECT_TRUE(outcome.reusable);
  const Outcome old = serve(get_1_0, answer_with_length);
  EXPECT_EQ(old.received,
            "HTTP/1.1 200 Fine\nServer: s\nDate: now\nContent-Length: 5\nConnection: keep-alive\n\nhello");
  EXPECT_TRUE(old.reusable);
}

TEST(Http1Exchange, an_answer_cut_short_is_not_reusable) {
  const Outcome outcome = serve(get, [](Http1Exchange& exchange) -> Awaitable<void> {
    const ResponseHead head = answer(200, {BodyKind::length, 5}, {{"Content-Length", "5", HeaderId::content_length}});
    const BodyPiece first{"hel", false};
    EXPECT_TRUE(co_await exchange.send_head(head, first, no_trailers, {}));
  });
  EXPECT_FALSE(outcome.reusable);
  EXPECT_FALSE(outcome.must_linger);
}

Awaitable<void> answer_in_chunks(Http1Exchange& exchange) {
  const ResponseHead head = answer(200, {BodyKind::chunked, 0});
  const std::vector<HeaderField> trailers = {{"X-Sum", "1", HeaderId::other}, {"Set-Cookie", "a=1", HeaderId::other}};
  const BodyPiece first{"hello", false}, empty{{}, false}, last{" world!", true};
  EXPECT_TRUE(co_await exchange.send_head(head, first, trailers, {}));
  EXPECT_TRUE(co_await exchange.send_piece(empty, trailers));
  EXPECT_TRUE(co_await exchange.send_piece(last, trailers));
}

TEST(Http1Exchange, chunks_carry_their_own_end) {
  const Outcome outcome = serve(get, answer_in_chunks);
  EXPECT_EQ(
      outcome.received,
      "HTTP/1.1 200 Fine\nServer: s\nDate: now\nTransfer-Encoding: chunked\n\n5\nhello\n7\n world!\n0\nX-Sum: 1\n\n");
  EXPECT_TRUE(outcome.reusable);
}

TEST(Http1Exchange, an_old_client_reads_until_the_close) {
  const Outcome outcome = serve(get_1_0, answer_in_chunks);
  EXPECT_EQ(outcome.received, "HTTP/1.1 200 Fine\nServer: s\nDate: now\nConnection: close\n\nhello world!");
  EXPECT_FALSE(outcome.reusable);
}

TEST(Http1Exchange, what_ended_with_the_upstreams_close_is_chunked) {
  const Outcome outcome = serve(get, [](Http1Exchange& exchange) -> Awaitable<void> {
    const ResponseHead head = answer(200, {BodyKind::until_close, 0});
    const BodyPiece first{"hello", false}, last{{}, true};
    EXPECT_TRUE(co_await exchange.send_head(head, first, no_trailers, {}));
    EXPECT_TRUE(co_await exchange.send_piece(last, no_trailers));
  });
  EXPECT_EQ(outcome.received, "HTTP/1.1 200 Fine\nServer: s\nDate: now\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n");
  EXPECT_TRUE(outcome.reusable);
}

Awaitable<void> answer_head(Http1Exchange& exchange) {
  const ResponseHead head = answer(200, {}, {{"Content-Length", "500", HeaderId::content_length}});
  const BodyPiece nothing;
  EXPECT_TRUE(co_await exchange.send_head(head, nothing, no_trailers, {}));
}

TEST(Http1Exchange, no_body_is_sent_where_none_belongs) {
  const Outcome outcome = serve("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", answer_head);
  EXPECT_EQ(outcome.received, "HTTP/1.1 200 Fine\nContent-Length: 500\nServer: s\nDate: now\n\n");
  EXPECT_TRUE(outcome.reusable);
  const Outcome page = serve("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", [](Http1Exchange& exchange) -> Awaitable<void> {
    EXPECT_TRUE(co_await exchange.respond(404, {}, "not here"));
  });
  EXPECT_EQ(page.received, "HTTP/1.1 404 Not Found\nContent-Length: 8\nServer: gatehouse\nDate: now\n\n");
  EXPECT_TRUE(page.reusable);
  const Outcome no_content = serve(get, [](Http1Exchange& exchange) -> Awaitable<void> {
    const ResponseHead head = answer(204, {}, {{"Content-Length", "5", HeaderId::content_length}});
    const BodyPiece nothing;
    EXPECT_TRUE(co_await exchange.send_head(head, nothing, no_trailers, {}));
  });
  EXPECT_EQ(no_content.received, "HTTP/1.1 204 Fine\nServer: s\nDate: now\n\n");
}

Awaitable<void> respond_page(Http1Exchange& exchange) { EXPECT_TRUE(co_await exchange.respond(404, {}, "not here")); }

TEST(Http1Exchange, our_own_answers_are_whole) {
  const Outcome outcome = serve(get, respond_page);
  EXPECT_EQ(outcome.received, "HTTP/1.1 404 Not Found\nServer: gatehouse\nDate: now\nContent-Length: 8\n\nnot here");
  EXPECT_TRUE(outcome.reusable);
}

// F23: only the close tells where the next request would begin.
TEST(Http1Exchange, an_answer_before_the_body_closes) {
  const Outcome outcome = serve("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello", respond_page);
  EXPECT_NE(outcome.received.find("\nConnection: close\n"), std::string::npos);
  EXPECT_FALSE(outcome.reusable);
  EXPECT_TRUE(outcome.must_linger);
}

Awaitable<void> continue_and_answer(Http1Exchange& exchange) {
  const ResponseHead proceed = answer(100, {}), hints = answer(103, {});
  EXPECT_TRUE(co_await exchange.send_interim(proceed));
  EXPECT_TRUE(co_await exchange.send_interim(hints));
  EXPECT_FALSE(exchange.answer_begun());
  while (!exchange.body_ended()) EXPECT_TRUE(co_await exchange.next_piece());
  EXPECT_TRUE(co_await exchange.respond(200, {}, ""));
}

// F24
TEST(Http1Exchange, interim_answers_go_to_those_who_know_them) {
  const std::string hints = "HTTP/1.1 103 Fine\nServer: s\n\n";
  const std::string body = "Content-Length: 1\r\n\r\nx";
  EXPECT_TRUE(serve("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + body, continue_and_answer)
                  .received.starts_with("HTTP/1.1 100 Fine\nServer: s\n\n" + hints + "HTTP/1.1 200 OK\n"));
  EXPECT_TRUE(serve("POST / HTTP/1.1\r\nHost: a\r\n" + body, continue_and_answer)
                  .received.starts_with(hints + "HTTP/1.1 200 OK\n"));
  EXPECT_TRUE(serve("POST / HTTP/1.0\r\nExpect: 100-continue\r\n" + body, continue_and_answer)
                  .received.starts_with("HTTP/1.1 200 OK\n"));
}

TEST(Http1Exchange, an_answer_can_be_made_the_last_of_its_connection) {
  const Outcome outcome = serve(get, [](Http1Exchange& exchange) -> Awaitable<void> {
    exchange.end_connection();
    co_await answer_with_length(exchange);
  });
  EXPECT_NE(outcome.received.find("\nConnection: close\n"), std::string::npos);
  EXPECT_FALSE(outcome.reusable);
}

TEST(Http1Exchange, a_drain_ends_the_connection_with_the_answer_under_way) {
  Server server;
  Outcome outcome;
  std::string received;
  server.draining = true;
  run_together(server.io, write_in_pieces(*server.ends.theirs, get, 1000, 1), serve_one(server, respond_page, outcome),
               read_all(*server.ends.theirs, received));
  EXPECT_NE(received.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_FALSE(outcome.reusable);
}

TEST(Http1Exchange, a_client_that_asks_to_close_is_closed) {
  const Outcome outcome = serve("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", answer_with_length);
  EXPECT_NE(outcome.received.find("\nConnection: close\n"), std::string::npos);
  EXPECT_FALSE(outcome.reusable);
  EXPECT_FALSE(outcome.must_linger);
}

}  // namespace
}  // namespace gatehouse

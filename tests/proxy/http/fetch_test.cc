// The client for our own calls against a server that says exactly what the test tells it to.
#include "proxy/http/fetch.h"

#include "tests/doubles/connected_streams.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/scripted_server.h"
#include "tls/handshake.h"
#include "tls/internal_ca.h"
#include "tls/server_context.h"

#include <boost/asio/detached.hpp>

#include <gtest/gtest.h>

#include <cctype>
#include <functional>

namespace gatehouse {
namespace {

using std::chrono::seconds;

class FetchTest : public ::testing::Test {
 protected:
  static constexpr const char* ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: fine\r\n\r\nhi";

  Fetcher& fetcher() {
    if (!fetcher_) fetcher_.emplace(io, deadlines, resolve, settings);
    return *fetcher_;
  }

  Result<FetchResponse> fetch(FetchRequest request) { return run(fetcher().fetch(std::move(request))); }

  // What was handed on is in `streamed`.
  Result<FetchResponse> stream(const std::string& url, StreamTerms terms = {}) {
    FetchRequest request;
    request.url = url;
    if (!terms.piece)
      terms.piece = [this](const FetchResponse&, std::string_view piece) {
        streamed += piece;
        return true;
      };
    return run(fetcher().stream(std::move(request), std::move(terms)));
  }

  Result<FetchResponse> run(Awaitable<Result<FetchResponse>> call) {
    std::optional<Result<FetchResponse>> result;
    asio::co_spawn(io, std::move(call), [&](std::exception_ptr, Result<FetchResponse> response) {
      result.emplace(std::move(response));
      io.stop();
    });
    io.restart();
    io.run_for(seconds(20));
    return result ? std::move(*result) : Failure(FailureKind::internal, "the test hangs");
  }

  Result<FetchResponse> get(const std::string& url) {
    FetchRequest request;
    request.url = url;
    return fetch(std::move(request));
  }

  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock};
  std::string streamed;
  std::vector<std::string> asked;
  Fetcher::Resolve resolve = [this](std::string name) -> Awaitable<Result<std::vector<asio::ip::address>>> {
    return answer_name(std::move(name));
  };
  Fetcher::Settings settings{.tls = tls::make_client_context({}).value()};
  ScriptedServer server{io};

 private:
  Awaitable<Result<std::vector<asio::ip::address>>> answer_name(std::string name) {
    asked.push_back(std::move(name));
    // The first of them refuses connections.
    co_return std::vector<asio::ip::address>{asio::ip::make_address("127.0.0.2"), asio::ip::make_address("127.0.0.1")};
  }

  std::optional<Fetcher> fetcher_;
};

TEST_F(FetchTest, sends_a_request_and_collects_the_answer) {
  server.answers = {{ok}};
  FetchRequest request{"POST", server.url("/a?b=c"), {{"Accept", "x/y"}}, "body"};
  const auto response = fetch(request);
  ASSERT_TRUE(response) << describe(response.error());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hi");
  EXPECT_EQ(response->header("x-kind"), "fine");
  EXPECT_EQ(response->header("absent"), "");
  EXPECT_EQ(server.requests.at(0), "POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                       "\r\nUser-Agent: gatehouse/" GATEHOUSE_VERSION
                                       "\r\nAccept: x/y\r\nContent-Length: 4\r\n\r\nbody");
}

TEST_F(FetchTest, reads_chunked_answers_interim_ones_and_errors) {
  server.answers = {
      {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"}};
  const auto response = get(server.url("/"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(response->body, "abcde");
}

TEST_F(FetchTest, keeps_a_connection_for_the_next_call) {
  server.answers = {{ok}, {ok}, {ok, true}, {ok}};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(get(server.url("/")));
  EXPECT_EQ(server.connections, 1);
  EXPECT_TRUE(get(server.url("/")));
  EXPECT_EQ(server.connections, 2);
}

TEST_F(FetchTest, asks_again_when_a_kept_connection_ends_but_only_what_may_be_asked_twice) {
  // The server closes each kept connection once it has read the next request.
  server.answers = {{ok}};
  EXPECT_TRUE(get(server.url("/")));
  FetchRequest post{"POST", server.url("/"), {}, "x"};
  const auto lost = fetch(post);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, FailureKind::upstream_closed);
  server.answers = {{ok}};
  EXPECT_TRUE(get(server.url("/")));
  EXPECT_EQ(server.requests.size(), 3u);
}

TEST_F(FetchTest, tries_the_addresses_of_a_name_one_after_the_other) {
  server.answers = {{ok}};
  const auto response = get("http://ca.example:" + std::to_string(server.port()) + "/");
  ASSERT_TRUE(response) << describe(response.error());
  EXPECT_EQ(asked, std::vector<std::string>{"ca.example"});
  const auto host = server.requests.at(0).find("Host: ca.example:");
  EXPECT_NE(host, std::string::npos);
}

TEST_F(FetchTest, speaks_tls_and_checks_the_name) {
  const WallTime now = SystemClock().wall_now();
  const auto certificate = tls::make_self_signed({HostName::parse("ca.example").value()}, now).value();
  ScriptedServer secure(io, tls::make_server_context({}, nullptr).value(), certificate);
  settings.tls = tls::make_client_context({.ca_pem = certificate->pem()}).value();
  secure.answers = {{ok}};
  const std::string port = std::to_string(secure.port());
  EXPECT_TRUE(get("https://ca.example:" + port + "/"));
  const auto wrong = get("https://other.example:" + port + "/");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, FailureKind::upstream_tls_failed);
}

TEST_F(FetchTest, refuses_answers_that_are_too_large_or_malformed) {
  settings.max_body = 10;
  for (const char* text : {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nelevenbytes",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nelevenbytes\r\n0\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "<html>\r\n\r\n",
                           "HTTP/1.1 100 Continue\r\n\r\n"}) {
    std::string answer = text;
    if (answer.find(" 100 ") != std::string::npos)
      for (int i = 0; i < 5; ++i) answer += answer;
    server.answers = {{answer, true}};
    const auto response = get(server.url("/"));
    ASSERT_FALSE(response) << text;
    EXPECT_EQ(response.error().kind, FailureKind::bad_answer) << text;
    EXPECT_TRUE(response.error().detail.starts_with("http://127.0.0.1:")) << response.error().detail;
  }
}

TEST_F(FetchTest, an_answer_cut_short_is_none) {
  server.answers = {{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", true}};
  const auto response = get(server.url("/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, FailureKind::answer_truncated);
}

TEST_F(FetchTest, gives_up_on_a_server_that_never_answers) {
  server.instead_of_answering = [this] {
    asio::post(io, [this] {
      clock.advance(seconds(31));
      deadlines.expire_due();
    });
  };
  const auto response = get(server.url("/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, FailureKind::answer_timeout);
}

Awaitable<Result<std::vector<asio::ip::address>>> never(std::shared_ptr<asio::steady_timer> timer) {
  co_await timer->async_wait(asio::use_awaitable);
  co_return Failure(FailureKind::internal);
}

TEST_F(FetchTest, gives_up_on_a_name_that_never_resolves) {
  const auto timer = std::make_shared<asio::steady_timer>(io, TimePoint::max());
  bool looking = false;
  resolve = [&, timer](std::string) {
    looking = true;
    asio::post(io, [this] {
      clock.advance(seconds(31));
      deadlines.expire_due();
    });
    return never(timer);
  };
  const auto response = get("http://ca.example/");
  ASSERT_FALSE(response);
  EXPECT_TRUE(looking);
  EXPECT_EQ(response.error().kind, FailureKind::answer_timeout);
}

TEST_F(FetchTest, an_idle_connection_is_closed_in_time) {
  server.answers = {{ok}, {ok}};
  EXPECT_TRUE(get(server.url("/")));
  EXPECT_EQ(fetcher().idle_connections(), 1u);
  clock.advance(seconds(6));
  deadlines.expire_due();
  EXPECT_TRUE(get(server.url("/")));
  EXPECT_EQ(server.connections, 2);
}

TEST_F(FetchTest, never_sends_a_line_end_inside_a_header) {
  FetchRequest request;
  request.url = server.url("/");
  request.headers = {{"X", "a\r\nY: b"}};
  EXPECT_FALSE(fetch(request));
  EXPECT_EQ(server.connections, 0);
}

constexpr const char* chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(FetchTest, hands_on_a_body_of_any_size_and_keeps_the_connection) {
  settings.max_body = 10;
  const std::string body = pattern(300'000);
  server.answers = {{"HTTP/1.1 200 OK\r\nX-Kind: fine\r\nContent-Length: 300000\r\n\r\n" + body}, {ok}};
  StreamTerms terms;
  int pieces = 0;
  terms.piece = [&](const FetchResponse& head, std::string_view piece) {
    EXPECT_EQ(head.header("x-kind"), "fine");
    streamed += piece;
    return ++pieces > 0;
  };
  const auto response = stream(server.url("/"), terms);
  ASSERT_TRUE(response) << describe(response.error());
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(streamed, body);
  EXPECT_GT(pieces, 1);
  EXPECT_EQ(fetcher().idle_connections(), 1u);
  EXPECT_TRUE(get(server.url("/")));
  EXPECT_EQ(server.connections, 1);
}

TEST_F(FetchTest, a_stream_may_be_left_before_its_end) {
  server.answers = {{std::string(chunked) + "3\r\nabc\r\n"}};
  StreamTerms terms;
  terms.piece = [&](const FetchResponse&, std::string_view piece) {
    streamed += piece;
    return false;
  };
  const auto response = stream(server.url("/"), terms);
  ASSERT_TRUE(response) << describe(response.error());
  EXPECT_EQ(streamed, "abc");
  EXPECT_EQ(fetcher().idle_connections(), 0u);
}

TEST_F(FetchTest, a_stream_cut_short_is_a_failure_after_what_came) {
  server.answers = {{std::string(chunked) + "3\r\nabc\r\n5\r\nde", true}};
  const auto response = stream(server.url("/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, FailureKind::answer_truncated);
  EXPECT_EQ(streamed, "abcde");
  EXPECT_EQ(fetcher().idle_connections(), 0u);
}

TEST_F(FetchTest, a_stream_may_last_long_but_not_be_silent_for_long) {
  server.answers = {{std::string(chunked) + "3\r\nabc\r\n"}};
  StreamTerms terms;
  terms.silence = seconds(300);
  const auto pass = [this](Duration time) {
    clock.advance(time);
    deadlines.expire_due();
  };
  terms.piece = [&](const FetchResponse&, std::string_view piece) {
    streamed += piece;
    // Beyond every limit on a call, and not yet on this silence; then beyond it.
    asio::post(io, [this, pass] {
      pass(seconds(290));
      asio::post(io, [pass] { pass(seconds(20)); });
    });
    return true;
  };
  const auto response = stream(server.url("/"), terms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, FailureKind::answer_timeout);
  EXPECT_TRUE(response.error().detail.ends_with("silent for 300 s")) << response.error().detail;
  EXPECT_EQ(streamed, "abc");
}

TEST_F(FetchTest, a_stream_whose_head_never_comes_ends_too) {
  // On a kept connection: it is the server that is silent, so it is not asked again.
  server.answers = {{ok}};
  EXPECT_TRUE(get(server.url("/")));
  server.instead_of_answering = [this] {
    asio::post(io, [this] {
      clock.advance(seconds(31));
      deadlines.expire_due();
    });
  };
  const auto response = stream(server.url("/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, FailureKind::answer_timeout);
  EXPECT_EQ(server.connections, 1);
}

TEST_F(FetchTest, a_stream_may_have_a_limit_on_the_whole_too) {
  server.answers = {{std::string(chunked) + "3\r\nabc\r\n"}};
  StreamTerms terms;
  terms.limit = seconds(5);
  terms.piece = [&](const FetchResponse&, std::string_view) {
    asio::post(io, [this] {
      clock.advance(seconds(6));
      deadlines.expire_due();
    });
    return true;
  };
  const auto response = stream(server.url("/"), terms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, FailureKind::answer_timeout);
  EXPECT_TRUE(response.error().detail.ends_with("not within 5 s")) << response.error().detail;
}

TEST_F(FetchTest, streams_run_side_by_side) {
  std::vector<bool> ended;
  const auto begin = [&](const std::string& path) {
    FetchRequest request;
    request.url = server.url(path);
    StreamTerms terms;
    // The first goes on until the second has begun, and is silent from then on.
    terms.piece = [this](const FetchResponse&, std::string_view piece) {
      streamed += piece;
      if (streamed.size() < 2) return true;
      asio::post(io, [this] {
        clock.advance(seconds(31));
        deadlines.expire_due();
      });
      return false;
    };
    asio::co_spawn(io, fetcher().stream(std::move(request), std::move(terms)),
                   [&](std::exception_ptr, Result<FetchResponse> response) {
                     ended.push_back(response.has_value());
                     if (ended.size() == 2) io.stop();
                   });
  };
  server.answers = {{std::string(chunked) + "1\r\na\r\n"}, {std::string(chunked) + "1\r\nb\r\n"}};
  begin("/a");
  begin("/b");
  io.run_for(seconds(20));
  EXPECT_EQ(server.connections, 2);
  EXPECT_EQ(streamed.size(), 2u);
  EXPECT_EQ(ended, (std::vector{true, false}));
}

TEST(Url, reads_what_we_may_ask_and_refuses_the_rest) {
  const Url url = parse_url("https://CA.Example:8443/a/b?c=d").value();
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "ca.example");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.target, "/a/b?c=d");
  EXPECT_EQ(url.authority(), "ca.example:8443");
  EXPECT_EQ(parse_url("https://ca.example").value().authority(), "ca.example");
  EXPECT_EQ(parse_url("http://ca.example?x").value().target, "/?x");
  EXPECT_EQ(parse_url("http://[::1]:81/").value().origin(), "http://[::1]:81");
  EXPECT_EQ(parse_url("http://[::1]/").value().host, "::1");
  for (const char* wrong : {"", "ca.example", "ftp://a/", "https://", "https:///x", "https://u:p@a/", "https://a:/",
                            "https://a:99999/", "https://a:0/", "https://a b/", "https://a/ b", "https://a/#x",
                            "https://[::1/", "https://[a]/", "https://a:1:2/", "https://\xc3\xa4/", "HTTPS://a/"})
    EXPECT_FALSE(parse_url(wrong)) << wrong;
}

}  // namespace
}  // namespace gatehouse

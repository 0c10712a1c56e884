// The client against a server that says exactly what the test tells it to; what a whole API server does is in
// api_client_server_test.cc.
#include "config/kubernetes/api_client.h"

#include "tests/doubles/manual_clock.h"
#include "tests/doubles/proxy/gzip_text.h"
#include "tests/doubles/scripted_server.h"
#include "tests/doubles/temporary_directory.h"
#include "tests/doubles/tls/signed_certificate.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <gtest/gtest.h>

#include <openssl/ssl.h>

#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace gatehouse::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string answer(const std::string& status, const std::string& body, const std::string& fields = {}) {
  return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
const std::string ok = answer("200 OK", "{}");
const std::string unauthorized =
    answer("401 Unauthorized", R"({"kind":"Status","reason":"Unauthorized","message":"Unauthorized","code":401})");
constexpr const char* chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

class ApiClientTest : public ::testing::Test {
 protected:
  ApiClient& client() {
    if (!client_) {
      if (access.server.empty()) access.server = server.url("");
      client_.emplace(ApiClient::Ports{io, deadlines, clock, resolve, log}, access, limits);
    }
    return *client_;
  }

  Result<ApiAnswer> run(Awaitable<Result<ApiAnswer>> call) {
    std::optional<Result<ApiAnswer>> result;
    asio::co_spawn(io, std::move(call), [&](std::exception_ptr, Result<ApiAnswer> got) {
      result.emplace(std::move(got));
      io.stop();
    });
    io.restart();
    io.run_for(seconds(20));
    return result ? std::move(*result) : Failure(FailureKind::internal, "the test hangs");
  }
  Result<ApiAnswer> get(const std::string& path = "/api/v1/services") { return run(client().call({.path = path})); }
  Result<ApiAnswer> watch(Duration silence = seconds(300)) {
    return run(client().stream({.path = "/api/v1/services?watch=1&x=y", .silence = silence}, [this](auto piece) {
      streamed += piece;
      if (on_piece) on_piece();
      return true;
    }));
  }
  void pass(Duration time) {
    clock.advance(time);
    deadlines.expire_due();
  }
  static Awaitable<Result<std::vector<asio::ip::address>>> loopback() {
    co_return std::vector<asio::ip::address>{asio::ip::address_v4::loopback()};
  }

  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock};
  TemporaryDirectory folder;
  std::ostringstream logged;
  Logger log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged));
  Fetcher::Resolve resolve = [](std::string) { return loopback(); };
  ScriptedServer server{io};
  Access access;
  ApiLimits limits;
  std::string streamed;
  std::function<void()> on_piece;

 private:
  std::optional<ApiClient> client_;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(ApiClientTest, sends_a_request_as_asked) {
  access.server = server.url("/k8s/clusters/c-1");
  access.token.text = "abc";
  server.answers = {{ok}, {answer("201 Created", "{}")}};
  const auto got = get("/api/v1/secrets?limit=5");
  ASSERT_TRUE(got) << describe(got.error());
  EXPECT_TRUE(got->good());
  EXPECT_EQ(got->body, "{}");
  EXPECT_EQ(server.requests[0], "GET /k8s/clusters/c-1/api/v1/secrets?limit=5 HTTP/1.1\r\nHost: 127.0.0.1:" +
                                    std::to_string(server.port()) +
                                    "\r\nUser-Agent: gatehouse/" GATEHOUSE_VERSION
                                    "\r\nAccept: application/json\r\nAccept-Encoding: gzip"
                                    "\r\nAuthorization: Bearer abc\r\n\r\n");
  const auto made = run(client().call({"PATCH", "/x", "{\"a\":1}", "application/merge-patch+json"}));
  EXPECT_EQ(made->status, 201);
  EXPECT_TRUE(has(server.requests[1], "PATCH /k8s/clusters/c-1/x HTTP/1.1\r\n"));
  EXPECT_TRUE(has(server.requests[1], "\r\nContent-Type: application/merge-patch+json\r\n"));
  EXPECT_FALSE(has(server.requests[1], "Accept-Encoding"));
  EXPECT_EQ(server.connections, 1);
  EXPECT_FALSE(get("@elsewhere.example/"));
  EXPECT_FALSE(get("/a b"));
}

TEST_F(ApiClientTest, reads_a_refusal) {
  server.answers = {
      {answer("410 Gone", R"({"kind":"Status","metadata":{"continue":"next"},"reason":"Expired","message":"too old",
                              "details":{"retryAfterSeconds":3},"code":410})")},
      {answer("429 Too Many Requests", "later", "Retry-After: 7\r\n")},
      {answer("503 Service Unavailable",
              R"({"kind":"Status","details":{"retryAfterSeconds":99999999999},"message":"busy"})")},
      {answer("500 Oh", "{}", "Retry-After: -1\r\n")},
      {answer("500 Oh", "{}", "Retry-After: 99999999999999999999\r\n")}};
  const auto gone = get();
  EXPECT_EQ(gone->status, 410);
  EXPECT_EQ(gone->reason, "Expired");
  EXPECT_EQ(gone->message, "too old");
  EXPECT_EQ(gone->continue_token, "next");
  EXPECT_EQ(gone->retry_after, seconds(3));
  const auto busy = get();
  EXPECT_EQ(busy->retry_after, seconds(7));
  EXPECT_EQ(busy->message, "later");
  EXPECT_EQ(get()->retry_after, std::chrono::minutes(10));
  EXPECT_EQ(get()->retry_after, std::nullopt);
  EXPECT_EQ(get()->retry_after, std::chrono::minutes(10));
}

TEST_F(ApiClientTest, tells_what_something_else_than_an_api_server_says) {
  const std::string page = "<html>\r\n <h1>Bad\x1b[31m gateway</h1>" + std::string(500'000, 'x');
  server.answers = {{answer("502 Bad Gateway", page), true},
                    {answer("500 Oh", std::string(100'000, '['))},
                    {answer("302 Found", "", "Location: https://elsewhere.example/\r\n")}};
  const auto got = get();
  ASSERT_TRUE(got) << describe(got.error());
  EXPECT_EQ(got->status, 502);
  EXPECT_TRUE(got->message.starts_with("<html> <h1>Bad\\x1b[31m gateway</h1>xxx")) << got->message;
  EXPECT_LT(got->message.size(), 300u);
  EXPECT_EQ(got->reason, "");
  EXPECT_TRUE(get()->message.starts_with("[[["));
  const auto redirect = get();
  EXPECT_EQ(redirect->status, 302);
  EXPECT_TRUE(has(redirect->message, "elsewhere.example/, which is not followed")) << redirect->message;
  EXPECT_EQ(server.requests.size(), 3u);
}

TEST_F(ApiClientTest, refuses_a_huge_answer_packed_or_not) {
  limits.max_body = 100'000;
  const std::string text(1'000'000, 'x');
  server.answers = {{answer("200 OK", text), true},
                    {answer("200 OK", gzip_text(text), "Content-Encoding: gzip\r\n"), true},
                    {answer("200 OK", gzip_text(std::string(100'000, 'y')), "Content-Encoding: gzip\r\n")}};
  for (int i = 0; i < 2; ++i) {
    const auto got = get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, FailureKind::bad_answer);
    EXPECT_TRUE(has(got.error().detail, "larger than 100000 bytes")) << got.error().detail;
  }
  EXPECT_EQ(get()->body.size(), 100'000u);
}

TEST_F(ApiClientTest, refuses_packed_answers_that_are_damaged) {
  const std::string packed = gzip_text(std::string(1000, 'x'));
  server.answers = {{answer("200 OK", packed.substr(0, packed.size() - 4), "Content-Encoding: gzip\r\n")},
                    {answer("200 OK", "no gzip", "Content-Encoding: gzip\r\n")},
                    {answer("200 OK", "x", "Content-Encoding: br\r\n")}};
  EXPECT_EQ(get().error().kind, FailureKind::answer_truncated);
  EXPECT_EQ(get().error().kind, FailureKind::bad_answer);
  EXPECT_EQ(get().error().kind, FailureKind::bad_answer);
}

TEST_F(ApiClientTest, hands_on_a_list_unpacked_and_a_watch_as_it_comes) {
  limits.max_body = 1000;
  const std::string list = pattern(400'000);
  server.answers = {{answer("200 OK", gzip_text(list), "Content-Encoding: gzip\r\n")},
                    {std::string(chunked) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"}};
  const auto take = [this](std::string_view piece) {
    streamed += piece;
    return true;
  };
  const auto listed = run(client().stream({.path = "/api/v1/secrets"}, take));
  ASSERT_TRUE(listed) << describe(listed.error());
  EXPECT_TRUE(streamed == list);
  EXPECT_EQ(listed->body, "");
  EXPECT_TRUE(has(server.requests[0], "Accept-Encoding: gzip"));
  streamed.clear();
  EXPECT_TRUE(watch());
  EXPECT_EQ(streamed, "abcde");
  EXPECT_FALSE(has(server.requests[1], "Accept-Encoding"));
}

TEST_F(ApiClientTest, knows_a_watch) {
  for (const char* path : {"/a?watch=1", "/a?watch=true", "/a?x=y&watch=1&z"}) EXPECT_TRUE(is_watch(path)) << path;
  for (const char* path : {"/a", "/watch=1", "/a?watch=0", "/a?x=watch=1", "/a?watch=", "/a?"})
    EXPECT_FALSE(is_watch(path)) << path;
}

TEST_F(ApiClientTest, a_refused_stream_is_collected) {
  server.answers = {{answer("403 Forbidden", R"({"kind":"Status","reason":"Forbidden","message":"no list"})")}};
  const auto got = watch();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 403);
  EXPECT_EQ(got->message, "no list");
  EXPECT_EQ(streamed, "");
}

TEST_F(ApiClientTest, a_stream_may_be_left_and_may_be_cut) {
  server.answers = {{std::string(chunked) + "3\r\nabc\r\n"}, {std::string(chunked) + "3\r\nabc\r\n", true}};
  const auto left = run(client().stream({.path = "/x?watch=1"}, [](std::string_view) { return false; }));
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->good());
  const auto cut = watch();
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, FailureKind::answer_truncated);
  EXPECT_EQ(streamed, "abc");
}

TEST_F(ApiClientTest, a_stream_may_be_cancelled_while_it_waits) {
  using namespace asio::experimental::awaitable_operators;
  server.answers = {{std::string(chunked) + "3\r\nabc\r\n"}, {ok}};
  asio::steady_timer enough(io, TimePoint::max());
  const auto take = [&](std::string_view piece) {
    streamed += piece;
    asio::post(io, [&] { enough.cancel(); });
    return true;
  };
  const auto until_enough = [](asio::steady_timer& timer) -> Awaitable<void> {
    error_code cancelled;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  };
  bool ended = false;
  asio::co_spawn(io, client().stream({.path = "/x?watch=1"}, take) || until_enough(enough),
                 [&](std::exception_ptr, std::variant<Result<ApiAnswer>, std::monostate> first) {
                   ended = first.index() == 1;
                   io.stop();
                 });
  io.restart();
  io.run_for(seconds(20));
  EXPECT_TRUE(ended);
  EXPECT_EQ(streamed, "abc");
  EXPECT_TRUE(get());
  EXPECT_EQ(server.connections, 2);
}

TEST_F(ApiClientTest, notices_a_peer_that_fell_silent) {
  server.answers = {{std::string(chunked) + "3\r\nabc\r\n"}};
  on_piece = [this] {
    asio::post(io, [this] {
      pass(seconds(290));  // not yet
      asio::post(io, [this] { pass(seconds(20)); });
    });
  };
  const auto silent = watch(seconds(300));
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, FailureKind::answer_timeout);
  EXPECT_EQ(streamed, "abc");
  server.instead_of_answering = [this] { asio::post(io, [this] { pass(seconds(6)); }); };
  const auto hasty = run(client().call({.path = "/x", .silence = seconds(5)}));
  ASSERT_FALSE(hasty);
  EXPECT_EQ(hasty.error().kind, FailureKind::answer_timeout);
  EXPECT_TRUE(has(client().metrics(), "gatehouse_kubernetes_requests_total{verb=\"watch\",answer=\"none\"} 1"))
      << client().metrics();
}

TEST_F(ApiClientTest, reads_the_token_file_again_once_a_minute_and_after_a_401) {
  access.token.file = folder.write("token", "one\n").string();
  server.answers = {{ok}, {ok}, {ok}, {ok}, {unauthorized}, {ok}, {unauthorized}, {unauthorized}};
  const auto token_of = [&](std::size_t request) {
    const std::string& text = server.requests.at(request);
    const auto at = text.find("Bearer ") + 7;
    return text.substr(at, text.find("\r\n", at) - at);
  };
  EXPECT_TRUE(get());
  folder.write("token", " two\n");
  EXPECT_TRUE(get());
  EXPECT_EQ(token_of(1), "one");
  clock.advance(seconds(61));
  EXPECT_TRUE(get());
  EXPECT_EQ(token_of(2), "two");

  std::filesystem::remove(folder / "token");
  clock.advance(seconds(61));
  EXPECT_TRUE(get());
  EXPECT_EQ(token_of(3), "two");  // the old one stays
  EXPECT_TRUE(has(logged.str(), "token: "));
  EXPECT_FALSE(has(logged.str(), "two"));

  folder.write("token", "three");
  EXPECT_EQ(get()->status, 200);
  EXPECT_EQ(token_of(4), "two");
  EXPECT_EQ(token_of(5), "three");

  // Once only.
  EXPECT_EQ(get()->status, 401);
  EXPECT_EQ(server.requests.size(), 8u);
}

TEST_F(ApiClientTest, a_401_without_a_file_is_not_repeated) {
  access.token.text = "abc";
  server.answers = {{unauthorized}, {ok}};
  const auto got = get();
  EXPECT_EQ(got->status, 401);
  EXPECT_EQ(got->reason, "Unauthorized");
  EXPECT_EQ(server.requests.size(), 1u);
}

TEST_F(ApiClientTest, a_stream_is_asked_for_again_with_the_new_token) {
  access.token.file = folder.write("token", "one").string();
  server.answers = {{unauthorized}, {std::string(chunked) + "3\r\nabc\r\n0\r\n\r\n"}};
  EXPECT_TRUE(watch());
  EXPECT_EQ(streamed, "abc");
}

TEST_F(ApiClientTest, asks_nothing_without_the_token_it_should_have) {
  access.token.file = (folder / "token").string();
  server.answers = {{ok}};
  const auto none = get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, FailureKind::bad_configuration);
  folder.write("token", "a\r\nX-Other: b");
  EXPECT_FALSE(get());
  EXPECT_EQ(server.connections, 0);
  folder.write("token", "fine");
  clock.advance(seconds(61));
  EXPECT_TRUE(get());
}

TEST_F(ApiClientTest, never_sends_a_token_over_plain_http_to_another_machine) {
  access.server = "http://api.example:" + std::to_string(server.port());
  access.token.text = "abc";
  const auto got = get();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, FailureKind::bad_configuration);
  EXPECT_EQ(server.connections, 0);
}

TEST_F(ApiClientTest, requests_take_turns_but_watches_and_leases_do_not) {
  limits = {.per_second = 10, .burst = 2};
  server.answers = {{ok}, {ok}, {ok}, {ok}, {ok}};
  EXPECT_TRUE(get());
  EXPECT_TRUE(get());
  EXPECT_TRUE(watch());
  EXPECT_TRUE(get("/apis/coordination.k8s.io/v1/namespaces/a/leases/b"));
  asio::co_spawn(io, client().call({.path = "/x"}), [this](std::exception_ptr, Result<ApiAnswer> got) {
    EXPECT_TRUE(got);
    io.stop();
  });
  io.restart();
  while (clock.sleepers() == 0) io.run_one();
  EXPECT_EQ(server.requests.size(), 4u);
  EXPECT_EQ(clock.next_wake(), clock.now() + milliseconds(100));
  clock.advance(milliseconds(100));
  io.run_for(seconds(20));
  EXPECT_EQ(server.requests.size(), 5u);
}

TEST(RequestRate, gives_a_burst_and_then_a_pace) {
  RequestRate rate(20, 40);
  TimePoint now = TimePoint(std::chrono::hours(1));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(rate.take(now), Duration::zero());
  EXPECT_EQ(rate.take(now), milliseconds(50));
  EXPECT_EQ(rate.take(now), milliseconds(100));
  now += seconds(1);
  EXPECT_EQ(rate.take(now), Duration::zero());
  now += std::chrono::hours(1);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(rate.take(now), Duration::zero());
  EXPECT_GT(rate.take(now), Duration::zero());
}

class ApiClientTls : public ApiClientTest {
 protected:
  using ContextPtr = std::shared_ptr<const tls::ServerContext>;

  std::unique_ptr<ScriptedServer> serve(const std::string& names, ContextPtr context = nullptr,
                                        asio::ip::address address = asio::ip::address_v4::loopback()) {
    if (!context) context = tls::make_server_context({}, nullptr).value();
    const auto certificate = tls::signed_certificate(*root, "api", names, "serverAuth");
    auto secure = std::make_unique<ScriptedServer>(io, context, certificate, address);
    secure->answers = {{ok}, {ok}, {ok}};
    access.server =
        "https://" + (address.is_v6() ? "[::1]" : address.to_string()) + ":" + std::to_string(secure->port());
    return secure;
  }

  tls::CertificatePtr root = tls::test_root("cluster");
};

TEST_F(ApiClientTls, trusts_the_given_authority_for_an_address) {
  const auto secure = serve("IP:127.0.0.1,DNS:kubernetes");
  access.ca.text = root->pem();
  access.token.text = "abc";
  const auto got = get();
  EXPECT_TRUE(got) << describe(got.error());
}

TEST_F(ApiClientTls, speaks_to_an_ipv6_address) {
  const auto secure = serve("IP:::1", nullptr, asio::ip::address_v6::loopback());
  access.ca.text = root->pem();
  const auto got = get();
  ASSERT_TRUE(got) << describe(got.error());
  EXPECT_TRUE(has(secure->requests[0], "Host: [::1]:")) << secure->requests[0];
}

TEST_F(ApiClientTls, may_expect_another_name_than_the_address) {
  const auto secure = serve("DNS:kubernetes.default.svc");
  access.ca.text = root->pem();
  access.server_name = "kubernetes.default.svc";
  EXPECT_TRUE(get());
}

TEST_F(ApiClientTls, refuses_another_address_name_or_authority) {
  for (const bool wrong_authority : {false, true}) {
    const auto secure = serve("IP:127.0.0.2,DNS:127.0.0.1");
    access.ca.text = wrong_authority ? tls::test_root("cluster")->pem() : root->pem();
    access.token.text = "abc";
    ApiClient own({io, deadlines, clock, resolve, log}, access);
    const auto got = run(own.call({.path = "/"}));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, FailureKind::upstream_tls_failed);
    EXPECT_TRUE(secure->requests.empty());
  }
}

TEST_F(ApiClientTls, accepts_anything_when_told_to) {
  const auto secure = serve("DNS:elsewhere");
  access.insecure = true;
  EXPECT_TRUE(get());
}

TEST_F(ApiClientTls, an_authority_in_the_middle_of_its_chain_will_do) {
  const auto top = tls::test_root("top");
  root = tls::test_root("middle", top.get());
  const auto secure = serve("IP:127.0.0.1");
  access.ca.text = root->pem();
  const auto got = get();
  EXPECT_TRUE(got) << describe(got.error());
}

TEST_F(ApiClientTls, reads_a_new_authority_when_the_old_one_does_not_fit) {
  const auto secure = serve("IP:127.0.0.1");
  access.ca.file = folder.write("ca.crt", tls::test_root("old")->pem()).string();
  EXPECT_FALSE(get());
  folder.write("ca.crt", root->pem());
  const auto got = get();
  EXPECT_TRUE(got) << describe(got.error());
  // What cannot be used leaves the last good in force.
  folder.write("ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  clock.advance(seconds(61));
  EXPECT_TRUE(get());
  EXPECT_TRUE(has(logged.str(), "stays in use")) << logged.str();
}

TEST_F(ApiClientTls, shows_a_client_certificate_and_its_successor) {
  const auto clients = tls::test_root("clients");
  const auto context = tls::make_server_context({}, nullptr).value();
  SSL_CTX_set_verify(context->native(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context->native()), clients->leaf());
  const auto secure = serve("IP:127.0.0.1", context);
  access.ca.text = root->pem();
  const auto wrong = tls::signed_certificate(*tls::test_root("clients"), "gate", "", "clientAuth");
  const auto right = tls::signed_certificate(*clients, "gate", "", "clientAuth");
  access.certificate.file = folder.write("client.pem", wrong->pem()).string();
  access.key.file = folder.write("client.key", wrong->key_pem()).string();
  EXPECT_FALSE(get());
  folder.write("client.pem", right->pem());
  folder.write("client.key", right->key_pem());
  clock.advance(seconds(61));
  const auto got = get();
  EXPECT_TRUE(got) << describe(got.error());
}

}  // namespace
}  // namespace gatehouse::kubernetes

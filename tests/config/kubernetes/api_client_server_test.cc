// The client against a whole API server, over real connections.
#include "config/kubernetes/api_client.h"

#include "config/kubernetes/kubeconfig.h"
#include "tests/doubles/kubernetes/api_server.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>

namespace gatehouse::kubernetes {
namespace {

using std::chrono::seconds;

constexpr const char* service =
    R"({"apiVersion":"v1","kind":"Service","metadata":{"namespace":"default","name":"web"},"spec":{"ports":[{"port":80}]}})";
const std::string services = "/api/v1/namespaces/default/services";

class ApiClientServer : public ::testing::Test {
 protected:
  fake::ApiServer& server() {
    if (!server_) server_.emplace(options);
    return *server_;
  }
  Access kubeconfig() {
    return from_kubeconfig({{(folder / "config").string(), server().kubeconfig()}}, "").access.value();
  }
  ApiClient& client() {
    if (!client_) client_.emplace(ApiClient::Ports{io, deadlines, clock, resolve, log}, kubeconfig());
    return *client_;
  }
  ApiClient& client_of(Access access) {
    client_.emplace(ApiClient::Ports{io, deadlines, clock, resolve, log}, std::move(access));
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
  Result<ApiAnswer> call(const std::string& method, const std::string& path, const std::string& body = {}) {
    return run(client().call({method, path, body}));
  }
  Result<ApiAnswer> stream(const std::string& path) {
    return run(client().stream({.path = path}, [this](std::string_view piece) {
      streamed += piece;
      return !on_piece || on_piece();
    }));
  }
  static Awaitable<Result<std::vector<asio::ip::address>>> loopback() {
    co_return std::vector<asio::ip::address>{asio::ip::address_v4::loopback()};
  }

  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock};
  TemporaryDirectory folder;
  Logger log = std::make_shared<spdlog::logger>("quiet");
  Fetcher::Resolve resolve = [](std::string) { return loopback(); };
  fake::Options options;
  std::string streamed;
  std::function<bool()> on_piece;

 private:
  std::optional<fake::ApiServer> server_;
  std::optional<ApiClient> client_;
};

TEST_F(ApiClientServer, reads_and_writes_with_a_token) {
  options = {.https = true, .tokens = {"secret"}};
  EXPECT_EQ(call("POST", services, service)->status, 201);
  const auto again = call("POST", services, service);
  EXPECT_EQ(again->status, 409);
  EXPECT_EQ(again->reason, "AlreadyExists");
  EXPECT_NE(call("GET", services)->body.find("\"web\""), std::string::npos);
  EXPECT_TRUE(call("DELETE", services + "/web")->good());
  const auto gone = call("GET", services + "/web");
  EXPECT_EQ(gone->status, 404);
  EXPECT_EQ(gone->reason, "NotFound");
  EXPECT_EQ(server().requests().front().header("authorization"), "Bearer secret");
}

TEST_F(ApiClientServer, shows_its_client_certificate) {
  options = {.https = true, .tokens = {"not ours"}};
  server();
  Access access{.server = server().url()};
  access.ca.text = server().ca_pem();
  EXPECT_EQ(run(client_of(access).call({.path = services}))->status, 401);
  access.certificate.text = server().client_certificate_pem();
  access.key.text = server().client_key_pem();
  EXPECT_TRUE(run(client_of(access).call({.path = services}))->good());
}

TEST_F(ApiClientServer, is_served_by_name_and_by_ipv6_address) {
  options = {.https = true, .ipv6 = true};
  Access access = kubeconfig();
  for (const char* host : {"localhost", "[::1]", "kubernetes.default.svc"}) {
    access.server = "https://" + std::string(host) + ":" + std::to_string(server().port());
    const auto got = run(client_of(access).call({.path = services}));
    EXPECT_TRUE(got && got->good()) << host << (got ? got->message : describe(got.error()));
  }
  access.server_name = "elsewhere";
  EXPECT_EQ(run(client_of(access).call({.path = services})).error().kind, FailureKind::upstream_tls_failed);
}

TEST_F(ApiClientServer, goes_on_when_its_token_is_replaced) {
  options.tokens = {"one"};
  Access access{.server = server().url()};
  access.token.file = folder.write("token", "one\n").string();
  client_of(access);
  EXPECT_TRUE(call("GET", services)->good());
  server().set_tokens({"two"});
  folder.write("token", "two\n");
  EXPECT_TRUE(call("GET", services)->good());
  server().set_tokens({"three"});
  EXPECT_EQ(call("GET", services)->status, 401);
}

TEST_F(ApiClientServer, streams_a_long_list_packed) {
  options.tokens = {"t"};
  for (int i = 0; i < 20; ++i)
    server().apply(R"({"apiVersion":"v1","kind":"Secret","metadata":{"namespace":"default","name":"s)" +
                   std::to_string(i) + R"("},"data":{"x":")" + std::string(100'000, 'A') + "\"}}");
  const auto got = stream("/api/v1/secrets");
  ASSERT_TRUE(got) << describe(got.error());
  EXPECT_TRUE(got->good());
  EXPECT_GT(streamed.size(), 2'000'000u);
  EXPECT_TRUE(streamed.ends_with("}") || streamed.ends_with("}\n"));
  EXPECT_EQ(server().requests().front().header("accept-encoding"), "gzip");
}

TEST_F(ApiClientServer, watches_side_by_side_until_told_to_stop) {
  int seen = 0;
  const auto ended = [&](std::exception_ptr, Result<ApiAnswer> got) {
    EXPECT_TRUE(got && got->good());
    if (++seen == 20) io.stop();
  };
  for (int i = 0; i < 20; ++i)
    asio::co_spawn(io, client().stream({.path = "/api/v1/services?watch=1"}, [](std::string_view) { return false; }),
                   ended);
  while (!server().await([](const fake::View& now) { return now.watches("services") == 20; }, Duration::zero()))
    io.run_one_for(std::chrono::milliseconds(10));
  server().apply(service);
  io.restart();
  io.run_for(seconds(20));
  EXPECT_EQ(seen, 20);
}

TEST_F(ApiClientServer, tells_a_watch_that_ended_from_one_that_was_cut) {
  server().apply(service);
  on_piece = [this] {
    server().end_watches(fake::WatchEnd::properly, "services");
    return true;
  };
  EXPECT_TRUE(stream("/api/v1/services?watch=1"));
  on_piece = [this] {
    server().end_watches(fake::WatchEnd::cut_in_an_object, "services");
    return true;
  };
  const auto cut = stream("/api/v1/services?watch=1");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, FailureKind::answer_truncated);
}

TEST_F(ApiClientServer, bears_a_server_that_misbehaves) {
  server().inject({.status = 429, .retry_after = 4});
  const auto busy = call("GET", services);
  EXPECT_EQ(busy->status, 429);
  EXPECT_EQ(busy->retry_after, seconds(4));
  server().inject({.status = 502, .body = "<html>no</html>", .content_type = "text/html"});
  EXPECT_EQ(call("GET", services)->message, "<html>no</html>");
  server().inject({.cut_after = 10});
  EXPECT_FALSE(call("GET", services));
  server().inject({.drip_bytes = 3, .drip_pause = Duration(1)});
  EXPECT_TRUE(call("GET", services)->good());
  server().inject({.lost = true});
  EXPECT_FALSE(call("POST", services, service));  // carried out, and not done twice
  EXPECT_EQ(call("POST", services, service)->reason, "AlreadyExists");
  server().stop();
  EXPECT_EQ(call("GET", services).error().kind, FailureKind::connect_failed);
  server().start();
  EXPECT_TRUE(call("GET", services)->good());
}

}  // namespace
}  // namespace gatehouse::kubernetes

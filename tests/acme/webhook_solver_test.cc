#include "acme/webhook_solver.h"

#include "tests/doubles/acme/run.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

class Webhook : public testing::Test {
 protected:
  std::unique_ptr<WebhookSolver> solver(WebhookSettings settings) {
    DnsChallengeSettings dns;
    dns.follow_aliases = false;
    dns.propagation.check = DnsPropagationSettings::Check::none;
    Post post = [this](std::string url, std::string type, std::string body, HeaderFields fields) {
      return answer(std::move(url), std::move(type), std::move(body), std::move(fields));
    };
    return std::make_unique<WebhookSolver>(clock_, dns, std::move(settings), std::move(post));
  }
  Awaitable<Result<int>> answer(std::string url, std::string type, std::string body, HeaderFields fields) {
    std::string call = url + " " + type + " " + body;
    for (const auto& [name, value] : fields) call += " " + name + ": " + value;
    calls_.push_back(std::move(call));
    co_return status_;
  }
  std::string present(WebhookSettings settings) {
    const auto shown = run_to_end(io_, clock_, solver(std::move(settings))->present(challenge_));
    return shown ? calls_.back() : shown.error().detail;
  }

  const Challenge challenge_{*HostName::parse("a.test"), "token", "key"};
  const std::string body_ =
      " application/json {\"fqdn\":\"_acme-challenge.a.test.\",\"value\":\"" + dns_answer(challenge_)->value + "\"}";
  asio::io_context io_;
  ManualClock clock_;
  Result<int> status_ = 200;
  std::vector<std::string> calls_;
};

TEST_F(Webhook, is_called_as_lego_calls_it) {
  EXPECT_EQ(present({.url = "https://dns.test/api/", .user = {}, .password = {}, .token = {}}),
            "https://dns.test/api/present" + body_);
  const WebhookSettings settings{.url = "https://dns.test/api?tenant=1", .user = {}, .password = {}, .token = {}};
  EXPECT_TRUE(run_to_end(io_, clock_, solver(settings)->clean_up(challenge_)));
  EXPECT_EQ(calls_.back(), "https://dns.test/api/cleanup?tenant=1" + body_);
}

TEST_F(Webhook, shows_who_we_are) {
  EXPECT_EQ(present({.url = "http://x", .user = "Aladdin", .password = "open sesame", .token = {}}),
            "http://x/present" + body_ + " Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617 §2
  EXPECT_EQ(present({.url = "http://x", .user = {}, .password = {}, .token = "abc"}),
            "http://x/present" + body_ + " Authorization: Bearer abc");
}

TEST_F(Webhook, any_other_status_is_a_failure) {
  const WebhookSettings settings{.url = "http://x", .user = {}, .password = {}, .token = {}};
  status_ = 204;
  EXPECT_EQ(present(settings), "http://x/present" + body_);
  status_ = 302;
  EXPECT_EQ(present(settings), "the webhook's present answered with status 302");
  status_ = Failure(FailureKind::connect_failed, "dns.test:443");
  EXPECT_EQ(present(settings), "the webhook's present failed: the upstream refused the connection: dns.test:443");
}

}  // namespace
}  // namespace gatehouse::acme

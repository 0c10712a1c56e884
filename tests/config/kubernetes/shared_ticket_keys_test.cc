#include "config/kubernetes/shared_ticket_keys.h"

#include "base/base64.h"
#include "config/kubernetes/api_client.h"
#include "tests/doubles/kubernetes/api_server.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/tls/tls_peer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;
using tls::TicketKeys;

WallTime now() { return tls::test_now(); }

auto name_of_first(const TicketKeys& keys) { return keys.current()->front().name; }

TEST(TicketKeysText, comes_back_and_is_strict) {
  const auto keys = with_new_key(with_new_key({}, now()), now() + 12h);
  const std::string text = ticket_keys_text(keys);
  const auto read = parse_ticket_keys(text).value();
  ASSERT_EQ(read.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read[i].made, keys[i].made);
    EXPECT_EQ(read[i].key.name, keys[i].key.name);
    EXPECT_EQ(read[i].key.cipher_key, keys[i].key.cipher_key);
    EXPECT_EQ(read[i].key.mac_key, keys[i].key.mac_key);
  }
  std::string many;
  for (int i = 0; i < 5; ++i) many += text.substr(0, text.find('\n') + 1);
  const std::string no_hex = std::string(text).replace(20, 1, "x"), cut = text.substr(0, text.size() - 2);
  for (const std::string& bad : {std::string(), std::string("\n"), "1767225600 aa\n" + text, "x" + text, " " + text,
                                 cut, no_hex, many, std::string("-1 ") + text, "99999999999" + text.substr(10)})
    EXPECT_FALSE(parse_ticket_keys(bad)) << bad;
}

TEST(TicketKeysText, a_key_seals_only_when_all_can_know_it) {
  auto keys = with_new_key({}, now());
  EXPECT_EQ(set_of(keys, now()).size(), 1u) << "better the only one than none";
  for (int i = 1; i <= 6; ++i) keys = with_new_key(keys, now() + 12h * i);
  EXPECT_EQ(keys.size(), most_shared_keys);
  const auto later = now() + 12h * 6;
  EXPECT_EQ(set_of(keys, later + ticket_head_start - 1s).front().name, keys[1].key.name);
  EXPECT_EQ(set_of(keys, later + ticket_head_start).front().name, keys[0].key.name);
  EXPECT_EQ(set_of(keys, later).size(), most_shared_keys) << "all open";
}

class SharedKeys : public ::testing::Test {
 protected:
  struct Replica {
    std::shared_ptr<TicketKeys> keys;
    std::shared_ptr<SharedTicketKeys> sharing;
    std::shared_ptr<const tls::ServerContext> context;
  };

  ~SharedKeys() override {
    for (const auto& replica : replicas_) replica.sharing->stop();
  }

  Replica& add() {
    if (replicas_.empty()) {
      server_.apply(R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "edge"}})");
      asio::co_spawn(io_, deadlines_.run(), asio::detached);
    }
    auto keys = std::make_shared<TicketKeys>(clock_.wall_now());
    auto sharing =
        std::make_shared<SharedTicketKeys>(ObjectName{"edge", "gatehouse-ticket-keys"}, "gatehouse",
                                           SharedTicketKeys::Ports{io_.get_executor(), clock_, client_.caller(),
                                                                   std::make_shared<spdlog::logger>("quiet"), keys});
    asio::co_spawn(io_, run(sharing), asio::detached);
    replicas_.push_back({keys, sharing, tls::make_server_context({}, keys).value()});
    settle();
    return replicas_.back();
  }
  static Awaitable<void> run(std::shared_ptr<SharedTicketKeys> sharing) { co_await sharing->run(); }

  // Until every replica sleeps.
  void settle() {
    const auto end = std::chrono::steady_clock::now() + 20s;
    io_.restart();
    while (clock_.sleepers() < replicas_.size() + 1 && std::chrono::steady_clock::now() < end)
      io_.run_one_for(std::chrono::milliseconds(20));
    while (io_.poll() > 0) io_.restart();
  }
  void pass(Duration time) {
    clock_.advance(time);
    io_.restart();
    while (io_.poll() > 0) io_.restart();
    settle();
  }
  bool all_agree() const {
    return std::all_of(replicas_.begin(), replicas_.end(), [&](const Replica& replica) {
      return name_of_first(*replica.keys) == name_of_first(*replicas_[0].keys);
    });
  }

  bool resumes(const Replica& first, const Replica& second, int version) {
    const auto certificate = tls::certificate_for({"a.example"});
    tls::ClientWishes wishes;
    wishes.max_version = version;
    wishes.session = tls::meet(first.context, tls::only(certificate), wishes).client.session;
    return tls::meet(second.context, tls::only(certificate), wishes).client.resumed;
  }

  ManualClock clock_{now()};
  asio::io_context io_;
  Deadlines deadlines_{clock_};
  fake::ApiServer server_;
  ApiClient client_{{io_, deadlines_, clock_,
                     [](std::string) -> Awaitable<Result<std::vector<asio::ip::address>>> {
                       co_return std::vector<asio::ip::address>{asio::ip::address_v4::loopback()};
                     },
                     std::make_shared<spdlog::logger>("quiet")},
                    Access{.server = server_.url()},
                    ApiLimits{.per_second = 10'000, .burst = 10'000}};
  std::deque<Replica> replicas_;
};

TEST_F(SharedKeys, sessions_are_resumed_by_the_other_replica) {
  const Replica &first = add(), &second = add();
  EXPECT_TRUE(all_agree());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_TRUE(resumes(first, second, version));
    EXPECT_TRUE(resumes(second, first, version));
  }
}

TEST_F(SharedKeys, rotate_every_twelve_hours_and_whoever_is_asked_knows_the_key) {
  const Replica &first = add(), &second = add();
  const auto name = name_of_first(*first.keys);
  std::size_t changes = 0;
  auto last = name;
  for (int minutes = 0; minutes < 40 * 60; minutes += 1) {
    pass(1min);
    ASSERT_FALSE(first.keys->rotate_if_due(clock_.wall_now())) << "that is not its own affair";
    const auto& sealing = name_of_first(*first.keys);
    const auto others = second.keys->current();
    ASSERT_TRUE(std::any_of(others->begin(), others->end(), [&](const auto& key) { return key.name == sealing; }));
    changes += sealing != last;
    last = sealing;
  }
  EXPECT_EQ(changes, 3u);
  EXPECT_TRUE(all_agree());
  EXPECT_EQ(server_.await([](const fake::View& view) { return view.count("patch", "secrets") >= 3; }), true);
  EXPECT_EQ(first.keys->current()->size(), most_shared_keys);
}

TEST_F(SharedKeys, a_secret_that_is_deleted_is_made_with_a_new_key) {
  const Replica& first = add();
  add();
  const auto name = name_of_first(*first.keys);
  ASSERT_TRUE(server_.remove("secrets/edge/gatehouse-ticket-keys"));
  pass(1min);
  pass(1min);
  EXPECT_TRUE(all_agree());
  EXPECT_NE(name_of_first(*first.keys), name);
  EXPECT_EQ(first.keys->current()->size(), 1u);
}

TEST_F(SharedKeys, what_cannot_be_read_is_left_alone_and_the_keys_go_on) {
  const Replica& first = add();
  const auto name = name_of_first(*first.keys);
  server_.patch("secrets/edge/gatehouse-ticket-keys", R"({"data": {"keys": "bm9uc2Vuc2U="}})");
  pass(1min);
  EXPECT_EQ(name_of_first(*first.keys), name);
  EXPECT_EQ(server_.object("secrets/edge/gatehouse-ticket-keys").at("data").at("keys").as_string(), "bm9uc2Vuc2U=");
}

TEST_F(SharedKeys, without_the_api_server_keys_are_made_here_after_a_day_only) {
  const Replica& first = add();
  const auto name = name_of_first(*first.keys);
  server_.forbid("*", "secrets");
  pass(1min);
  EXPECT_FALSE(first.keys->rotate_if_due(clock_.wall_now() + 23h));
  EXPECT_EQ(name_of_first(*first.keys), name);
  EXPECT_TRUE(first.keys->rotate_if_due(clock_.wall_now() + 25h));
  EXPECT_NE(name_of_first(*first.keys), name);
  EXPECT_EQ(first.keys->current()->back().name, name);
  server_.allow_all();
  pass(1min);
  EXPECT_EQ(name_of_first(*first.keys), name);
}

}  // namespace
}  // namespace gatehouse::kubernetes

// The loop over weeks of simulated time, with CAs in memory.
#include "acme/time_text.h"
#include "tests/doubles/acme/loop.h"
#include "tests/doubles/acme/scripted_ca.h"

namespace gatehouse::acme {
namespace {

using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;

TEST_F(Loop, renews_when_a_third_of_the_lifetime_is_left) {
  start();
  want({"a.test"});
  pass(minutes(1));
  ASSERT_TRUE(valid_now()) << said_.str();
  EXPECT_TRUE(counts("gatehouse_acme_orders_total{resolver=\"le\",result=\"issued\"} 1")) << renewals_->metrics();
  EXPECT_TRUE(counts("gatehouse_certificate_expiry_seconds{")) << renewals_->metrics();
  const auto first = fingerprint();
  pass(hours(24 * 56));
  EXPECT_EQ(fingerprint(), first);
  pass(hours(24 * 5));
  EXPECT_NE(fingerprint(), first);
  EXPECT_EQ(ca_.orders(), 2u);
  EXPECT_EQ(ca_.accounts(), 1u);
}

TEST_F(Loop, renews_in_the_window_the_ca_suggests_and_says_what_it_replaces) {
  start();
  want({"a.test"});
  pass(minutes(1));
  ASSERT_TRUE(valid_now()) << said_.str();
  const auto first = fingerprint();
  const auto id = obtained_[0].certificate->renewal_id();
  ca_.window = {clock_.wall_now() + hours(48), clock_.wall_now() + hours(50)};
  pass(hours(47));
  EXPECT_GT(ca_.questions(), 1u);
  EXPECT_EQ(fingerprint(), first);
  pass(hours(4));
  EXPECT_NE(fingerprint(), first) << said_.str();
  ASSERT_EQ(ca_.replaced().size(), 1u);
  EXPECT_EQ(ca_.replaced()[0], id);
}

TEST_F(Loop, a_ca_whose_windows_are_always_past_does_not_get_an_order_an_hour) {
  ca_.window = {clock_.wall_now() - hours(48), clock_.wall_now() - hours(24)};
  ca_.keeps_window = true;
  start();
  want({"a.test"});
  pass(hours(24 * 29));
  EXPECT_EQ(ca_.orders(), 2u) << "the first, and one that obeys";
  stop();
  start();
  want({"a.test"});
  pass(hours(24 * 71));
  EXPECT_TRUE(valid_now());
  EXPECT_LE(ca_.orders(), 8u);
}

TEST_F(Loop, the_old_certificate_goes_on_while_the_ca_is_ill) {
  ca_.lifetime = hours(24 * 9);
  start();
  want({"a.test"});
  pass(minutes(1));
  ASSERT_TRUE(valid_now()) << said_.str();
  const auto first = fingerprint();
  pass(hours(24 * 5));
  const std::vector<FetchResponse> ills{said(200, "<html>maintenance</html>"), said(500, ""), said(429, ""),
                                        refused(503, "serverInternal", {{"Retry-After", "7200"}})};
  for (const auto& ill : ills) {
    ca_.instead = ill;
    const auto before = ca_.requests();
    pass(hours(12));
    EXPECT_EQ(fingerprint(), first);
    EXPECT_TRUE(valid_now());
    EXPECT_LT(ca_.requests() - before, 60u);
  }
  EXPECT_TRUE(counts("gatehouse_acme_next_try_seconds{resolver=\"le\"}")) << renewals_->metrics();
  ca_.instead.reset();
  pass(hours(24));
  EXPECT_NE(fingerprint(), first) << said_.str();
  EXPECT_TRUE(valid_now());
}

TEST_F(Loop, warns_once_a_day_of_a_certificate_that_ends_soon) {
  start();
  want({"a.test"});
  pass(minutes(1));
  ASSERT_TRUE(valid_now());
  ca_.down = true;
  pass(hours(24 * 75));
  EXPECT_FALSE(says("it is not renewed yet"));
  pass(hours(24 * 3));
  const std::string all = said_.str();
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = all.find("it is not renewed yet", at)) != std::string::npos; ++at) ++lines;
  EXPECT_GE(lines, 2u);
  EXPECT_LE(lines, 3u);
}

TEST_F(Loop, another_ca_is_asked_while_the_first_is_down) {
  settings_.fallback_ca_servers = {spare_.directory_url()};
  ca_.down = true;
  start();
  want({"a.test"});
  pass(minutes(5));
  ASSERT_TRUE(valid_now()) << said_.str();
  EXPECT_EQ(spare_.orders(), 1u);
}

TEST_F(Loop, a_refused_account_stops_its_own_resolver_alone_and_is_tried_again_with_new_settings) {
  AcmeSettings other = settings_;
  other.email = "nobody@a.test";
  ca_.refuses_contact = other.email;
  start();
  renewals_->use({{"le", {{}, settings_}}, {"other", {{}, other}}});
  renewals_->want({{"other", names({"b.test"}), "test", {}}});
  pass(minutes(1));
  EXPECT_TRUE(says("resolver other: account at ")) << said_.str();
  renewals_->want({{"other", names({"b.test"}), "test", {}}, {"le", names({"a.test"}), "test", {}}});
  pass(minutes(1));
  EXPECT_EQ(obtained_.size(), 1u) << said_.str();
  const auto before = ca_.requests();
  pass(hours(12));
  EXPECT_EQ(obtained_.size(), 1u);
  EXPECT_LT(ca_.requests() - before, 60u);
  other.email = "somebody@a.test";
  renewals_->use({{"le", {{}, settings_}}, {"other", {{}, other}}});
  pass(minutes(1));
  EXPECT_EQ(obtained_.size(), 2u) << said_.str();
}

TEST_F(Loop, a_refused_account_waits_over_a_restart_unless_its_settings_are_others) {
  settings_.email = ca_.refuses_contact = "nobody@a.test";
  start();
  want({"a.test"});
  pass(hours(3));
  stop();
  const auto before = ca_.requests();
  start();
  want({"a.test"});
  pass(minutes(1));
  EXPECT_EQ(ca_.requests(), before);
  stop();
  settings_.email = "somebody@a.test";
  start();
  want({"a.test"});
  pass(minutes(1));
  EXPECT_TRUE(valid_now()) << said_.str();
}

TEST_F(Loop, back_off_survives_a_restart) {
  ca_.refuse_orders = refused(403, "rejectedIdentifier");
  start();
  want({"a.test"});
  pass(hours(3));
  const auto before = ca_.requests();
  EXPECT_TRUE(says("rejectedIdentifier")) << said_.str();
  stop();
  start();
  want({"a.test"});
  pass(minutes(10));
  EXPECT_LE(ca_.requests() - before, 8u) << "no more than the account and one try";
  EXPECT_EQ(ca_.accounts(), 1u);
  ca_.refuse_orders.reset();
  pass(hours(6));
  EXPECT_TRUE(valid_now()) << said_.str();
}

TEST_F(Loop, a_short_outage_during_many_renewals_costs_minutes) {
  std::vector<std::string> all;
  for (int i = 0; i < 8; ++i) all.push_back("h" + std::to_string(i) + ".test");
  start();
  want({"first.test"});
  pass(minutes(1));
  ASSERT_EQ(obtained_.size(), 1u) << said_.str();
  ca_.down = true;
  all.emplace_back("first.test");
  want(all);
  pass(minutes(2));
  ca_.down = false;
  pass(minutes(10));
  EXPECT_EQ(obtained_.size(), 9u) << said_.str();
}

TEST_F(Loop, a_long_outage_of_the_ca_is_not_the_fault_of_the_names) {
  start();
  want({"first.test"});
  pass(minutes(1));
  ca_.down = true;
  want({"first.test", "second.test"});
  pass(hours(36));
  ca_.down = false;
  pass(minutes(75));
  EXPECT_EQ(obtained_.size(), 2u) << said_.str();
}

TEST_F(Loop, an_order_that_never_ends_does_not_hold_up_the_others) {
  ca_.never_signs = "stuck.test";
  start();
  want({"stuck.test"});
  pass(hours(3));
  want({"stuck.test", "other.test"});
  pass(minutes(1));
  EXPECT_EQ(obtained_.size(), 1u) << said_.str();
}

TEST_F(Loop, a_ca_that_takes_no_orders_is_left_alone_as_a_whole) {
  for (const auto& ill : {said(503, "<html>busy</html>"), said(200, "<html>maintenance</html>")}) {
    std::vector<std::string> all;
    for (int i = 0; i < 20; ++i) all.push_back("h" + std::to_string(i) + ".s" + std::to_string(ill.status) + ".test");
    start();
    want({"first.test"});
    pass(minutes(1));
    ca_.refuse_orders = ill;
    const auto before = ca_.requests();
    want(all);
    pass(minutes(1));
    EXPECT_LT(ca_.requests() - before, 24u) << ill.status;
    EXPECT_TRUE(says("is left alone until")) << ill.status;
    ca_.refuse_orders.reset();
    pass(hours(3));
    EXPECT_GE(obtained_.size(), 20u) << said_.str();
    stop();
  }
}

TEST_F(Loop, what_no_ca_has_taken_does_not_use_up_their_limits) {
  settings_.fallback_ca_servers = {spare_.directory_url()};
  settings_.limits.certificates_per_domain = 5;
  settings_.reserve_percent = 0;
  ca_.refuse_orders = spare_.refuse_orders = said(200, "<html>maintenance</html>");
  start();
  want({"a.b.test", "c.b.test"});
  pass(hours(12));
  ca_.refuse_orders.reset();
  pass(hours(4));
  EXPECT_EQ(obtained_.size(), 2u) << said_.str();
}

TEST_F(Loop, whatever_url_explains_a_window_the_certificate_is_read_again) {
  ca_.window = {clock_.wall_now() + hours(24 * 50), clock_.wall_now() + hours(24 * 51)};
  ca_.explanation = "see our \xC3\xA9tat page";
  start();
  want({"a.test"});
  pass(hours(24));
  ASSERT_TRUE(valid_now());
  ASSERT_GT(ca_.questions(), 0u);
  stop();
  start();
  EXPECT_TRUE(valid_now()) << said_.str();
}

TEST_F(Loop, a_key_is_used_again_but_not_that_of_a_revoked_certificate) {
  settings_.reuse_key = true;
  start();
  want({"a.test"});
  pass(minutes(1));
  ASSERT_TRUE(valid_now()) << said_.str();
  const auto first = fingerprint(), key = key_pem();
  ask_for(OperatorRequest::Kind::renew, record("a.test"));
  const auto second = fingerprint();
  EXPECT_NE(second, first) << said_.str();
  EXPECT_EQ(key_pem(), key);
  ask_for(OperatorRequest::Kind::revoke, record("a.test"));
  EXPECT_NE(fingerprint(), second) << said_.str();
  EXPECT_NE(key_pem(), key);
}

TEST_F(Loop, a_revoked_key_is_not_used_by_the_order_that_has_begun_with_it_either) {
  settings_.reuse_key = true;
  start();
  want({"a.test"});
  pass(minutes(1));
  ASSERT_TRUE(valid_now()) << said_.str();
  const auto key = key_pem();
  ca_.refuse_orders = refused(500, "serverInternal");
  ask_for(OperatorRequest::Kind::renew, record("a.test"));
  ASSERT_EQ(held_on_disk().orders().size(), 1u);
  ASSERT_EQ(held_on_disk().orders().begin()->second.key_pem, key);
  ca_.refuse_orders.reset();
  ask_for(OperatorRequest::Kind::revoke, record("a.test"));
  EXPECT_NE(key_pem(), key) << said_.str();
}

TEST_F(Loop, a_certificate_nobody_asks_for_is_removed_after_the_time_of_grace) {
  start();
  want({"a.test"});
  pass(minutes(1));
  ASSERT_EQ(obtained_.size(), 1u);
  want({});
  pass(hours(24 * 6));
  EXPECT_EQ(obtained_.size(), 1u);
  pass(hours(24 * 2));
  EXPECT_EQ(obtained_.size(), 0u) << said_.str();
}

TEST_F(Loop, a_storage_in_use_is_served_from_and_taken_over_later) {
  start();
  want({"a.test"});
  pass(minutes(1));
  ASSERT_TRUE(valid_now());
  stop();
  obtained_.clear();
  auto other = DirectoryStorage::open(settings_.storage, DirectoryStorage::Mode::writing);
  ASSERT_TRUE(other);
  start();
  EXPECT_EQ(obtained_.size(), 1u);
  want({"a.test", "b.test"});
  pass(minutes(5));
  EXPECT_EQ(ca_.orders(), 1u);
  EXPECT_TRUE(says("is in use by")) << said_.str();
  EXPECT_TRUE(counts("gatehouse_acme_storage_usable{")) << renewals_->metrics();
  other = Failure();
  pass(minutes(2));
  EXPECT_EQ(ca_.orders(), 2u) << said_.str();
  EXPECT_EQ(obtained_.size(), 2u);
}

TEST_F(Loop, the_ledger_on_disk_forgets_what_no_limit_counts_any_more) {
  ca_.lifetime = hours(24 * 6);
  start();
  want({"a.test"});
  pass(hours(24 * 60));
  ASSERT_GT(ca_.orders(), 12u) << said_.str();
  stop();
  EXPECT_LE(held_on_disk().ledger(ca_.directory_url()).events.size(), 3u);
}

TEST_F(Loop, four_hundred_days_of_short_certificates_are_never_without_one) {
  ca_.lifetime = hours(24 * 6);
  start();
  want({"a.test"});
  pass(minutes(1));
  for (int day = 0; day < 400; ++day) {
    pass(hours(24));
    ASSERT_TRUE(valid_now()) << "day " << day;
  }
  EXPECT_GE(ca_.orders(), 100u);
  EXPECT_LE(ca_.orders(), 112u);
}

}  // namespace
}  // namespace gatehouse::acme

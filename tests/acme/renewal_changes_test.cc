// What people, disks and CAs do to the loop.
#include "base/base64.h"
#include "tests/doubles/acme/loop.h"
#include "tests/doubles/acme/scripted_ca.h"

#include <boost/json.hpp>

#include <sys/resource.h>

#include <csignal>

namespace gatehouse::acme {
namespace {

using std::chrono::hours, std::chrono::minutes;
namespace json = boost::json;

// While it lives this process can write to no file, whoever runs it.
class FullDisk {
 public:
  FullDisk() : before_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit none{0, limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    std::signal(SIGXFSZ, before_);
  }

 private:
  void (*before_)(int);
  rlimit limit_{};
};

std::string base64(const std::string& text) {
  std::string coded = base64url(text);
  std::replace(coded.begin(), coded.end(), '-', '+');
  std::replace(coded.begin(), coded.end(), '_', '/');
  while (coded.size() % 4 != 0) coded += '=';
  return coded;
}

std::string acme_json(const std::string& host, const StoredCertificate& from) {
  const json::object certificate{{"domain", {{"main", host}}},
                                 {"certificate", base64(from.chain_pem)},
                                 {"key", base64(from.key_pem)},
                                 {"Store", "default"}};
  return json::serialize(json::object{{"le", {{"Certificates", json::array{certificate}}}}});
}

class LoopMeets : public Loop {
 protected:
  void start_with(const std::vector<std::string>& hosts) {
    start();
    want(hosts);
    pass(minutes(1));
    ASSERT_EQ(obtained_.size(), hosts.size()) << said_.str();
  }
  // What the CA signs for a.test; then it signs what is asked for again.
  void expect_refused(const std::string& words) {
    const auto first = fingerprint();
    ask_for(OperatorRequest::Kind::renew, record("a.test"));
    pass(hours(24));
    EXPECT_TRUE(says(words)) << said_.str();
    EXPECT_EQ(fingerprint(), first);
    EXPECT_EQ(held_on_disk().certificates().begin()->second.held.fingerprint, first);
    EXPECT_LE(ca_.orders(), 5u) << "no more certificates for the same names than may be had in a week";
    ca_.signs_names.clear();
    ca_.signs_other_key = false;
    pass(hours(24 * 7));
    EXPECT_NE(fingerprint(), first) << said_.str();
  }
  void use(const std::map<std::string, AcmeSettings>& each) {
    std::map<std::string, ResolverSettings> resolvers;
    for (const auto& [name, settings] : each) resolvers[name].acme = settings;
    renewals_->use(resolvers);
  }
};

TEST_F(LoopMeets, an_import_that_is_served_at_once_and_saves_the_order) {
  start();
  pass(minutes(1));
  const auto theirs = stored({"a.test"}, clock_.wall_now() - hours(1), hours(24 * 90));
  ask_for(OperatorRequest::Kind::import, "1", acme_json("a.test", theirs));
  ASSERT_EQ(obtained_.size(), 1u) << said_.str();
  EXPECT_EQ(obtained_[0].certificate->key_pem(), theirs.key_pem);
  want({"a.test"});
  pass(hours(1));
  EXPECT_EQ(ca_.orders(), 0u) << said_.str();
}

TEST_F(LoopMeets, an_import_that_is_none_and_changes_nothing) {
  start_with({"a.test"});
  const auto first = fingerprint();
  ask_for(OperatorRequest::Kind::import, "2", "{\"le\": [");
  EXPECT_TRUE(says("asked for import-2: ")) << said_.str();
  EXPECT_EQ(fingerprint(), first);
}

TEST_F(LoopMeets, a_new_key_for_the_account_which_waits_for_the_order_under_way) {
  ca_.never_signs = "stuck.test";
  start();
  want({"stuck.test"});
  pass(minutes(1));
  const std::string account = account_record_name("le", ca_.directory_url());
  const std::string before = held_on_disk().account("le", ca_.directory_url()).key_pem;
  const auto left = leave_request(settings_.storage, {OperatorRequest::Kind::roll_key, account}, "").value();
  pass(minutes(2));
  EXPECT_EQ(ca_.key_changes(), 0u) << "the order shows what bears the old key";
  pass(hours(2));
  EXPECT_EQ(ca_.key_changes(), 1u) << said_.str();
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(says("has a new key"));
  const Account after = held_on_disk().account("le", ca_.directory_url());
  EXPECT_NE(after.key_pem, before);
  EXPECT_EQ(after.next_key_pem, "");
  ca_.never_signs.clear();
  pass(hours(6));
  EXPECT_TRUE(valid_now()) << said_.str();
}

TEST_F(LoopMeets, a_new_key_the_ca_refuses_and_keeps_the_old_one) {
  start();
  want({"a.test"});
  pass(minutes(1));
  const std::string before = held_on_disk().account("le", ca_.directory_url()).key_pem;
  ca_.refuses_key_changes = true;
  ask_for(OperatorRequest::Kind::roll_key, account_record_name("le", ca_.directory_url()));
  EXPECT_TRUE(says("asked for roll-key-")) << said_.str();
  want({"a.test", "b.test"});
  pass(minutes(1));
  EXPECT_EQ(obtained_.size(), 2u) << said_.str();
  EXPECT_EQ(held_on_disk().account("le", ca_.directory_url()).key_pem, before);
}

TEST_F(LoopMeets, a_ca_that_has_forgotten_the_account_whose_contact_changes) {
  start();
  want({"a.test"});
  pass(minutes(1));
  ca_.forgets_accounts = true;
  settings_.email = "somebody@a.test";
  renewals_->use({{"le", {{}, settings_}}});
  want({"a.test", "b.test"});
  pass(minutes(1));
  EXPECT_EQ(obtained_.size(), 2u) << said_.str();
  EXPECT_EQ(ca_.accounts(), 2u);
}

TEST_F(LoopMeets, a_prune_that_does_not_wait_for_the_time_of_grace) {
  start_with({"a.test", "b.test"});
  want({"b.test"});
  pass(minutes(1));
  EXPECT_EQ(obtained_.size(), 2u);
  ask_for(OperatorRequest::Kind::prune, "");
  ASSERT_EQ(obtained_.size(), 1u) << said_.str();
  EXPECT_TRUE(obtained_[0].certificate->covers("b.test"));
  EXPECT_EQ(held_on_disk().certificates().size(), 1u);
}

TEST_F(LoopMeets, settings_that_name_another_ca) {
  start_with({"a.test"});
  const auto first = fingerprint();
  settings_.ca_server = spare_.directory_url();
  use({{"le", settings_}});
  pass(minutes(1));
  EXPECT_EQ(spare_.orders(), 1u) << said_.str();
  ASSERT_EQ(obtained_.size(), 1u);
  EXPECT_NE(fingerprint(), first);
}

TEST_F(LoopMeets, settings_that_bring_a_resolver_and_take_one_away) {
  start_with({"a.test"});
  use({{"new", settings_}});
  renewals_->want({{"new", names({"b.test"}), "test", {}}});
  pass(minutes(1));
  EXPECT_EQ(ca_.orders(), 2u) << said_.str();
  use({});
  EXPECT_TRUE(obtained_.empty());
  pass(hours(24));
  EXPECT_EQ(ca_.orders(), 2u);
}

TEST_F(LoopMeets, settings_of_which_no_resolver_can_be_made_and_keeps_the_one_before) {
  start_with({"a.test"});
  AcmeSettings wrong = settings_;
  wrong.eab_kid = "kid";
  wrong.eab_hmac = "not base64!";
  use({{"le", wrong}});
  EXPECT_TRUE(says("certificatesResolvers.le.acme: ")) << said_.str();
  want({"a.test", "b.test"});
  pass(minutes(1));
  EXPECT_EQ(obtained_.size(), 2u) << said_.str();
}

TEST_F(LoopMeets, a_full_disk_with_which_nothing_is_ordered_and_the_old_goes_on) {
  start_with({"a.test"});
  {
    const FullDisk full;
    want({"a.test", "b.test"});
    pass(hours(24 * 70));
    EXPECT_EQ(ca_.orders(), 1u);
    EXPECT_EQ(obtained_.size(), 1u);
    EXPECT_TRUE(valid_now());
    EXPECT_TRUE(says("certificate for b.test: waits until ")) << said_.str();
    EXPECT_TRUE(says("File too large")) << said_.str();
    EXPECT_TRUE(counts("gatehouse_acme_next_try_seconds{resolver=\"le\"}")) << renewals_->metrics();
    stop();
    obtained_.clear();
    start();
    EXPECT_EQ(obtained_.size(), 1u) << "what is there is served from a full disk too";
    want({"a.test", "b.test"});
  }
  pass(hours(30));
  EXPECT_EQ(obtained_.size(), 2u) << said_.str();
  EXPECT_EQ(ca_.orders(), 3u);
}

TEST_F(LoopMeets, a_ca_that_signs_other_names) {
  start_with({"a.test"});
  ca_.signs_names = {"a.test", "b.test"};
  expect_refused("it is not for exactly the names that were ordered");
}

TEST_F(LoopMeets, a_ca_that_signs_another_key) {
  start_with({"a.test"});
  ca_.signs_other_key = true;
  expect_refused("the certificate is refused: ");
}

}  // namespace
}  // namespace gatehouse::acme

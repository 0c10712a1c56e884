#include "acme/secret_storage.h"

#include "acme/record_file.h"
#include "tests/doubles/acme/memory_secrets.h"
#include "tests/doubles/acme/plain_values.h"
#include "tests/doubles/acme/run.h"

#include <gtest/gtest.h>

#include <regex>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;
using kubernetes::ApiAnswer;

const SecretOwner owner{MemorySecrets::name_space, "gatehouse"};

class SecretStorageTest : public ::testing::Test {
 protected:
  std::unique_ptr<SecretStorage> open() {
    return std::make_unique<SecretStorage>(
        owner, SecretStorage::Ports{secrets_.call(), clock_, [this] { return leading_; }, {}});
  }
  template <class T>
  T wait(Awaitable<T> work) {
    return run_to_end(io_, clock_, std::move(work));
  }
  Storage::Contents load(SecretStorage& storage) { return wait(storage.load()).value(); }
  std::string only_name() { return secrets_.names("ledger").at(0); }

  static Record record(const std::string& value) {
    return {RecordKind::ledger, "ca.test-0123456789abcdef", {{"a", value}, {"b", "same"}}};
  }
  static std::string words(const Result<void>& done) { return done ? std::string() : done.error().detail; }

  asio::io_context io_;
  ManualClock clock_;
  MemorySecrets secrets_;
  bool leading_ = true;
};

TEST_F(SecretStorageTest, what_is_saved_is_loaded_by_another_replica) {
  const auto storage = open();
  ASSERT_TRUE(wait(storage->save(record("1"))));
  ASSERT_TRUE(wait(storage->save({RecordKind::order, "x", {{"bytes", std::string("\0\xff\n", 3)}}})));
  secrets_.page = 1;
  const auto other = open();
  const auto contents = load(*other);
  EXPECT_TRUE(contents.damage.empty());
  ASSERT_EQ(contents.records.size(), 2u);
  EXPECT_EQ(contents.records[0], record("1"));
  EXPECT_EQ(contents.records[1].fields.at("bytes"), std::string("\0\xff\n", 3));
  ASSERT_TRUE(wait(storage->remove(RecordKind::order, "x")));
  EXPECT_TRUE(wait(storage->remove(RecordKind::order, "x"))) << "what is gone is removed";
  EXPECT_TRUE(secrets_.names("order").empty());
}

TEST_F(SecretStorageTest, a_certificate_is_a_tls_secret_anybody_can_use) {
  const StoredCertificate certificate = stored({"a.test"}, new_year(), std::chrono::hours(24));
  ASSERT_TRUE(wait(open()->save(to_record(certificate))));
  const auto names = secrets_.names("certificate");
  ASSERT_EQ(names.size(), 1u);
  const json::object& secret = *secrets_.secret(names[0]);
  EXPECT_EQ(secret.at("type").as_string(), "kubernetes.io/tls");
  EXPECT_TRUE(secret.at("data").as_object().contains("tls.crt"));
  EXPECT_TRUE(secret.at("data").as_object().contains("tls.key"));
  EXPECT_EQ(secret.at("metadata").at("annotations").at("gatehouse.dev/names").as_string(), "a.test");
  const auto other = open();
  EXPECT_EQ(stored_certificate(load(*other).records.at(0)).value(), certificate);
}

TEST_F(SecretStorageTest, names_are_subdomains_and_differ) {
  const std::regex subdomain("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  std::set<std::string> names;
  const std::vector<std::string> records = {
      "a", "a-b", "a_b", "a.b", "a..b", "a.-b", "a-.b", "_a.b", "a-b-", "a.b..", "__", "a.b-_", std::string(200, 'x')};
  for (const auto& record : records) {
    ASSERT_TRUE(is_record_name(record)) << record;
    for (const auto kind : {RecordKind::order, RecordKind::certificate}) {
      const std::string name = secret_name(owner, kind, record);
      EXPECT_TRUE(std::regex_match(name, subdomain)) << name;
      EXPECT_LE(name.size(), 253u);
      EXPECT_TRUE(names.insert(name).second) << name;
    }
  }
}

TEST_F(SecretStorageTest, a_changed_record_replaces_all_its_fields_and_leaves_what_others_added) {
  const auto storage = open();
  ASSERT_TRUE(wait(storage->save(record("1"))));
  (*secrets_.secret(only_name())).at("metadata").at("annotations").as_object()["reflector"] = "yes";
  ASSERT_TRUE(wait(storage->save({RecordKind::ledger, record("").name, {{"c", "new"}}})));
  const auto other = open();
  EXPECT_EQ(load(*other).records.at(0).fields, (std::map<std::string, std::string>{{"c", "new"}}));
  EXPECT_TRUE(secrets_.secret(only_name())->at("metadata").at("annotations").as_object().contains("reflector"));
}

TEST_F(SecretStorageTest, who_was_overtaken_writes_no_more) {
  const auto first = open();
  ASSERT_TRUE(wait(first->save(record("1"))));
  const auto second = open();
  load(*second);
  ASSERT_TRUE(wait(second->save(record("2"))));
  EXPECT_NE(words(wait(first->save(record("3")))).find("changed by another"), std::string::npos);
  EXPECT_FALSE(first->writable());
  EXPECT_FALSE(wait(first->save({RecordKind::order, "x", {}})));
  EXPECT_FALSE(wait(first->remove(RecordKind::ledger, record("").name)));
  EXPECT_EQ(load(*second).records.at(0), record("2"));
  EXPECT_EQ(load(*second).records.size(), 1u);
}

TEST_F(SecretStorageTest, even_the_same_content_of_another_writer_overtakes) {
  const auto first = open();
  ASSERT_TRUE(wait(first->save(record("1"))));
  const auto second = open();
  load(*second);
  ASSERT_TRUE(wait(second->save(record("1"))));
  EXPECT_FALSE(wait(first->save(record("2"))));
  EXPECT_FALSE(first->writable());
}

TEST_F(SecretStorageTest, of_two_who_make_one_record_one_wins) {
  const auto first = open(), second = open();
  load(*first);
  load(*second);
  ASSERT_TRUE(wait(first->save(record("1"))));
  EXPECT_FALSE(wait(second->save(record("2"))));
  EXPECT_FALSE(second->writable());
  ASSERT_TRUE(wait(first->save(record("3"))));
}

TEST_F(SecretStorageTest, a_record_somebody_has_removed_is_not_brought_back) {
  const auto storage = open();
  ASSERT_TRUE(wait(storage->save(record("1"))));
  secrets_.drop(only_name());
  EXPECT_FALSE(wait(storage->save(record("2"))));
  EXPECT_FALSE(storage->writable());
  EXPECT_TRUE(secrets_.names("ledger").empty());
}

TEST_F(SecretStorageTest, a_removal_that_was_overtaken_removes_nothing) {
  const auto first = open();
  ASSERT_TRUE(wait(first->save(record("1"))));
  const auto second = open();
  load(*second);
  ASSERT_TRUE(wait(second->save(record("2"))));
  EXPECT_FALSE(wait(first->remove(RecordKind::ledger, record("").name)));
  EXPECT_EQ(secrets_.names("ledger").size(), 1u);
}

TEST_F(SecretStorageTest, what_others_put_beside_the_record_is_no_conflict) {
  const auto storage = open();
  ASSERT_TRUE(wait(storage->save(record("1"))));
  for (int i = 0; i < 2; ++i) {
    json::object changed = *secrets_.secret(only_name());
    changed.at("metadata").at("annotations").as_object()["other" + std::to_string(i)] = "x";
    secrets_.put(changed);
    if (i > 0) break;
    EXPECT_TRUE(wait(storage->save(record("2"))));
  }
  EXPECT_TRUE(wait(storage->remove(RecordKind::ledger, record("").name)));
  EXPECT_TRUE(storage->writable());
}

TEST_F(SecretStorageTest, lost_answers_are_found_out) {
  const auto storage = open();
  for (const char* method : {"POST", "PATCH", "DELETE"}) {
    secrets_.lose_answer(method);
    const auto done = method == std::string("DELETE") ? wait(storage->remove(RecordKind::ledger, record("").name))
                                                      : wait(storage->save(record(method)));
    EXPECT_TRUE(done) << method << ": " << words(done);
    EXPECT_TRUE(storage->writable());
  }
  EXPECT_TRUE(secrets_.names("ledger").empty());
}

TEST_F(SecretStorageTest, a_write_whose_answers_are_all_lost_is_known_at_the_next) {
  const auto storage = open();
  ASSERT_TRUE(wait(storage->save(record("1"))));
  for (unsigned i = 0; i < SecretStorage::most_tries; ++i) secrets_.lose_answer("PATCH");
  EXPECT_FALSE(wait(storage->save(record("2"))));
  EXPECT_TRUE(storage->writable());
  EXPECT_TRUE(wait(storage->save(record("3"))));
  EXPECT_TRUE(storage->writable());
}

TEST_F(SecretStorageTest, a_busy_server_is_waited_for_and_refusals_are_told_in_words) {
  const auto storage = open();
  ApiAnswer busy{429};
  busy.retry_after = std::chrono::seconds(7);
  secrets_.refuse("POST", busy);
  const TimePoint begun = clock_.now();
  ASSERT_TRUE(wait(storage->save(record("1"))));
  EXPECT_EQ(clock_.now() - begun, std::chrono::seconds(7));
  for (const auto& [status, word] : std::map<std::uint16_t, std::string>{
           {403, "not allowed (403)"}, {422, "refuses the object (422)"}, {401, "does not know us"}}) {
    secrets_.refuse("PATCH", {status, {}, "Reason", "because\nof this"});
    const std::string told = words(wait(storage->save(record("2"))));
    EXPECT_NE(told.find(word), std::string::npos) << told;
    EXPECT_NE(told.find("because\\nof this"), std::string::npos) << told;
    EXPECT_TRUE(storage->writable());
  }
  for (unsigned i = 0; i < SecretStorage::most_tries; ++i) secrets_.refuse("PATCH", {500});
  EXPECT_FALSE(wait(storage->save(record("2"))));
  EXPECT_TRUE(wait(storage->save(record("2"))));
}

TEST_F(SecretStorageTest, nothing_is_written_without_leading) {
  const auto storage = open();
  leading_ = false;
  EXPECT_FALSE(wait(storage->save(record("1"))));
  EXPECT_EQ(secrets_.count("POST"), 0u);
}

TEST_F(SecretStorageTest, leadership_lost_while_waiting_ends_the_write) {
  const auto storage = open();
  secrets_.refuse("POST", {503});
  secrets_.before = [&](const auto&) { leading_ = false; };
  EXPECT_FALSE(wait(storage->save(record("1"))));
  EXPECT_TRUE(secrets_.names("ledger").empty());
}

TEST_F(SecretStorageTest, what_is_too_large_is_not_sent) {
  const std::string told = words(wait(open()->save(record(std::string(max_secret_bytes, 'x')))));
  EXPECT_NE(told.find("larger than 1 MiB"), std::string::npos) << told;
  EXPECT_EQ(secrets_.count("POST"), 0u);
}

TEST_F(SecretStorageTest, foreign_and_damaged_secrets_are_told_and_left_alone) {
  const auto storage = open();
  ASSERT_TRUE(wait(storage->save(record("1"))));
  const std::string name = only_name();
  json::object changed = *secrets_.secret(name);
  const json::object good = changed;
  std::vector<json::object> bad(5, changed);
  bad[0].at("metadata").at("annotations").as_object().erase("gatehouse.dev/record-name");
  bad[1].at("metadata").at("annotations").as_object()["gatehouse.dev/record-name"] = "another";
  bad[2].at("metadata").at("labels").as_object()["gatehouse.dev/record"] = "nonsense";
  bad[3].at("data").as_object()["a"] = "not base64!";
  bad[4].at("metadata").at("labels").as_object()["app.kubernetes.io/instance"] = "other";
  for (const auto& object : bad) {
    secrets_.put(object);
    const auto other = open();
    const auto contents = load(*other);
    EXPECT_TRUE(contents.records.empty());
    ASSERT_EQ(contents.damage.size(), 1u);
    EXPECT_TRUE(contents.damage[0].starts_with("Secret " + name)) << contents.damage[0];
    EXPECT_NE(words(wait(other->save(record("2")))).find("left alone"), std::string::npos);
    EXPECT_TRUE(other->writable()) << "that is no other writer";
  }
  secrets_.put(good);
  const auto other = open();
  EXPECT_EQ(load(*other).records.size(), 1u);
}

TEST_F(SecretStorageTest, nonsense_instead_of_a_list_is_no_empty_list) {
  for (const char* body : {"", "[]", "<html>", "{}", R"({"metadata":{},"items":{}})", R"({"items":[]})"}) {
    secrets_.refuse("GET", {200, body});
    const auto storage = open();
    EXPECT_FALSE(wait(storage->load())) << body;
  }
  secrets_.refuse("GET", {200, R"({"metadata":{},"items":[null,7,{}, {"metadata":7}]})"});
  const auto storage = open();
  EXPECT_EQ(load(*storage).damage.size(), 4u);
}

TEST_F(SecretStorageTest, changes_somebody_has_seen_count_when_they_are_new_and_foreign) {
  const auto leader = open(), follower = open();
  load(*follower);
  ASSERT_TRUE(wait(leader->save(record("1"))));
  const auto seen = [&] { return parse_secret(owner, raw_secret(*secrets_.secret(only_name()))).value(); };
  const SeenSecret first = seen();
  EXPECT_EQ(follower->follow(first)->record, record("1"));
  EXPECT_FALSE(follower->follow(first)) << "known";
  ASSERT_TRUE(wait(leader->save(record("2"))));
  EXPECT_EQ(follower->follow(seen())->record, record("2"));
  EXPECT_FALSE(follower->follow(first)) << "an older one";
  EXPECT_FALSE(follower->follow_removal(first.name, first.resource_version));
  leader->notice(first);
  leader->notice_removal(first.name, first.resource_version);
  EXPECT_TRUE(leader->writable()) << "its own writes";
  EXPECT_EQ(follower->follow_removal(first.name, "100000")->name, record("").name);
  auto next = open();
  load(*next);
  ASSERT_TRUE(wait(next->save(record("3"))));
  leader->notice(seen());
  EXPECT_FALSE(leader->writable());
}

}  // namespace
}  // namespace gatehouse::acme

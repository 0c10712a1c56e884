#include "acme/record_coding.h"

#include "acme/record_file.h"
#include "tests/doubles/acme/plain_values.h"

#include <gtest/gtest.h>

#include <set>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

const std::string key_pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const std::string chain_pem = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";

Account some_account() {
  return {test_ca, "https://ca.test/acct/1", key_pem, key_pem, {"mailto:a@b.test", "mailto:c@d.test"}};
}

StoredCertificate some_certificate() {
  StoredCertificate certificate{"le", test_ca, names({"*.a.test", "a.test"}), chain_pem, key_pem, new_year()};
  certificate.window = RenewalWindow{new_year() + 1h, new_year() + 2h, new_year() + 3h, "https://ca.test/why"};
  certificate.unwanted_since = new_year() + 4h;
  certificate.renew_now = true;
  certificate.revoked = true;
  certificate.hurried = true;
  return certificate;
}

PendingOrder some_order() {
  return {"le", test_ca, names({"a.test"}), key_pem, "https://ca.test/order/1", "AKI.serial", new_year() + 5s};
}

Ledger some_ledger() {
  Ledger ledger{test_ca};
  note_account(ledger, new_year());
  note_order(ledger, names({"a.example.com", "b.example.org"}), OrderKind::first, new_year() + 1500ms);
  note_order(ledger, names({"*.a.test"}), OrderKind::renewal, new_year() + 2s);
  note_order(ledger, names({"a.test"}), OrderKind::ari, new_year() + 3s);
  note_failed_validation(ledger, name("*.a.test"), new_year() + 4s);
  note_failure(ledger, names({"a.test"}), "DNS says: 'no'\nreally", 1h, std::nullopt, new_year() + 1ms);
  note_failure(ledger, names({"b.test"}), "", std::nullopt, std::nullopt, new_year());
  pause(ledger, new_year() + 1h, "the CA is down", new_year());
  return ledger;
}

TEST(RecordCoding, GivesBackWhatItWasGiven) {
  EXPECT_EQ(account(to_record(some_account(), "le")).value(), some_account());
  EXPECT_EQ(account(to_record(Account{test_ca, "", key_pem, "", {}}, "le")).value(),
            (Account{test_ca, "", key_pem, "", {}}));
  EXPECT_EQ(stored_certificate(to_record(some_certificate())).value(), some_certificate());
  const StoredCertificate plain{"le", "", names({"a.test"}), chain_pem, key_pem, new_year()};
  EXPECT_EQ(stored_certificate(to_record(plain)).value(), plain);
  EXPECT_EQ(pending_order(to_record(some_order())).value(), some_order());
  EXPECT_EQ(ledger(to_record(some_ledger())).value(), some_ledger());
  EXPECT_EQ(ledger(to_record(Ledger{test_ca})).value(), Ledger{test_ca});
}

TEST(RecordCoding, KeepsOneSetUnderOneNameAndNeverTwoSetsUnderOne) {
  EXPECT_EQ(record_name("le", names({"www.a.test", "a.test"})), record_name("le", names({"a.test", "www.a.test"})));
  std::set<std::string> seen;
  const std::string deep(60, 'x'), long_host = deep + "." + deep + "." + deep + "." + deep;
  for (const auto& set :
       {names({"a.test"}), names({"*.a.test"}), names({"wildcard.a.test"}), names({"a.test", "b.test"}),
        names({"a.test", "c.test"}), names({long_host}), names({long_host, "very." + deep + ".test"})})
    for (const char* resolver : {"le", "LE", "l/e", "l e", "..", "-", "../../etc", "", "\xff\n"}) {
      const std::string record = record_name(resolver, set);
      EXPECT_TRUE(seen.insert(record).second) << record;
      EXPECT_LE(record.size(), 200u);
      EXPECT_TRUE(is_record_name(record)) << record;
    }
}

TEST(RecordCoding, MakesNamesThatAPersonRecognises) {
  EXPECT_EQ(record_name("letsencrypt", names({"*.example.com"})).substr(0, 33), "letsencrypt-wildcard.example.com-");
  EXPECT_EQ(ledger_record_name("https://acme.test:14000/dir").substr(0, 10), "acme.test-");
  EXPECT_NE(account_record_name("a", test_ca), account_record_name("b", test_ca));
  EXPECT_NE(ledger_record_name("https://acme.test/a"), ledger_record_name("https://acme.test/b"));
}

TEST(RecordCoding, NamesTheFieldThatIsWrong) {
  const auto fault = [](const char* field, std::optional<std::string> value) {
    Record record = to_record(some_certificate());
    record.name = "r";
    if (value)
      record.fields[field] = *value;
    else
      record.fields.erase(field);
    const auto back = stored_certificate(record);
    return back ? std::string("fine") : back.error().detail;
  };
  EXPECT_EQ(fault("resolver", std::nullopt), "r: field resolver is missing");
  EXPECT_EQ(fault("resolver", ""), "r: field resolver is empty");
  EXPECT_EQ(fault("ca", "https://a b"), "r: field ca has spaces or bytes that are not ASCII");
  EXPECT_EQ(fault("names", ""), "r: field names holds no names");
  EXPECT_EQ(fault("names", "a.test ../etc"), "r: field names holds a word that is no DNS name");
  EXPECT_EQ(fault("tls.crt", "hello"), "r: field tls.crt is not PEM");
  EXPECT_EQ(fault("tls.crt", chain_pem + std::string(1024 * 1024, 'x')),
            "r: field tls.crt has more than 1048576 bytes");
  EXPECT_EQ(fault("stored", "yesterday"), "r: field stored is not a time like 2026-01-31T10:20:30Z");
  EXPECT_EQ(fault("window_end", std::nullopt), "r: field window_end is missing");
  EXPECT_EQ(fault("renew_now", "no"), "r: field renew_now is not 'yes'");
  EXPECT_EQ(fault("more", "of a later version"), "fine");
  std::string many;
  for (int i = 0; i <= 100; ++i) many += "h" + std::to_string(i) + ".test ";
  many.pop_back();
  EXPECT_EQ(fault("names", many), "r: field names has more than 100 words");
}

TEST(RecordCoding, TakesNoRecordOfAnotherKind) {
  Record record = to_record(some_order());
  EXPECT_FALSE(stored_certificate(record));
  record.kind = RecordKind::ledger;
  EXPECT_FALSE(ledger(record));
}

TEST(RecordCoding, RefusesAMalformedLedger) {
  const auto refused = [](const char* field, const std::string& value) {
    Record record = to_record(some_ledger());
    record.fields[field] = value;
    return !ledger(record);
  };
  for (const char* line : {"order", "order 1", "order x 0123456789abcdef a.test", "robbery 1 - a.test",
                           "order 99999999999 0123456789abcdef a.test", "order 1 0123 a.test",
                           "order 1 0123456789abcdef ../x", "order 1 0123456789abcdef a.test more", " "})
    EXPECT_TRUE(refused("events", line)) << line;
  for (const char* line : {"0123456789abcdef", "0123456789abcdef 1 2", "0123456789abcdef -1 2 3 x", "x 1 2 3 x"})
    EXPECT_TRUE(refused("setbacks", line)) << line;
  EXPECT_TRUE(refused("paused_until", "soon"));
  EXPECT_TRUE(refused("pause_reason", std::string(1000, 'x')));
}

TEST(RecordCoding, LeavesOutTheOldestEventsOfALedgerThatASecretCouldNotHold) {
  Ledger large{test_ca};
  std::vector<HostName> many;
  for (int i = 0; i < 100; ++i) many.push_back(name("a.domain-number-" + std::to_string(i) + ".test"));
  for (int i = 0; i < 500; ++i) note_order(large, many, OrderKind::first, new_year() + std::chrono::seconds(i));
  const Record record = to_record(large);
  EXPECT_LT(record.fields.at("events").size(), 750u * 1024);
  const auto back = ledger(record);
  ASSERT_TRUE(back);
  EXPECT_LT(back->events.size(), 500u);
  EXPECT_EQ(back->events.back(), large.events.back());
}

TEST(TimeText, GoesBothWays) {
  for (const char* text :
       {"1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-12-31T10:20:30Z", "2261-12-31T23:59:59Z"})
    EXPECT_EQ(time_text(instant(text)), text);
  for (const char* text :
       {"", "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01 00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z", "2026-01-01T00:00:0xZ"})
    EXPECT_FALSE(parse_time(text)) << text;
  EXPECT_EQ(time_text(new_year() - 1ms), "2025-12-31T23:59:59Z");
}

}  // namespace
}  // namespace gatehouse::acme

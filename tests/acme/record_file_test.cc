#include "acme/record_file.h"

#include "tests/doubles/acme/plain_values.h"
#include "tls/certificate.h"
#include "tls/digest.h"

#include <gtest/gtest.h>

#include <random>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

Record record(std::map<std::string, std::string> fields) {
  return {RecordKind::ledger, "some-record", std::move(fields)};
}

std::string fault(std::string_view text) {
  const auto parsed = parse_file_text(text, RecordKind::ledger, "some-record");
  return parsed ? "none" : parsed.error().detail;
}

TEST(RecordFile, GivesBackAnyField) {
  const std::string pem = "-----BEGIN X-----\nAA\n-----END X-----\n";
  for (const std::string& value :
       {std::string(), std::string("plain"), std::string(" spaces "), std::string("a\nb"), std::string("a\n\n b\n"),
        std::string("\n"), pem, pem + "no line end", "text before\n" + pem, std::string("\0\1\r\n", 4),
        std::string("Contents: a 1\n\nx"), std::string("ü: €"), std::string(300'000, 'x')}) {
    const Record one = record({{"a", value}, {"b", "between"}, {"c", pem}, {"d", value}});
    const auto text = file_text(one);
    ASSERT_TRUE(text);
    EXPECT_EQ(parse_file_text(*text, one.kind, one.name).value(), one);
  }
  EXPECT_EQ(parse_file_text(file_text(record({})).value(), RecordKind::ledger, "some-record").value(), record({}));
}

TEST(RecordFile, OfACertificateIsPemThatOtherSoftwareReads) {
  const StoredCertificate certificate = stored({"a.test", "*.a.test"}, new_year(), 24h);
  const std::string text = file_text(to_record(certificate)).value();
  const auto read = tls::Certificate::from_pem(text, text);
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)->pem(), certificate.chain_pem);
  EXPECT_EQ((*read)->key_pem(), certificate.key_pem);
  EXPECT_LT(text.find("PRIVATE KEY"), text.find("BEGIN CERTIFICATE"));
  EXPECT_NE(text.find("\nnames: a.test *.a.test\n"), std::string::npos);
}

TEST(RecordFile, NoticesEveryChangedByteAndEveryCut) {
  const std::string text =
      file_text(record({{"a", "value"}, {"k", "-----BEGIN X-----\nAA\n-----END X-----\n"}})).value();
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_NE(fault(changed), "none") << i;
    EXPECT_NE(fault(text.substr(0, i)), "none") << i;
  }
  EXPECT_NE(fault(text + "x"), "none");
}

TEST(RecordFile, IsTakenUnderItsOwnNameAndKindOnly) {
  const std::string text = file_text(record({})).value();
  EXPECT_FALSE(parse_file_text(text, RecordKind::ledger, "another"));
  EXPECT_FALSE(parse_file_text(text, RecordKind::order, "some-record"));
}

TEST(RecordFile, RefusesWhatCouldNotBeReadBack) {
  for (const char* bad : {"", ".hidden", "-x", "a/b", "../x", "A", "a b", "ä"})
    EXPECT_FALSE(file_text({RecordKind::order, bad, {}})) << bad;
  EXPECT_FALSE(file_text({RecordKind::order, std::string(201, 'a'), {}}));
  for (const char* bad : {"", "A", "a b", "a:b", "1", "Contents"}) EXPECT_FALSE(file_text(record({{bad, "x"}}))) << bad;
  EXPECT_FALSE(file_text(record({{"a", std::string(max_record_bytes, 'x')}})));
}

// With a checksum that fits: nobody but an attacker or a bug writes such files.
TEST(RecordFile, SurvivesForgedFiles) {
  const auto forged = [](const std::string& rest) {
    const std::string all = "Record: ledger some-record\n" + rest;
    return "Checksum: sha256 " + tls::hex(tls::digest(tls::Hash::sha256, all)) + "\n" + all;
  };
  for (const char* rest : {"", "a: b\n", "Contents: \n", "Contents: \nx", "Contents: a\n\n", "Contents: a 5\n\nx",
                           "Contents: a -1\n\nx", "Contents: a 1\n\nxy", "Contents: ../a 1\n\nx", "a\nContents: \n\n",
                           "Contents: a 99999999999999999999\n\nx", "A: b\nContents: \n\n"})
    EXPECT_NE(fault(forged(rest)), "none") << rest;
  EXPECT_EQ(fault(forged("a: b\nContents: \n\n")), "none");
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string rest;
    for (unsigned n = random() % 40; n > 0; --n) rest += "Contents: a1\n x-"[random() % 16];
    fault(forged(rest));
  }
}

}  // namespace
}  // namespace gatehouse::acme

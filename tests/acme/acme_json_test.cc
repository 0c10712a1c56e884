#include "acme/acme_json.h"

#include "tests/doubles/acme/plain_values.h"
#include "tls/certificate.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <random>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

// What stands between the lines of PEM is base64 of DER.
std::string account_key() {
  std::string key = stored({"account.test"}, new_year(), 1h).key_pem;
  key = key.substr(key.find('\n'), key.find("-----END") - key.find('\n'));
  std::erase(key, '\n');
  return key;
}

std::string base64(const std::string& text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j) out += i + j > text.size() ? '=' : digits[bits >> (18 - 6 * j) & 63];
  }
  return out;
}

json::object certificate_json(const std::string& main, const std::vector<std::string>& sans,
                              const StoredCertificate& from) {
  return {{"domain", {{"main", main}, {"sans", json::value_from(sans)}}},
          {"certificate", base64(from.chain_pem)},
          {"key", base64(from.key_pem)},
          {"Store", "default"}};
}

json::object account_json() {
  return {{"Email", "ops@example.com"},
          {"Registration", {{"body", {{"status", "valid"}}}, {"uri", "https://acme.example/acct/7"}}},
          {"PrivateKey", account_key()},
          {"KeyType", "4096"}};
}

AcmeJson imported(const json::object& document) {
  return parse_acme_json(json::serialize(document), new_year() + 24h).value();
}

std::string problem(json::object certificate) {
  const AcmeJson found = imported({{"le", {{"Certificates", json::array{std::move(certificate)}}}}});
  return found.problems.size() == 1 && found.certificates.empty() ? found.problems[0] : "";
}

class AcmeJsonTest : public testing::Test {
 protected:
  static const StoredCertificate& ab() {
    static const StoredCertificate certificate = stored({"a.test", "b.test"}, new_year(), 24h * 90);
    return certificate;
  }
};

TEST_F(AcmeJsonTest, GivesAccountsAndCertificates) {
  const AcmeJson found = imported(
      {{"letsencrypt",
        {{"Account", account_json()}, {"Certificates", json::array{certificate_json("a.test", {"b.test"}, ab())}}}},
       {"unused", {{"Account", nullptr}, {"Certificates", nullptr}}}});
  EXPECT_TRUE(found.problems.empty());
  ASSERT_EQ(found.accounts.size(), 1u);
  EXPECT_EQ(found.accounts[0].resolver, "letsencrypt");
  EXPECT_EQ(found.accounts[0].account.url, "https://acme.example/acct/7");
  EXPECT_EQ(found.accounts[0].account.contact, std::vector<std::string>{"mailto:ops@example.com"});
  EXPECT_TRUE(found.accounts[0].account.key_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
  ASSERT_EQ(found.certificates.size(), 1u);
  StoredCertificate expected = ab();
  expected.resolver = "letsencrypt";
  expected.ca = "";
  expected.stored = new_year() + 24h;
  EXPECT_EQ(found.certificates[0], expected);
  EXPECT_EQ(stored_certificate(to_record(found.certificates[0])).value(), expected);
}

TEST_F(AcmeJsonTest, LeavesOutWhatCannotBeUsedAndSaysWhy) {
  const StoredCertificate other = stored({"a.test"}, new_year(), 24h * 90);
  const StoredCertificate old = stored({"a.test"}, new_year() - 24h * 90, 24h * 90);
  EXPECT_EQ(problem(certificate_json("c.test", {}, ab())),
            "le: certificate 1 (c.test) is left out: " + record_name("le", names({"c.test"})) +
                ": the certificate is not for c.test");
  EXPECT_EQ(problem(certificate_json("a.test", {}, old)),
            "le: certificate 1 (a.test) is left out: it ended 2026-01-01T00:00:00Z");
  StoredCertificate mixed = ab();
  mixed.key_pem = other.key_pem;
  EXPECT_NE(problem(certificate_json("a.test", {}, mixed)).find("does not belong"), std::string::npos);
  EXPECT_NE(problem(certificate_json("a/../b", {}, ab())).find("not a DNS name"), std::string::npos);
  EXPECT_NE(problem(certificate_json("", {}, ab())), "");
  EXPECT_NE(problem({}).find("it has no domain"), std::string::npos);
  json::object bad = certificate_json("a.test", {}, ab());
  bad["certificate"] = "!!!!";
  EXPECT_NE(problem(bad).find("its certificate is not base64"), std::string::npos);
  bad["certificate"] = 5;
  EXPECT_NE(problem(bad), "");
  EXPECT_NE(
      problem(certificate_json("a.test", std::vector<std::string>(100, "b.test"), ab())).find("more than 100 names"),
      std::string::npos);
}

TEST_F(AcmeJsonTest, OneBadEntryCostsThatEntry) {
  json::object account = account_json();
  account["PrivateKey"] = "AAAA";
  const AcmeJson found =
      imported({{"le", {{"Account", account}, {"Certificates", json::array{5, certificate_json("a.test", {}, ab())}}}},
                {"", {}},
                {"bad\nname", {}},
                {"number", 7}});
  EXPECT_TRUE(found.accounts.empty());
  EXPECT_EQ(found.certificates.size(), 1u);
  EXPECT_EQ(found.problems.size(), 5u);
  for (const auto& sentence : found.problems) EXPECT_EQ(sentence.find('\n'), std::string::npos);
}

TEST_F(AcmeJsonTest, TakesNoAccountThatWasNeverRegistered) {
  for (const char* url : {"", "http://acme.example/acct/7", "https://acme.example/\nX: y"}) {
    json::object account = account_json();
    account["Registration"] = {{"uri", url}};
    EXPECT_TRUE(imported({{"le", {{"Account", account}}}}).accounts.empty());
  }
}

TEST_F(AcmeJsonTest, RefusesOtherFiles) {
  for (const char* text : {"", "{", "[]", "5", "null", "{} {}", "\xff", "{\"Account\": {}, \"Certificates\": []}"})
    EXPECT_FALSE(parse_acme_json(text, new_year())) << text;
  EXPECT_FALSE(parse_acme_json(std::string(100'000, '['), new_year()));
  EXPECT_FALSE(parse_acme_json(std::string(max_acme_json_bytes + 1, ' '), new_year()));
  EXPECT_TRUE(parse_acme_json("{}", new_year()));
}

TEST_F(AcmeJsonTest, SurvivesDamage) {
  const std::string text = json::serialize(json::object{
      {"le",
       {{"Account", account_json()}, {"Certificates", json::array{certificate_json("a.test", {"b.test"}, ab())}}}}});
  std::mt19937 random(5);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = text;
    for (unsigned n = random() % 3 + 1; n > 0; --n) damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)parse_acme_json(damaged, new_year());
  }
}

}  // namespace
}  // namespace gatehouse::acme

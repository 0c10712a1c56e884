// What a CA may say, and what it may not: documents, problems and points in time.
#include "acme/resources.h"

#include "acme/json.h"
#include "acme/problem.h"
#include "acme/timestamp.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

const UrlRule https("https://ca.example/dir");
constexpr WallTime now = WallTime(std::chrono::seconds(1'767'225'600));  // 2026-01-01T00:00:00Z
const std::string prefix = "urn:ietf:params:acme:error:";

boost::json::object parsed(const std::string& text) { return parse_object(text).value(); }

TEST(Timestamp, reads_dates_with_zone_and_fraction) {
  EXPECT_EQ(parse_rfc3339("2026-01-01T00:00:00Z"), now);
  EXPECT_EQ(parse_rfc3339("2026-01-01t02:30:00.123456789+02:30"), now);
  EXPECT_EQ(parse_rfc3339("2025-12-31T23:00:00-01:00"), now);
  for (const char* wrong : {"", "2026-01-01", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00",
                            "2026-01-01T24:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx",
                            "9999-01-01T00:00:00Z", "x026-01-01T00:00:00Z", "2026-01-01T00:00:00+0100"})
    EXPECT_EQ(parse_rfc3339(wrong), std::nullopt) << wrong;
}

TEST(Timestamp, obeys_retry_after_in_both_forms_within_bounds) {
  using std::chrono::hours, std::chrono::seconds;
  EXPECT_EQ(parse_retry_after("120", now), now + seconds(120));
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 2026 01:00:00 GMT", now), now + hours(1));
  EXPECT_EQ(parse_retry_after("Wed, 31 Dec 2025 01:00:00 GMT", now), now);
  EXPECT_EQ(parse_retry_after("99999999999999999999", now), now + hours(24 * 31));
  EXPECT_EQ(parse_retry_after("4000000000", now), now + hours(24 * 31));
  for (const char* wrong : {"", "-1", "soon", "1.5", "12 ", "Thu, 01 Foo 2026 01:00:00 GMT"})
    EXPECT_EQ(parse_retry_after(wrong, now), std::nullopt) << wrong;
}

TEST(Json, is_bounded) {
  EXPECT_FALSE(parse_object("<html>"));
  EXPECT_FALSE(parse_object("[]"));
  EXPECT_FALSE(parse_object(""));
  EXPECT_FALSE(parse_object(R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}"));
  EXPECT_FALSE(parse_object("{\"a\":\"" + std::string(1024 * 1024, 'x') + "\"}"));
  const auto object = parsed(R"({"a":")" + std::string(10'000, 'x') + R"(","n":7,"l":["x",3,{}]})");
  EXPECT_EQ(text_at(object, "a").size(), 4096u);
  EXPECT_EQ(text_at(object, "n"), "");
  EXPECT_EQ(texts_at(object, "l"), std::vector<std::string>{"x"});
}

TEST(UrlRule, follows_https_only_unless_the_directory_is_http) {
  EXPECT_TRUE(https.check("https://other.example/x", "order"));
  for (const char* wrong : {"http://ca.example/x", "", "ftp://ca.example/", "https://u@ca.example/", "/relative",
                            "https://ca.example/\r\nX: y", "https://ca.example/#f", "https://ca.example:0/"})
    EXPECT_FALSE(https.check(wrong, "order")) << wrong;
  EXPECT_FALSE(https.check("https://ca.example/" + std::string(3000, 'x'), "order"));
  EXPECT_TRUE(UrlRule("http://127.0.0.1:1/dir").check("http://127.0.0.1:1/x", "order"));
}

constexpr const char* directory = R"({"newNonce":"https://ca.example/n","newAccount":"https://ca.example/a",
  "newOrder":"https://ca.example/o","renewalInfo":"https://ca.example/r",
  "meta":{"profiles":{"classic":"x","shortlived":"y"},"externalAccountRequired":true}})";

TEST(Resources, read_a_directory) {
  const auto read = directory_of(parsed(directory), https).value();
  EXPECT_EQ(read.new_order, "https://ca.example/o");
  EXPECT_EQ(read.renewal_info, "https://ca.example/r");
  EXPECT_EQ(read.key_change, "");
  EXPECT_EQ(read.profiles, (std::vector<std::string>{"classic", "shortlived"}));
  EXPECT_TRUE(read.external_account_required);
  EXPECT_FALSE(directory_of(parsed("{}"), https));
}

TEST(Resources, refuse_an_order_that_leads_nowhere) {
  const std::string good = R"({"status":"ready","finalize":"https://ca.example/f",
    "identifiers":[{"type":"dns","value":"a.example"}],"authorizations":["https://ca.example/1"]})";
  const auto order = order_of(parsed(good), "https://ca.example/o/1", https).value();
  EXPECT_EQ(order.status, Status::ready);
  EXPECT_EQ(order.names, std::vector<std::string>{"a.example"});
  EXPECT_FALSE(order_of(parsed(good), "", https));
  const auto without = [&](std::string text, const std::string& part, const std::string& instead) {
    text.replace(text.find(part), part.size(), instead);
    return order_of(parsed(text), "https://ca.example/o/1", https);
  };
  EXPECT_FALSE(without(good, "ready", "happy"));
  EXPECT_FALSE(without(good, "https://ca.example/f", "http://ca.example/f"));
  EXPECT_FALSE(without(good, "\"https://ca.example/1\"", ""));
  EXPECT_FALSE(without(good, "https://ca.example/1", "file:///etc"));
}

TEST(Resources, leave_out_challenges_whose_token_could_lead_elsewhere) {
  const auto text = [](const std::string& token) {
    return R"({"status":"pending","identifier":{"type":"dns","value":"A.example"},"challenges":[
      {"type":"http-01","status":"pending","url":"https://ca.example/c","token":")" +
           token + R"("}]})";
  };
  const auto good = authorization_of(parsed(text("aaaaaaaaaaaaaaaaaaaaaaaa")), "u", https).value();
  EXPECT_EQ(good.challenges.size(), 1u);
  EXPECT_EQ(good.host.text(), "a.example");
  EXPECT_TRUE(authorization_of(parsed(text("../../../../../../etc/passwd")), "u", https).value().challenges.empty());
  std::string nobody = text("x");
  nobody.replace(nobody.find("A.example"), 9, "a b");
  EXPECT_FALSE(authorization_of(parsed(nobody), "u", https));
}

TEST(Resources, read_links_of_one_relation) {
  const std::string field =
      R"(<https://ca/dir>;rel="index", <https://ca/1>;rel="alternate",<https://ca/2>; rel=alternate)";
  EXPECT_EQ(links(field, "alternate"), (std::vector<std::string>{"https://ca/1", "https://ca/2"}));
  EXPECT_TRUE(links("<", "alternate").empty());
  EXPECT_TRUE(links("<a>;rel=\"alternate-x\"", "alternate").empty());
}

TEST(Problem, tells_what_may_help) {
  const auto remedy = [](std::uint16_t status, const std::string& type) {
    return trouble_of(status, read_problem(status, R"({"type":")" + prefix + type + "\"}"), std::nullopt).remedy;
  };
  EXPECT_EQ(remedy(429, "rateLimited"), Remedy::wait);
  EXPECT_EQ(remedy(400, "accountDoesNotExist"), Remedy::new_account);
  EXPECT_EQ(remedy(403, "userActionRequired"), Remedy::person);
  EXPECT_EQ(remedy(400, "rejectedIdentifier"), Remedy::host);
  EXPECT_EQ(remedy(500, "serverInternal"), Remedy::try_again);
  EXPECT_EQ(remedy(503, "somethingNew"), Remedy::try_again);
  EXPECT_EQ(remedy(403, "somethingNew"), Remedy::person);
}

TEST(Problem, is_told_in_words_with_the_hosts_it_is_about) {
  const std::string body = R"({"type":")" + prefix + R"(rateLimited","detail":"too many\ncertificates","subproblems":[
    {"type":")" + prefix + R"(caa","detail":"forbids","identifier":{"type":"dns","value":"a.example"}}]})";
  const Trouble trouble = trouble_of(429, read_problem(429, body), now);
  EXPECT_EQ(trouble.failure.detail, "rateLimited: too many\\ncertificates; a.example: caa: forbids");
  EXPECT_EQ(trouble.hosts, std::vector<std::string>{"a.example"});
  EXPECT_EQ(trouble.not_before, now);
  EXPECT_EQ(trouble.type, "rateLimited");
}

TEST(Problem, of_something_that_is_none_is_its_status) {
  for (const std::string& body : {std::string("<html>Bad gateway</html>"), std::string(), std::string(100'000, '[')}) {
    const Trouble trouble = trouble_of(502, read_problem(502, body), std::nullopt);
    EXPECT_EQ(trouble.failure.detail, "it answers with status 502");
    EXPECT_EQ(trouble.remedy, Remedy::try_again);
  }
  const std::string huge = R"({"type":"x","detail":")" + std::string(4000, '\x7f') + "\"}";
  EXPECT_LE(words_of(read_problem(400, huge)).size(), 1000u);
}

}  // namespace
}  // namespace gatehouse::acme

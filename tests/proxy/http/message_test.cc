#include "proxy/http/message.h"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse {
namespace {

TEST(Message, fields_are_known_in_any_case) {
  const std::vector<std::pair<std::string_view, HeaderId>> names = {
      {"Host", HeaderId::host},
      {"cOnNeCtIoN", HeaderId::connection},
      {"keep-alive", HeaderId::keep_alive},
      {"Proxy-Connection", HeaderId::proxy_connection},
      {"TE", HeaderId::te},
      {"Trailer", HeaderId::trailer},
      {"TRANSFER-ENCODING", HeaderId::transfer_encoding},
      {"content-length", HeaderId::content_length},
      {"Upgrade", HeaderId::upgrade},
      {"Expect", HeaderId::expect},
      {"Date", HeaderId::date},
      {"Server", HeaderId::server},
      {"Cookie", HeaderId::cookie},
      {"Forwarded", HeaderId::forwarded},
      {"X-Forwarded-For", HeaderId::x_forwarded_for},
      {"x-forwarded-host", HeaderId::x_forwarded_host},
      {"X-Forwarded-Port", HeaderId::x_forwarded_port},
      {"X-Forwarded-Proto", HeaderId::x_forwarded_proto},
      {"X-Forwarded-Ssl", HeaderId::x_forwarded_ssl},
      {"X-Forwarded-Server", HeaderId::x_forwarded_other},
      {"X-Forwarded-Tls-Client-Cert", HeaderId::x_forwarded_other},
      {"X-Forwarded-", HeaderId::x_forwarded_other},
      {"X-REAL-IP", HeaderId::x_real_ip},
      {"X-SSL-Client-Certificate", HeaderId::client_identity},
      {"X-Original-URL", HeaderId::client_identity},
      {"X-Rewrite-Url", HeaderId::client_identity},
      {"X-Scheme", HeaderId::client_identity},
      {"X_Forwarded_For", HeaderId::ambiguous},
      {"X.Forwarded.For", HeaderId::ambiguous},
      {"Content_Length", HeaderId::ambiguous},
      {"Hosts", HeaderId::other},
      {"Hos", HeaderId::other},
      {"X-Forwarded", HeaderId::other},
      {"X-", HeaderId::other},
      {"X", HeaderId::other},
      {"Accept", HeaderId::other},
      {"Content-Lengt\xe8", HeaderId::other},
  };
  for (const auto& [name, id] : names) EXPECT_EQ(header_id(name), id) << name;
}

TEST(Message, same_name_ignores_the_case_of_letters_only) {
  EXPECT_TRUE(same_name("CHUNKED", "chunked"));
  EXPECT_FALSE(same_name("chunke", "chunked"));
  EXPECT_FALSE(same_name("chunkedd", "chunked"));
  EXPECT_FALSE(same_name("a\rb", "a-b"));  // `-` is CR with bit 5 set
  EXPECT_FALSE(same_name("[", "{"));
}

std::string elements(std::string_view list) {
  std::string joined;
  for_each_element(list, [&](std::string_view element) { joined.append("<").append(element).append(">"); });
  return joined;
}

TEST(Message, lists_have_elements_between_commas) {
  EXPECT_EQ(elements("a"), "<a>");
  EXPECT_EQ(elements("a,b"), "<a><b>");
  EXPECT_EQ(elements(" a b \t, c"), "<a b><c>");
  EXPECT_EQ(elements(",, a ,\t,"), "<a>");
  EXPECT_EQ(elements(""), "");
  EXPECT_EQ(elements(" , "), "");
}

}  // namespace
}  // namespace gatehouse

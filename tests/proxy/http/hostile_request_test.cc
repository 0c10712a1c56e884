// Requests as raw bytes and what becomes of them. Row names are those of the threat tables the project works from:
// F = framing and smuggling, H = host; each row is one input seen to split two parsers in the field.
#include "tests/proxy/http/raw_request.h"

#include <gtest/gtest.h>

#include <vector>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view row;
  std::string_view bytes;
  std::string_view outcome = bad_request;
};

using Table = std::vector<Case>;

// Fields after `POST / HTTP/1.1` and `Host: a`.
const Table field_cases = {
    {"F1", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX"},
    {"F2", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGET /x HTTP/1.1\r\n\r\n0\r\n\r\n"},
    {"F2", "Transfer-Encoding: chunked\r\nContent-Length: 30\r\n\r\n0\r\n\r\nX"},
    {"F3", "Content-Length: 5\r\nContent-Length: 10"},
    {"F3", "Content-Length: 5, 10"},
    {"F3", "Content-Length: 1\r\nContent-Length: 0"},
    {"F3", "Content-Length: 0\r\nContent-Length: 31"},
    {"F4", "Content-Length: 5\r\nContent-Length: 5"},
    {"F4", "Content-Length: 5\r\nX-Between: 1\r\ncontent-length: 5"},
    {"F4", "Content-Length: 5, 5"},
    {"F4", "Content-Length: 5, 5, 5"},
    {"F5", "Content-Length: +5"},
    {"F5", "Content-Length: -1"},
    {"F5", "Content-Length: -0"},
    {"F5", "Content-Length: -48"},
    {"F5", "Content-Length: 0x5"},
    {"F5", "Content-Length: 0o5"},
    {"F5", "Content-Length: 1_0"},
    {"F5", "Content-Length: +1_0"},
    {"F5", "Content-Length: 1 0"},
    {"F5", "Content-Length: 1Z"},
    {"F5", "Content-Length: 5x"},
    {"F5", "Content-Length: abc"},
    {"F5", "Content-Length:"},
    {"F5", "Content-Length: "},
    {"F5", "Content-Length:\r\nContent-Length: 59"},
    {"F5", "Content-Length: 5e0"},
    {"F5", "Content-Length: 5.0"},
    {"F5", "Content-Length: ,5"},
    {"F5", "Content-Length: 5,"},
    {"F5", "Content-Length: 99999999999999999999"},
    {"F5", "Content-Length: 9223372036854775808"},
    {"F5", "Content-Length: 18446744073709551616"},
    {"F5", "Content-Length: \xd9\xa5"},  // ARABIC-INDIC DIGIT FIVE
    {"F7", "Content-Length : 5"},
    {"F7", "Content-Length\t: 5"},
    {"F7", "Content-Length:  5 \t ", accepted},
    {"F8", "Transfer-Encoding: xchunked"},
    {"F8", "Transfer-Encoding: identity"},
    {"F8", "Transfer-Encoding: gzip"},
    {"F8", "Transfer-Encoding: blegh"},
    {"F8", "Transfer-Encoding:"},
    {"F8", "Transfer-Encoding: chunked;ext=val"},
    {"F8", "Transfer-Encoding: \"chunked\""},
    {"F8",
     "Transfer-Encoding: \x0b"
     "chunked"},
    {"F8",
     "Transfer-Encoding: \x0c"
     "chunked"},
    {"F8", "Transfer-Encoding: chunked\0"sv},
    {"F8",
     "Transfer-Encoding: \xa0"
     "chunked\xa0"},
    {"F8", "Transfer-Encoding: chu\tnked"},
    {"F8", "Content-Length: 5\r\nTransfer-Encoding: xchunked"},
    {"F8", "Content-Length: 5\r\nTransfer-Encoding: identity"},
    {"F8", "Content-Length: 5\r\nTransfer-Encoding:"},
    {"F8",
     "Content-Length: 5\r\nTransfer-Encoding: \x0b"
     "chunked"},
    {"F9", "Transfer-Encoding: chunked, chunked"},
    {"F9", "Transfer-Encoding: chunked, gzip"},
    {"F9", "Transfer-Encoding: chunked, gzip, chunked"},
    {"F9", "Transfer-Encoding: gzip, chunked"},
    {"F9", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"},
    {"F9", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"},
    {"F9", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"},
    {"F9", "Transfer-Encoding: ,chunked"},
    {"F9", "Transfer-Encoding: chunked,"},
    {"F10", "Transfer-Encoding : chunked"},
    {"F10", "Transfer Encoding: chunked"},
    {"F10", "X: y\rTransfer-Encoding: chunked"},
    {"F10", "Transfer-Encoding:\r\n chunked"},
    {"F10", "Te\nst: chunked"},
    {"F10", "Transfer-Encoding\x85: chunked"},
    {"F10",
     "Tran\xc5\xbf"
     "fer-Encoding: chunked"},  // U+017F, lower-cased to `s` by some
    {"F16", "X: 1\nY: 2"},
    {"F16", "X: 1\rY: 2"},
    {"F16", "X-Test: val\rue"},
    {"F16", "X: 1\r\r"},
    {"F17", "X-Test: v\r\n continued"},
    {"F17", "X-Test: v\r\n\tcontinued"},
    {"F17", "X-Test: v\r\n continued: as a field"},
    {"F18", "X-Test : v"},
    {"F18", ": v"},
    {"F18", "NoColon"},
    {"F18", "Bad[Name: v"},
    {"F18", "Bad\"Name: v"},
    {"F18",
     "X-T\xe9"
     "st: v"},
    {"F18", "X-Test: \0"sv},
    {"F18", "X-Test: a\0b"sv},
    {"F18", "X-Test: \x07"},
    {"F18",
     "X-Test: a\x0b"
     "b"},
    {"F18", "X-Test: \x7f"},
    {"F18", "X-Test: caf\xc3\xa9", accepted},  // obs-text
    {"F24", "Expect: 200-ok\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect: 100-continue, 200-ok\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect: 100-continue\r\nExpect: 200-ok\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect: y100-continue\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect: 100-continue;a=b\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect\t: 100-continue\r\nContent-Length: 5"},
    {"F24", "Expect: 100-Continue\r\nContent-Length: 5", accepted},
    {"H1", "Host: a"},
    {"H1", "host: b"},
};

// Whole heads.
const Table head_cases = {
    {"F10", "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n"},
    {"F11", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"F11", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"F16", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
    {"F16", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {"F16", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"F16", "GET / HTTP/1.1\nHost: a\n\n"},
    {"F16", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F16", "GET / HTTP/1.1\rHost: a\r\r\n\r\n"},
    {"F16", "\r\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F17", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"},
    {"F17", "GET / HTTP/1.1\r\n \r\n\r\nHost: a\r\n\r\n"},
    {"F19", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {"F19", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/01.01\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1,1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/4294967295.255\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", "version_not_supported"},
    {"F19", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version_not_supported"},
    {"F19", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", "version_not_supported"},
    {"F19", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version_not_supported"},
    {"F19", "GET /\r\n\r\n"},
    {"F19", "GET /\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", accepted},
    {"F19", "GE[T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET\" / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET( / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"F19", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", accepted},  // one leading empty line (RFC 9112 §2.2)
    {"F19", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "OPTIONS */test HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", accepted},
    {"F20", "GET admin HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET ?a=b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "method_not_supported"},
    {"F20", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "method_not_supported"},
    {"F20", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "method_not_supported"},
    {"F20", "GET /p#frag HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"F20", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {"H1", "GET / HTTP/1.0\r\nHost:\r\n\r\n"},
    {"H1", "GET / HTTP/1.0\r\n\r\n", accepted},
    {"H1", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a/path\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a\0.b\r\n\r\n"sv},
    {"H1",
     "GET / HTTP/1.1\r\nHost: \xff"
     "a\xff\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: [::1%, b]\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", accepted},
    {"H1", "GET / HTTP/1.1\r\nHost: ..\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: .a\r\n\r\n"},
    {"H2", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http://a.b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http://a/ HTTP/1.1\r\n\r\n"},
    {"H2", "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http://?x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http://a:8080/ HTTP/1.1\r\nHost: a:9090\r\n\r\n"},
    {"H2", "GET http:/a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
};

TEST(HostileRequest, fields_are_taken_or_refused) {
  for (const auto& test : field_cases) {
    const std::string head = post(test.bytes);
    EXPECT_EQ(outcome(head), test.outcome) << test.row << "\n" << head;
  }
}

TEST(HostileRequest, heads_are_taken_or_refused) {
  for (const auto& test : head_cases) EXPECT_EQ(outcome(test.bytes), test.outcome) << test.row << "\n" << test.bytes;
}

// What arrives in two pieces, cut anywhere, or byte by byte, gets the same verdict as in one.
TEST(HostileRequest, pieces_change_nothing) {
  const auto end_of = [](std::string_view bytes, std::size_t first, std::size_t step) -> std::string {
    HeadEnd end;
    for (std::size_t have = first;; have = std::min(have + step, bytes.size())) {
      const auto size = end.find(bytes.substr(0, have));
      if (!size) return std::string(row(size.error().kind).name);
      if (*size > 0 || have == bytes.size()) return std::to_string(*size);
    }
  };
  std::vector<std::string> heads;
  for (const auto& test : field_cases) heads.push_back(post(test.bytes));
  for (const auto& test : head_cases) heads.emplace_back(test.bytes);
  for (const std::string& head : heads) {
    const std::string whole = end_of(head, head.size(), 1);
    EXPECT_EQ(end_of(head, 0, 1), whole) << head;
    for (std::size_t cut = 0; cut <= head.size(); ++cut) ASSERT_EQ(end_of(head, cut, head.size()), whole) << head;
  }
}

}  // namespace
}  // namespace gatehouse

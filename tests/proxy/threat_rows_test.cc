// Each row of the tables of hostile heads and bodies (tests/proxy/http/hostile_requests.h, hostile_bodies.h), by its
// name in docs/threat_model.md, over a real connection: what the client is told, and that nothing of it reaches an
// upstream. Over HTTP/2 the same fields and targets in their own form. Each translated to HTTP/1.1 and to HTTP/2.
#include "tests/doubles/proxy/entrance.h"
#include "tests/proxy/http/hostile_bodies.h"
#include "tests/proxy/http/hostile_requests.h"

#include <gtest/gtest.h>

#include <set>

namespace gatehouse {
namespace {

// Each name once.
template <class Rows>
std::vector<std::string> rows_of(const Rows& rows) {
  std::set<std::string> names;
  for (const auto& row : rows) names.emplace(row.row);
  return {names.begin(), names.end()};
}

enum class Way { clear, tls, to_http2 };
using Param = std::tuple<std::string, Way>;
const auto ways = testing::Values(Way::clear, Way::tls, Way::to_http2);

std::string test_name(const testing::TestParamInfo<Param>& info) {
  const Way way = std::get<1>(info.param);
  return std::get<0>(info.param) + (way == Way::tls ? "_Tls" : way == Way::to_http2 ? "_ToHttp2" : "");
}

Entrance entrance_by(const Param& param, bool http2) {
  return Entrance(std::get<1>(param) == Way::tls, http2, std::get<1>(param) == Way::to_http2);
}

struct Request {
  std::string_view row;
  std::string bytes;
  std::string_view outcome = bad_request;
};

const std::vector<Request>& over_http1() {
  static const std::vector<Request> requests = [] {
    std::vector<Request> all;
    for (const auto& test : hostile::field_cases) all.push_back({test.row, post(test.bytes), test.outcome});
    for (const auto& test : hostile::head_cases) all.push_back({test.row, std::string(test.bytes), test.outcome});
    for (const auto& body : hostile::refused_bodies)
      all.push_back({body.row, post("Transfer-Encoding: chunked") + std::string(body.bytes)});
    return all;
  }();
  return requests;
}

int status_of(std::string_view outcome) {
  if (outcome == "expectation_failed") return 417;
  if (outcome == "method_not_supported") return 405;
  return outcome == "version_not_supported" ? 505 : 400;
}

struct OverHttp1 : testing::TestWithParam<Param> {
  Entrance entrance = entrance_by(GetParam(), false);
};

TEST_P(OverHttp1, Answers) {
  int forwarded = 0;
  for (const auto& request : over_http1()) {
    if (request.row != std::get<0>(GetParam())) continue;
    SCOPED_TRACE(request.bytes);
    const auto client = entrance.connect();
    client->send(request.bytes);
    if (request.outcome == accepted) client->send("hello");
    const Message answer = client->read_message();
    if (request.outcome == accepted) {
      EXPECT_EQ(answer.status(), 200);
      ++forwarded;
    } else {
      EXPECT_EQ(answer.status(), status_of(request.outcome));
      EXPECT_EQ(answer.field("connection"), "close");
      EXPECT_EQ(client->read_to_end(), "");
    }
    EXPECT_EQ(entrance.requests(), forwarded);
  }
}

INSTANTIATE_TEST_SUITE_P(Threats, OverHttp1, testing::Combine(testing::ValuesIn(rows_of(over_http1())), ways),
                         test_name);

// What a line of HTTP/1 says, as HTTP/2 has it: without the space that belongs to the form, in lower case but for what
// the row is about.
std::string as_field(std::string_view line) {
  const auto colon = std::min(line.find(':'), line.size());
  std::string name(line.substr(0, colon));
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return h2::field(name, value);
}

// A line ends where the next one is not its continuation.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t from = 0;;) {
    const auto end = text.find("\r\n", from);
    if (end != text.npos && (text.substr(end + 2).starts_with(' ') || text.substr(end + 2).starts_with('\t'))) {
      from = end + 2;
      continue;
    }
    lines.push_back(text.substr(0, end));
    if (end == text.npos) return lines;
    text.remove_prefix(end + 2);
    from = 0;
  }
}

std::string block_of_fields(std::string_view fields) {
  std::string block = h2::request("POST", "/");
  for (const std::string_view line : lines_of(fields.substr(0, fields.find("\r\n\r\n")))) block += as_field(line);
  return block;
}

// Of "METHOD TARGET HTTP/1.1", the fields after it, and a Host that stands for the authority.
std::string block_of_head(std::string_view head) {
  const auto lines = lines_of(head.substr(0, head.find("\r\n\r\n")));
  const std::string_view line = lines.front();
  const auto first = line.find(' '), last = line.rfind(' ');
  std::string block = h2::field(":method", line.substr(0, first)) + h2::field(":scheme", "http") +
                      h2::field(":path", line.substr(first + 1, last - first - 1));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const bool host = lines[i].starts_with("Host: ");
    block += host ? h2::field(":authority", lines[i].substr(6)) : as_field(lines[i]);
  }
  return block;
}

struct Block {
  std::string_view row;
  std::string bytes;
};

// The refused ones that HTTP/2 can say at all: versions and line ends between fields it has none.
const std::vector<Block>& over_http2() {
  static const std::vector<Block> blocks = [] {
    std::vector<Block> all;
    for (const auto& test : hostile::field_cases)
      if (test.outcome != accepted && test.bytes != "NoColon" && test.row != "H1")
        all.push_back({test.row, block_of_fields(test.bytes)});
    for (const auto& test : hostile::head_cases)
      if (test.outcome != accepted && (test.row == "F20" || test.row.starts_with("H")) &&
          test.bytes.find(" HTTP/1.1\r\n") != test.bytes.npos)
        all.push_back({test.row, block_of_head(test.bytes)});
    return all;
  }();
  return blocks;
}

struct OverHttp2 : testing::TestWithParam<Param> {
  Entrance entrance = entrance_by(GetParam(), true);
};

TEST_P(OverHttp2, RefusesItAlone) {
  h2::Client client = entrance.connect_http2();
  std::uint32_t stream = 1;
  int good = 0;
  for (const auto& block : over_http2()) {
    if (block.row != std::get<0>(GetParam())) continue;
    SCOPED_TRACE(block.bytes);
    client.send(h2::frame(h2::headers, h2::end_headers | h2::end_stream, stream, block.bytes));
    client.send(h2::get(stream + 2));
    EXPECT_EQ(client.answer(stream + 2).body, "fine");
    const h2::Answer& answer = client.answer(stream);
    EXPECT_TRUE(answer.status / 100 == 4 || answer.reset == h2::protocol_error) << answer.status << answer.reset;
    EXPECT_EQ(entrance.requests(), ++good);
    stream += 4;
  }
}

INSTANTIATE_TEST_SUITE_P(Threats, OverHttp2, testing::Combine(testing::ValuesIn(rows_of(over_http2())), ways),
                         test_name);

}  // namespace
}  // namespace gatehouse

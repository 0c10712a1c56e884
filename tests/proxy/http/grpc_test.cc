#include "proxy/http/grpc.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

RequestHead of_type(std::string_view type) {
  RequestHead request;
  request.method = "POST";
  request.fields.push_back({"Content-Type", type, HeaderId::other});
  return request;
}

TEST(GrpcRefusal, grpc_is_known_by_its_content_type) {
  for (const std::string_view type : {"application/grpc", "application/grpc+proto", "application/GRPC;charset=x",
                                      "application/grpc-web", "application/grpc-web-text+proto"})
    EXPECT_TRUE(asks_for_grpc(of_type(type))) << type;
  for (const std::string_view type : {"", "application/json", "application/grpcx", "text/application/grpc"})
    EXPECT_FALSE(asks_for_grpc(of_type(type))) << type;
  EXPECT_FALSE(asks_for_grpc(RequestHead{}));
  RequestHead get = of_type("application/grpc");
  get.method = "GET";
  EXPECT_FALSE(asks_for_grpc(get)) << "a cache could keep the answer";
}

TEST(GrpcRefusal, every_failure_has_a_status) {
  for (int i = 0; i <= static_cast<int>(FailureKind::internal); ++i) {
    const RequestHead request = of_type("application/grpc");
    const auto fields = grpc_refusal(request, row(static_cast<FailureKind>(i)));
    ASSERT_EQ(fields.size(), 3u);
    EXPECT_EQ(fields[0].value, "application/grpc");
    EXPECT_FALSE(fields[1].value == "0") << i;
    // Else it would have to be percent-encoded.
    for (const char c : fields[2].value) EXPECT_TRUE(c >= ' ' && c <= '~' && c != '%') << fields[2].value;
  }
}

TEST(GrpcRefusal, statuses_are_mapped) {
  EXPECT_EQ(grpc_status(400), 13);
  EXPECT_EQ(grpc_status(401), 16);
  EXPECT_EQ(grpc_status(403), 7);
  EXPECT_EQ(grpc_status(404), 12);
  for (const std::uint16_t unavailable : {429, 502, 503, 504}) EXPECT_EQ(grpc_status(unavailable), 14);
  EXPECT_EQ(grpc_status(418), 2);
}

TEST(GrpcStatus, is_read_where_it_is_a_number) {
  const auto told = [](std::string_view value) {
    const HeaderField fields[] = {{"x", "1"}, {"Grpc-Status", value}};
    return told_grpc_status(fields);
  };
  EXPECT_EQ(told("0"), 0);
  EXPECT_EQ(told("16"), 16);
  EXPECT_EQ(told("999"), 999);
  for (const auto value : {"", "-1", "1000", "65536", "5 ", "0x5", "OK"}) EXPECT_EQ(told(value), std::nullopt) << value;
  EXPECT_EQ(told_grpc_status({}), std::nullopt);
}

TEST(GrpcStatus, of_a_call_is_what_its_client_makes_of_the_answer) {
  const HeaderField five[] = {{"grpc-status", "5"}}, six[] = {{"grpc-status", "6"}}, odd[] = {{"grpc-status", "odd"}};
  const RequestHead call = of_type("application/grpc+proto");
  EXPECT_EQ(outcome_of_call(call, 200, {}, five), 5);
  EXPECT_EQ(outcome_of_call(call, 200, six, {}), 6);
  EXPECT_EQ(outcome_of_call(call, 200, six, five), 5);
  EXPECT_EQ(outcome_of_call(call, 503, six, {}), 6);
  EXPECT_EQ(outcome_of_call(call, 503, {}, {}), 14);
  EXPECT_EQ(outcome_of_call(call, 200, {}, {}), 2);
  EXPECT_EQ(outcome_of_call(call, 200, {}, odd), 2);
  for (const auto type : {"application/grpc-web", "application/grpc-web-text+proto", "text/html"})
    EXPECT_EQ(outcome_of_call(of_type(type), 200, six, five), std::nullopt) << type;
}

}  // namespace
}  // namespace gatehouse

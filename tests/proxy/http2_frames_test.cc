// Frames and field blocks that RFC 9113 and RFC 7541 forbid, with their bytes: the connection ends with the error that
// they name. A5 and so on are names of docs/threat_model.md.
#include "tests/doubles/proxy/http2_peer.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace h2;
using namespace std::string_literals;

constexpr std::uint8_t whole = end_headers | end_stream;

struct Row {
  std::string name, bytes;
  std::uint32_t error;
};

Row block(const std::string& name, const std::string& bytes) {
  return {"A5_" + name, frame(headers, whole, 1, bytes), compression_error};
}

std::string head(std::uint32_t stream) { return frame(headers, whole, stream, h2::request("GET", "/")); }

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      // RFC 7541
      block("ATableLargerThanAllowed", "\x3f\xe2\x1f" + h2::request("GET", "/")),
      block("ATableSizeAfterAField", h2::request("GET", "/") + "\x20"),
      block("IndexZero", "\x80"),
      block("AnIndexOutOfTheTable", "\xbe"),
      block("AnIndexFarOutOfTheTable", "\xff\x80\x01"),
      block("AnIntegerThatOverflows", "\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
      block("TheEndOfStringSymbol", "\0\x84\xff\xff\xff\xff\1x"s),
      block("PaddingOfMoreThanSevenBits", "\0\x82\x1f\xff\1x"s),
      block("PaddingThatIsNoPadding", "\0\x81\x18\1x"s),
      block("AStringThatIsCutShort", "\0\x20xx"s),
      // streams
      {"A10_AnEvenStream", head(2), protocol_error},
      {"A10_StreamZero", head(0), protocol_error},
      {"A10_AStreamThatWasPassedOver", head(5) + head(3), stream_closed},
      {"A10_TheLastStreamAndOneMore", head(0x7fffffff) + head(1), stream_closed},
      {"A10_DataBeforeAHead", frame(data, 0, 1, "x"), protocol_error},
      {"A10_AResetBeforeAHead", h2::reset(1), protocol_error},
      {"A10_AWindowBeforeAHead", open_window(1, 1), protocol_error},
      {"A10_AStreamThatDependsOnItself",
       frame(headers, whole | with_priority, 1, number(1u) + "\x10" + h2::request("GET", "/")), protocol_error},
      // sizes
      {"A11_AFrameLargerThanAllowed", frame(headers, whole, 1, std::string(16385, 'x')), frame_size_error},
      {"A11_PaddingAsLargeAsTheFrame", frame(headers, whole | padded, 1, "\x05xxxx"), protocol_error},
      {"A11_APingOfSevenBytes", frame(ping, 0, 0, "1234567"), frame_size_error},
      {"A11_AResetOfThreeBytes", head(1) + frame(rst_stream, 0, 1, "123"), frame_size_error},
      {"A11_AWindowOfThreeBytes", frame(window_update, 0, 0, "123"), frame_size_error},
      {"A11_SettingsOfFiveBytes", frame(settings, 0, 0, "12345"), frame_size_error},
      {"A11_AnAcknowledgementWithEntries", frame(settings, ack, 0, setting(4, 1)), frame_size_error},
      {"A11_SettingsOfAStream", frame(settings, 0, 1), protocol_error},
      {"A11_APingOfAStream", frame(ping, 0, 1, "12345678"), protocol_error},
      {"A11_AGoodbyeOfAStream", frame(goaway, 0, 1, number(0u) + number(0u)), protocol_error},
      {"A11_AContinuationOfNothing", frame(continuation, end_headers, 1), protocol_error},
      {"A11_AFrameWithinAHead", frame(headers, 0, 1, h2::request("GET", "/")) + frame(ping, 0, 0, "12345678"),
       protocol_error},
      {"A11_AHeadContinuedOnAnotherStream",
       frame(headers, 0, 1, h2::request("GET", "/")) + frame(continuation, end_headers, 3), protocol_error},
      {"A11_APromise", head(1) + frame(push_promise, end_headers, 1, number(2u)), protocol_error},
      // windows and settings
      {"A8_AWindowOfTheConnectionOpenedByZero", open_window(0, 0), protocol_error},
      {"A8_AWindowOfTheConnectionThatOverflows", open_window(0, 0x7fffffff), flow_control_error},
      {"A8_AnInitialWindowTooLarge", frame(settings, 0, 0, setting(4, 0x80000000)), flow_control_error},
      {"A6_AFrameSizeTooSmall", frame(settings, 0, 0, setting(5, 16383)), protocol_error},
      {"A6_AFrameSizeTooLarge", frame(settings, 0, 0, setting(5, 1 << 24)), protocol_error},
      {"A6_APushThatIsNoSwitch", frame(settings, 0, 0, setting(2, 2)), protocol_error},
  };
  return all;
}

struct Http2Frames : testing::TestWithParam<std::size_t> {
  AnsweringUpstream upstream{"fine"};
  TestProxy proxy{cleartext({to(service({upstream.endpoint()}))})};
  Client client{proxy};
};

TEST_P(Http2Frames, EndTheConnectionWithTheirError) {
  const Row& row = rows()[GetParam()];
  client.send(row.bytes);
  EXPECT_EQ(client.goaway_error(), row.error);
  EXPECT_EQ(client.await(goaway).type, end_of_connection);
  EXPECT_EQ(proxy.await_metric(refusals("protocol_error"), 1), 1);
}

INSTANTIATE_TEST_SUITE_P(Threats, Http2Frames, testing::Range(std::size_t{0}, rows().size()),
                         [](const auto& test) { return rows()[test.param].name; });

// Data beyond what a window allows is an offence, and nothing beyond it is kept.
TEST(Threats, A8_DataBeyondTheWindow) {
  Upstream silent;
  TestProxy proxy{cleartext({to(service({silent.endpoint()}))})};
  Client client{proxy};
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/")));
  RawPeer connection = silent.accept();
  for (int i = 0; i < 2000; ++i) client.send(frame(data, 0, 1, std::string(16384, 'x')));
  Frame got = client.next();
  while (got.type != rst_stream && got.type != goaway && got.type != end_of_connection) got = client.next();
  EXPECT_TRUE(got.type == rst_stream || got.type == goaway);
}

}  // namespace
}  // namespace gatehouse

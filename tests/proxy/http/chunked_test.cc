// The chunked coding as raw bytes: rows F12-F15 of the threat table, any cut, and round trips.
#include "proxy/http/chunked.h"

#include "tests/proxy/http/hostile_bodies.h"

#include <gtest/gtest.h>

#include <random>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;
using hostile::refused_bodies;

struct Decoded {
  std::string payload;
  std::string verdict = "incomplete";  // or "ended", "refused"
  std::string left;                    // what follows the end
  std::vector<std::pair<std::string, std::string>> trailers;

  bool operator==(const Decoded&) const = default;
};

// Decodes bytes that arrive `first` at once, then `step` at a time.
Decoded decode(std::string_view bytes, std::size_t first, std::size_t step) {
  ChunkedDecoder decoder;
  Decoded decoded;
  std::size_t consumed = 0;
  for (std::size_t have = std::min(first, bytes.size());; have = std::min(have + step, bytes.size())) {
    while (true) {
      const auto taken = decoder.next(bytes.substr(consumed, have - consumed));
      if (!taken) {
        EXPECT_EQ(taken.error().kind, FailureKind::bad_request);
        decoded.verdict = "refused";
        return decoded;
      }
      EXPECT_LE(taken->consumed, have - consumed);
      decoded.payload += taken->payload;
      consumed += taken->consumed;
      if (taken->ended) {
        decoded.verdict = "ended";
        decoded.left = bytes.substr(consumed);
        for (const auto& field : decoder.trailers()) decoded.trailers.emplace_back(field.name, field.value);
        return decoded;
      }
      if (taken->consumed == 0) break;
    }
    if (have == bytes.size()) return decoded;
  }
}

Decoded decode(std::string_view bytes) { return decode(bytes, bytes.size(), 1); }

TEST(Chunked, malformed_bodies_are_refused) {
  for (const auto& [row, body] : refused_bodies) EXPECT_EQ(decode(body).verdict, "refused") << row << body;
}

TEST(Chunked, good_bodies_are_decoded) {
  struct Good {
    std::string_view bytes, payload;
  };
  for (const auto& [bytes, payload] : std::vector<Good>{
           {"0\r\n\r\n", ""},
           {"5\r\nhello\r\n0\r\n\r\n", "hello"},
           {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
           {"0000000000000005\r\nhello\r\n0000\r\n\r\n", "hello"},
           {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
           {"5;ext=value\r\nhello\r\n0;last\r\n\r\n", "hello"},
           {"5;a;b=\"c\"\r\nhello\r\n0\r\n\r\n", "hello"},
           {"7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n"},
       }) {
    const Decoded decoded = decode(bytes);
    EXPECT_EQ(decoded.verdict, "ended") << bytes;
    EXPECT_EQ(decoded.payload, payload) << bytes;
    EXPECT_EQ(decoded.left, "") << bytes;
  }
}

TEST(Chunked, what_follows_the_end_is_left) {
  EXPECT_EQ(decode("5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n").left, "GET / HTTP/1.1\r\n");
  EXPECT_EQ(decode("0\r\nX: 1\r\n\r\n\r\n").left, "\r\n");
}

TEST(Chunked, an_end_that_has_not_come_is_not_an_end) {
  constexpr auto body = "5\r\nhello\r\n0\r\nX: 1\r\n\r\n"sv;
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_EQ(decode(body.substr(0, size)).verdict, "incomplete") << size;
}

// Whatever the pieces: the same verdict, payload, trailers and rest.
TEST(Chunked, pieces_change_nothing) {
  std::vector<std::string_view> bodies = {"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\nrest",
                                          "1\r\na\r\n0\r\nX-Checksum: abc\r\nB: \r\n\r\nGET /", "5\r\nhel"};
  for (const auto& refused : refused_bodies) bodies.push_back(refused.bytes);
  for (const auto body : bodies) {
    const Decoded whole = decode(body);
    EXPECT_EQ(decode(body, 0, 1), whole) << body;
    for (std::size_t cut = 0; cut <= body.size(); ++cut)
      ASSERT_EQ(decode(body, cut, body.size()), whole) << body << cut;
  }
}

TEST(Chunked, trailers_are_read) {
  const Decoded decoded = decode("0\r\nX-Checksum: abc\r\ngrpc-status:0\r\n\r\n");
  EXPECT_EQ(decoded.trailers, (decltype(decoded.trailers){{"X-Checksum", "abc"}, {"grpc-status", "0"}}));
}

TEST(Chunked, trailers_have_limits) {
  const auto trailers = [](std::size_t fields, std::size_t size) {
    std::string body = "0\r\n";
    for (std::size_t i = 0; i < fields; ++i) body += "X: " + std::string(size, 'v') + "\r\n";
    return body + "\r\n";
  };
  EXPECT_EQ(decode(trailers(128, 10)).verdict, "ended");
  EXPECT_EQ(decode(trailers(129, 10)).verdict, "refused");
  EXPECT_EQ(decode(trailers(1, 16'000)).verdict, "ended");
  EXPECT_EQ(decode(trailers(1, 16 * 1024)).verdict, "refused");
  EXPECT_EQ(decode(trailers(100, 200)).verdict, "refused");
  // Endless ones are refused without an end in sight.
  EXPECT_EQ(decode("0\r\nX: " + std::string(17'000, 'v')).verdict, "refused");
}

TEST(Chunked, extensions_have_limits) {
  const auto body = [](std::size_t chunks, std::size_t extension) {
    std::string bytes;
    for (std::size_t i = 0; i < chunks; ++i) bytes += "1;" + std::string(extension, 'x') + "\r\na\r\n";
    return bytes + "0\r\n\r\n";
  };
  EXPECT_EQ(decode(body(1, 200)).verdict, "ended");
  EXPECT_EQ(decode(body(1, 256)).verdict, "refused");
  EXPECT_EQ(decode(body(1, 64 * 1024)).verdict, "refused");
  EXPECT_EQ(decode("1;" + std::string(300, 'x')).verdict, "refused");
  EXPECT_EQ(decode(body(60, 200)).verdict, "ended");
  EXPECT_EQ(decode(body(100, 200)).verdict, "refused");
  EXPECT_EQ(decode(body(10'000, 1)).verdict, "refused");
  EXPECT_EQ(decode("1\r\na\r\n0;" + std::string(300, 'x') + "\r\n\r\n").verdict, "refused");
}

TEST(Chunked, a_chunk_of_any_size_is_a_stream) {
  ChunkedDecoder decoder;
  const auto size = decoder.next("7fffffffffffffff\r\nab");
  ASSERT_TRUE(size);
  EXPECT_EQ(size->payload, "ab");
  EXPECT_EQ(decoder.chunk_left(), INT64_MAX - 2u);
  const std::string more(100'000, 'x');
  EXPECT_EQ(decoder.next(more)->payload.size(), more.size());
}

TEST(Chunked, size_lines_are_hexadecimal) {
  EXPECT_EQ(ChunkSizeLine(0).text(), "0\r\n");
  EXPECT_EQ(ChunkSizeLine(0x1a2b).text(), "1a2b\r\n");
  EXPECT_EQ(ChunkSizeLine(~std::size_t{0}).text(), "ffffffffffffffff\r\n");
}

// Encodes in random chunks, decodes in random pieces.
TEST(Chunked, round_trips) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto up_to = [&](std::size_t most) { return 1 + random() % most; };
    std::string payload, encoded;
    for (std::size_t chunks = random() % 20; chunks > 0; --chunks) {
      std::string chunk(up_to(seed % 2 == 0 ? 5000 : 20), '\0');
      for (char& byte : chunk) byte = static_cast<char>(random());
      payload += chunk;
      encoded.append(ChunkSizeLine(chunk.size()).text()).append(chunk).append("\r\n");
    }
    encoded += "0\r\nX-Seed: " + std::to_string(seed) + "\r\n\r\n";
    const Decoded decoded = decode(encoded + "next", up_to(100), up_to(1000));
    ASSERT_EQ(decoded.verdict, "ended") << seed;
    ASSERT_TRUE(decoded.payload == payload) << seed;
    EXPECT_EQ(decoded.left, "next");
    ASSERT_EQ(decoded.trailers.size(), 1u);
    EXPECT_EQ(decoded.trailers[0].second, std::to_string(seed));
  }
}

// F15: what frames, routes, authenticates or names the client does not pass as a trailer.
TEST(Chunked, dangerous_trailers_do_not_pass) {
  const auto passes = [](std::string_view name) { return trailer_may_pass({name, "1", header_id(name)}); };
  for (const auto name :
       {"Content-Length", "Transfer-Encoding", "Transfer_Encoding", "Host", "Authorization", "Content-Type",
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Cookie", "Set-Cookie", "Connection",
        "Upgrade", "TE", "Trailer", "Expect", "Content-Encoding", "X-SSL-Client-Certificate"})
    EXPECT_FALSE(passes(name)) << name;
  for (const auto name : {"X-Checksum", "grpc-status", "grpc-message", "Content-MD5", "Server-Timing", "Digest"})
    EXPECT_TRUE(passes(name)) << name;
}

}  // namespace
}  // namespace gatehouse

#include "tls/tls_stream.h"

#include "tests/doubles/tls/tls_peer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <thread>

namespace gatehouse::tls {
namespace {

const error_code truncated = boost::system::errc::make_error_code(boost::system::errc::connection_aborted);

std::string pattern(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

// Runs both halves over TLS 1.3, then over 1.2.
void both_versions(const Serve& serve, const Drive& drive) {
  const auto certificate = certificate_for({"a.example"});
  const auto keys = std::make_shared<TicketKeys>(test_now());
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    ClientWishes wishes;
    wishes.max_version = version;
    const Met met = meet(make_server_context({}, keys).value(), only(certificate), wishes, serve, drive);
    EXPECT_TRUE(met.server) << met.server.error().detail;
  }
}

// One read of at most `count` bytes; an error as its words.
Awaitable<std::string> receive(Stream& stream, std::size_t count) {
  std::string bytes(count, '\0');
  const auto n = co_await stream.read_some(asio::buffer(bytes));
  if (!n) co_return n.error().message();
  bytes.resize(*n);
  co_return bytes;
}

// Until the end, or an error into `error`.
Awaitable<std::string> receive_all(Stream& stream, error_code& error) {
  std::string all, piece(40'000, '\0');
  for (;;) {
    const auto n = co_await stream.read_some(asio::buffer(piece));
    if (!n) error = n.error();
    if (!n || *n == 0) co_return all;
    all.append(piece, 0, *n);
  }
}

TEST(TlsStream, ReadsAndEndsWithCloseNotify) {
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        error_code error;
        const std::string got = co_await receive_all(stream, error);
        EXPECT_EQ(got, "words");
        EXPECT_FALSE(error);
        EXPECT_FALSE(co_await send(stream, "still writing"));  // half closed
        co_await stream.shutdown_write();
      },
      [](TestClient& client) {
        client.write("words");
        SSL_shutdown(client.ssl());
        EXPECT_EQ(client.read(100), "still writing");
        EXPECT_TRUE(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN);
      });
}

TEST(TlsStream, ReadsOnAfterItsOwnEnd) {
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        co_await stream.shutdown_write();
        co_await stream.shutdown_write();
        error_code error;
        const std::string got = co_await receive_all(stream, error);
        EXPECT_EQ(got, "late words");
        EXPECT_FALSE(error);
      },
      [](TestClient& client) {
        EXPECT_EQ(client.read(1), "");
        EXPECT_TRUE(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN);
        client.write("late words");
      });
}

TEST(TlsStream, TellsACutFromAnEnd) {
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        error_code error;
        const std::string got = co_await receive_all(stream, error);
        EXPECT_EQ(got, "half of it");
        EXPECT_EQ(error, truncated);
      },
      [](TestClient& client) {
        client.write("half of it");
        ::shutdown(SSL_get_fd(client.ssl()), SHUT_WR);
      });
}

TEST(TlsStream, ReportsForgedRecords) {
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        error_code error;
        EXPECT_EQ(co_await receive_all(stream, error), "");
        EXPECT_EQ(error.value(), boost::system::errc::protocol_error);
        const auto again = co_await receive_all(stream, error);
        EXPECT_EQ(again, "");
        EXPECT_TRUE(error);
      },
      [](TestClient& client) {
        const std::string forged = std::string("\x17\x03\x03\x00\x40", 5) + std::string(64, 'x');
        EXPECT_EQ(::send(SSL_get_fd(client.ssl()), forged.data(), forged.size(), 0), 69);
      });
}

Awaitable<void> write_big(Stream& stream, const std::string& bytes, bool& done) {
  EXPECT_FALSE(co_await send(stream, bytes));
  co_await stream.shutdown_write();
  done = true;
}

TEST(TlsStream, CarriesMuchBothWaysAtOnce) {
  static const std::string up = pattern(9'000'001, 1), down = pattern(8'000'003, 2);
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        bool written = false;
        asio::co_spawn(executor, write_big(stream, down, written), asio::detached);
        error_code error;
        const std::string got = co_await receive_all(stream, error);
        EXPECT_TRUE(got == up) << got.size();
        EXPECT_FALSE(error);
        while (!written) co_await asio::post(executor, asio::use_awaitable);
      },
      [](TestClient& client) {
        // One thread, both directions, never waiting for one alone.
        SSL_set_mode(client.ssl(), SSL_MODE_ENABLE_PARTIAL_WRITE);
        std::string got, piece(16'384, '\0');
        for (std::size_t sent = 0; sent < up.size();) {
          std::size_t n = 0;
          ASSERT_EQ(SSL_write_ex(client.ssl(), up.data() + sent, std::min<std::size_t>(16'384, up.size() - sent), &n),
                    1);
          sent += n;
          if (got.size() < down.size()) got += client.read(std::min<std::size_t>(14'000, down.size() - got.size()));
        }
        SSL_shutdown(client.ssl());
        got += client.read(down.size() - got.size());
        EXPECT_TRUE(got == down) << got.size();
        EXPECT_EQ(client.read(1), "");
      });
}

TEST(TlsStream, SmallRecordsLoseNothing) {
  static const std::string head = pattern(700, 1), body = pattern(3'000, 2);
  const auto keys = std::make_shared<TicketKeys>(test_now());
  ClientWishes wishes;
  wishes.max_fragment = TLSEXT_max_fragment_length_512;
  const Met met = meet(
      make_server_context({}, keys).value(), only(certificate_for({"a.example"})), wishes,
      [](Stream& stream) -> Awaitable<void> {
        std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
        EXPECT_FALSE(co_await stream.write(parts));
        co_await stream.shutdown_write();
      },
      [](TestClient& client) { EXPECT_TRUE(client.read(head.size() + body.size()) == head + body); });
  EXPECT_TRUE(met.server) << met.server.error().detail;
}

TEST(TlsStream, GathersManyBuffersInOrder) {
  static const std::vector<std::size_t> sizes{3, 0, 16'000, 500, 16'384, 1, 70'000, 5, 0, 2, 33'000, 7, 16'383, 1, 0};
  static const std::string all = pattern(152'286, 3);
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        std::vector<asio::const_buffer> buffers;
        std::size_t at = 0;
        for (const std::size_t size : sizes) {
          buffers.emplace_back(all.data() + at, size);
          at += size;
        }
        EXPECT_EQ(at, all.size());
        EXPECT_FALSE(co_await stream.write(buffers));
        const std::span<asio::const_buffer> none;
        EXPECT_FALSE(co_await stream.write(none));
        EXPECT_FALSE(co_await send(stream, ""));
      },
      [](TestClient& client) { EXPECT_TRUE(client.read(all.size()) == all); });
}

TEST(TlsStream, PutsAHeadAndItsBodyIntoOneRecord) {
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        std::array<asio::const_buffer, 3> parts{asio::const_buffer("head", 4), asio::const_buffer(" and ", 5),
                                                asio::const_buffer("body", 4)};
        EXPECT_FALSE(co_await stream.write(parts));
      },
      [](TestClient& client) {
        char bytes[100];
        EXPECT_EQ(SSL_read(client.ssl(), bytes, sizeof bytes), 13);  // one read gives one record
      });
}

TEST(TlsStream, SurvivesAWriteThatWaitsForTheReader) {
  static const std::string big = pattern(3'000'000, 4);
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        std::array<asio::const_buffer, 3> parts{asio::buffer(big.data(), 100), asio::buffer(big.data() + 100, 10'000),
                                                asio::buffer(big.data() + 10'100, big.size() - 10'100)};
        EXPECT_FALSE(co_await stream.write(parts));
      },
      [](TestClient& client) {
        // Fills the socket first: the server waits for room in the middle of records.
        std::this_thread::yield();
        EXPECT_TRUE(client.read(big.size()) == big);
      });
}

TEST(TlsStream, WaitsWithoutABuffer) {
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        // The client's next words come only after it saw these.
        for (const std::string_view words : {"one", "two", "three"}) {
          EXPECT_FALSE(co_await send(stream, words));
          EXPECT_FALSE(co_await stream.wait_readable());
          EXPECT_EQ(co_await receive(stream, 1), words.substr(0, 1));
          // The rest of the record is at hand, though the socket is empty.
          EXPECT_FALSE(co_await stream.wait_readable());
          EXPECT_EQ(co_await receive(stream, 10), words.substr(1));
        }
      },
      [](TestClient& client) {
        for (const std::string_view words : {"one", "two", "three"}) {
          EXPECT_EQ(client.read(words.size()), words);
          client.write(words);
        }
      });
}

TEST(TlsStream, KnowsWhetherItIsIdleAndOpen) {
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        EXPECT_TRUE(stream.idle_and_open());
        EXPECT_FALSE(stream.peer_gone());
        EXPECT_EQ(stream.plain_socket(), nullptr);
        EXPECT_FALSE(co_await send(stream, "go"));
        EXPECT_FALSE(co_await stream.wait_readable());
        EXPECT_FALSE(stream.idle_and_open());
        EXPECT_FALSE(stream.peer_gone());
        EXPECT_EQ(co_await receive(stream, 10), "was");
        EXPECT_TRUE(stream.idle_and_open());
        EXPECT_FALSE(co_await send(stream, "go"));
        EXPECT_FALSE(co_await stream.wait_readable());
        EXPECT_FALSE(stream.idle_and_open()) << "close_notify";
        EXPECT_TRUE(stream.peer_gone()) << "close_notify";
        EXPECT_EQ(co_await receive(stream, 10), "");
        EXPECT_FALSE(stream.idle_and_open());
      },
      [](TestClient& client) {
        EXPECT_EQ(client.read(2), "go");
        client.write("was");
        EXPECT_EQ(client.read(2), "go");
        SSL_shutdown(client.ssl());
        client.read(1);  // the socket stays open
      });
}

TEST(TlsStream, EndsAWaitWhenClosed) {
  both_versions(
      [](Stream& stream) -> Awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        EXPECT_FALSE(co_await send(stream, "hello"));
        asio::post(executor, [&stream] { stream.close(); });
        const std::string aborted = error_code(asio::error::operation_aborted).message();
        EXPECT_EQ(co_await receive(stream, 1), aborted);
        EXPECT_EQ(co_await receive(stream, 1), aborted);
        EXPECT_EQ(co_await send(stream, "x"), asio::error::operation_aborted);
        EXPECT_FALSE(stream.idle_and_open());
        stream.close();
      },
      [](TestClient& client) { client.read(100); });
}

TEST(TlsStream, AllowsKeyUpdatesButNoFlood) {
  const auto certificate = certificate_for({"a.example"});
  const auto with_updates = [&](int count, int words_each) {
    error_code error;
    std::string got;
    meet(
        make_server_context({}, nullptr).value(), only(certificate), {},
        [&](Stream& stream) -> Awaitable<void> {
          EXPECT_FALSE(co_await send(stream, "go"));
          got = co_await receive_all(stream, error);
          stream.close();
        },
        [&](TestClient& client) {
          client.read(2);
          const std::string words(static_cast<std::size_t>(words_each), 'w');
          for (int i = 0; i < count; ++i) {
            SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
            if (SSL_do_handshake(client.ssl()) != 1 || !client.write(words)) break;
          }
        });
    return std::pair(got.size(), error);
  };
  EXPECT_EQ(with_updates(50, 10), std::pair(std::size_t{500}, error_code()));
  EXPECT_EQ(with_updates(300, 8192), std::pair(std::size_t{300 * 8192}, error_code()));
  EXPECT_TRUE(with_updates(300, 10).second);
}

TEST(TlsStream, AnswersKeyUpdatesWhileWriting) {
  static const std::string down = pattern(2'000'000, 5);
  const auto certificate = certificate_for({"a.example"});
  meet(
      make_server_context({}, nullptr).value(), only(certificate), {},
      [](Stream& stream) -> Awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        bool written = false;
        asio::co_spawn(executor, write_big(stream, down, written), asio::detached);
        error_code error;
        EXPECT_EQ((co_await receive_all(stream, error)).size(), 20u * 100);
        EXPECT_FALSE(error);
        while (!written) co_await asio::post(executor, asio::use_awaitable);
      },
      [](TestClient& client) {
        std::string got;
        for (int i = 0; i < 20; ++i) {
          SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
          SSL_do_handshake(client.ssl());
          client.write(std::string(100, 'k'));
          got += client.read(50'000);
        }
        SSL_shutdown(client.ssl());
        got += client.read(down.size() - got.size());
        EXPECT_TRUE(got == down) << got.size();
      });
}

TEST(TlsStream, RefusesRenegotiation) {
  ClientWishes wishes;
  wishes.max_version = TLS1_2_VERSION;
  bool renegotiated = true;
  meet(
      make_server_context({}, nullptr).value(), only(certificate_for({"a.example"})), wishes,
      [](Stream& stream) -> Awaitable<void> {
        error_code error;
        EXPECT_EQ(co_await receive_all(stream, error), "");
      },
      [&](TestClient& client) {
        SSL_renegotiate(client.ssl());
        renegotiated = SSL_do_handshake(client.ssl()) == 1;
      });
  EXPECT_FALSE(renegotiated);
}

}  // namespace
}  // namespace gatehouse::tls

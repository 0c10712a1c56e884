#include "acme/dns_exchange.h"

#include "acme/time_limit.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace gatehouse::acme {
namespace {

constexpr std::size_t max_datagram = 4096;  // without EDNS nobody sends more than 512
constexpr int max_strangers = 256;          // datagrams that answer something else, before a try ends

// What one try sends, and what comes back.
struct Attempt {
  const DnsRequest& request;
  std::uint16_t id;
  std::string message;
  std::string mac;  // empty: unsigned
  std::string reply = {};
  error_code error = {};
};

Attempt prepare(const DnsRequest& request, const DnsKey* key, WallTime now) {
  const std::string random = tls::random_bytes(2);
  const std::uint16_t id = WireReader(random).u16();
  std::string message = encode(request, id);
  if (key == nullptr) return {request, id, std::move(message), {}};
  SignedRequest with_signature = sign(std::move(message), *key, now);
  return {request, id, std::move(with_signature.message), std::move(with_signature.mac)};
}

// Connected, so the kernel takes nothing from other addresses and tells when nobody listens there.
Awaitable<void> over_udp(const Endpoint& server, Attempt& attempt) {
  error_code& error = attempt.error;
  asio::ip::udp::socket socket(co_await asio::this_coro::executor);
  socket.connect(asio::ip::udp::endpoint(server.address, server.port), error);
  if (error) co_return;
  auto done = asio::redirect_error(asio::use_awaitable, error);
  co_await socket.async_send(asio::buffer(attempt.message), done);
  std::string datagram(max_datagram, '\0');
  for (int strangers = 0; !error && strangers < max_strangers; ++strangers) {
    const std::size_t size = co_await socket.async_receive(asio::buffer(datagram), done);
    if (error || !is_reply_to(attempt.request, attempt.id, std::string_view(datagram).substr(0, size))) continue;
    attempt.reply = datagram.substr(0, size);
    co_return;
  }
}

Awaitable<void> over_tcp(const Endpoint& server, Attempt& attempt) {
  error_code& error = attempt.error;
  asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
  auto done = asio::redirect_error(asio::use_awaitable, error);
  co_await socket.async_connect(asio::ip::tcp::endpoint(server.address, server.port), done);
  if (error) co_return;
  std::string framed;
  put_u16(framed, static_cast<std::uint16_t>(attempt.message.size()));
  framed += attempt.message;
  co_await asio::async_write(socket, asio::buffer(framed), done);
  if (error) co_return;
  std::string length(2, '\0');
  co_await asio::async_read(socket, asio::buffer(length), done);
  if (error) co_return;
  std::string reply(WireReader(length).u16(), '\0');
  co_await asio::async_read(socket, asio::buffer(reply), done);
  if (!error) attempt.reply = std::move(reply);
}

Failure trouble(const Endpoint& server, const std::string& words) {
  return Failure(FailureKind::challenge_failed, "DNS server " + server.text() + ": " + words);
}

Result<DnsMessage> read_reply(const Attempt& attempt, const DnsKey* key, WallTime now) {
  if (!is_reply_to(attempt.request, attempt.id, attempt.reply))
    return Failure(FailureKind::challenge_failed, "it answers something else");
  auto reply = decode(attempt.reply);
  if (!reply || reply->truncated || key == nullptr) return reply;
  if (auto checked = check_signature(attempt.reply, *reply, *key, attempt.mac, now); !checked) return checked.error();
  return reply;
}

}  // namespace

Awaitable<Result<DnsMessage>> DnsExchange::try_once(Endpoint server, const DnsRequest& request, const DnsKey* key,
                                                    Transport transport) {
  Attempt attempt = prepare(request, key, clock_.wall_now());
  Awaitable<void> work = transport == Transport::udp ? over_udp(server, attempt) : over_tcp(server, attempt);
  const bool in_time = co_await ends_before(clock_, clock_.now() + limits_.per_try, std::move(work));
  if (attempt.reply.empty()) {
    const bool silent = !in_time || !attempt.error;
    co_return trouble(server, silent ? "no answer" : attempt.error.message());
  }
  auto reply = read_reply(attempt, key, clock_.wall_now());
  if (!reply) co_return trouble(server, reply.error().detail);
  if (transport == Transport::tcp && reply->truncated) co_return trouble(server, "its answer is cut short by TCP too");
  co_return reply;
}

Awaitable<Result<DnsMessage>> DnsExchange::ask(Endpoint server, DnsRequest request, std::optional<DnsKey> key) {
  const DnsKey* signing = key ? &*key : nullptr;
  Failure last;
  for (int i = 0; i < limits_.tries; ++i) {
    auto reply = co_await try_once(server, request, signing, Transport::udp);
    if (reply && reply->truncated) reply = co_await try_once(server, request, signing, Transport::tcp);
    if (reply) co_return reply;
    last = reply.error();
  }
  co_return last;
}

}  // namespace gatehouse::acme

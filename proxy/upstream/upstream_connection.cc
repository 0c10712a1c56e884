#include "proxy/upstream/upstream_connection.h"

#include "base/socket_options.h"
#include "tls/client_context.h"
#include "tls/handshake.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {
namespace {

Awaitable<Result<void>> connect(PlainStream& plain, const Endpoint& endpoint, const Deadline& limit) {
  Socket& socket = plain.socket();
  const asio::ip::tcp::endpoint address(endpoint.address, endpoint.port);
  error_code error;
  socket.open(asio::generic::stream_protocol(address.protocol()), error);
  if (error) co_return Failure(FailureKind::internal, error.message());
  socket.non_blocking(true, error);
  set_no_delay(socket.native_handle());
  const asio::generic::stream_protocol::endpoint generic(address);
  co_await socket.async_connect(generic, asio::redirect_error(asio::use_awaitable, error));
  if (limit.expired()) co_return Failure(FailureKind::connect_timeout, endpoint.text());
  if (error) co_return Failure(FailureKind::connect_failed, endpoint.text() + ": " + error.message());
  co_return Result<void>();
}

}  // namespace

UpstreamConnection::UpstreamConnection(asio::io_context& io, Deadlines& deadlines, Buffers& buffers,
                                       const Endpoint& endpoint)
    : endpoint_(endpoint),
      plain_(Socket(io)),
      inbox_(plain_, buffers),
      reading(deadlines, plain_),
      writing(deadlines, plain_) {}

Awaitable<Result<void>> UpstreamConnection::open(const Service& service, bool http1_only) {
  reading.within(service.timeouts.dial);
  auto connected = co_await connect(plain_, endpoint_, reading);
  if (!connected) co_return connected.error();
  speaks_http2_ = service.speech == UpstreamSpeech::http2_in_clear && !http1_only;
  if (service.tls) {
    std::string name = service.host.empty() ? endpoint_.address.to_string() : service.host;
    const bool may_agree = service.speech == UpstreamSpeech::by_alpn && !http1_only;
    std::string only = service.tls->offers_http2() && !may_agree ? "http/1.1" : "";
    auto tls = co_await tls::connect_tls_agreeing(plain_, service.tls, std::move(name), std::move(only));
    if (!tls) co_return Failure(tls.error().kind, endpoint_.text() + ": " + describe(tls.error()));
    if (tls->alpn == "h2" && !(may_agree && service.tls->offers_http2()))
      co_return Failure(FailureKind::upstream_tls_failed,
                        endpoint_.text() + ": it chose HTTP/2, which was not offered");
    tls_ = std::move(tls->stream);
    speaks_http2_ = tls->alpn == "h2";
    agreed_ = !tls->alpn.empty();
    inbox_.attach(*tls_);
    tls_context_ = service.tls;
    tls_host_ = service.host;
  }
  reading.clear();
  co_return Result<void>();
}

bool UpstreamConnection::fits(const Service& service) const {
  return tls_context_ == service.tls && (!service.tls || tls_host_ == service.host);
}

}  // namespace gatehouse

#include "tests/doubles/kubernetes/http_front.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <stdexcept>

namespace gatehouse::kubernetes::fake {
namespace {

using asio::use_awaitable;
using asio::ip::tcp;

constexpr std::size_t most_body = 3 * 1024 * 1024;

void cut_socket(tcp::socket& socket) {
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_both, ignored);
  socket.close(ignored);
}

class TcpWire final : public Wire {
 public:
  explicit TcpWire(tcp::socket socket) : socket_(std::move(socket)) {}
  Awaitable<void> accept() override { co_return; }
  Awaitable<void> write(std::string bytes) override {
    co_await asio::async_write(socket_, asio::buffer(bytes), use_awaitable);
  }
  void stop_reading() override { socket_.cancel(); }
  void cut() override { cut_socket(socket_); }

 private:
  Awaitable<std::size_t> read_some(asio::mutable_buffer buffer) override {
    const std::size_t size = co_await socket_.async_read_some(buffer, use_awaitable);
    co_return size;
  }
  tcp::socket socket_;
};

class TlsWire final : public Wire {
 public:
  TlsWire(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  Awaitable<void> accept() override {
    co_await stream_.async_handshake(asio::ssl::stream_base::server, use_awaitable);
    const tls::X509Handle shown(SSL_get1_peer_certificate(stream_.native_handle()));
    char name[256] = "";
    if (shown) X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name, sizeof name);
    client_name = name;
  }
  Awaitable<void> write(std::string bytes) override {
    co_await asio::async_write(stream_, asio::buffer(bytes), use_awaitable);
  }
  void stop_reading() override { stream_.lowest_layer().cancel(); }
  void cut() override { cut_socket(stream_.next_layer()); }

 private:
  Awaitable<std::size_t> read_some(asio::mutable_buffer buffer) override {
    const std::size_t size = co_await stream_.async_read_some(buffer, use_awaitable);
    co_return size;
  }
  asio::ssl::stream<tcp::socket> stream_;
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

HttpRequest parse_head(const std::string& head) {
  HttpRequest request;
  const std::size_t line = head.find("\r\n");
  const std::size_t first = head.find(' '), second = head.find(' ', first + 1);
  if (second == std::string::npos || second > line) throw std::runtime_error("no request line");
  request.method = head.substr(0, first);
  request.target = head.substr(first + 1, second - first - 1);
  for (std::size_t at = line + 2; at < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    const std::size_t colon = head.find(':', at);
    if (end == at || end == std::string::npos || colon > end) break;
    const std::size_t value = std::min(head.find_first_not_of(' ', colon + 1), end);
    request.headers.emplace_back(lower(head.substr(at, colon - at)), head.substr(value, end - value));
    at = end + 2;
  }
  return request;
}

std::string header(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return "";
}

}  // namespace

struct HttpFront::TlsContext {
  asio::ssl::context context{asio::ssl::context::tls_server};
};

Awaitable<void> Wire::fill() {
  char buffer[16384];
  const std::size_t size = co_await read_some(asio::buffer(buffer));
  inbox.append(buffer, size);
}

Awaitable<void> Wire::fill_to(std::size_t size) {
  if (size > most_body) throw std::runtime_error("too large");
  while (inbox.size() < size) co_await fill();
}

Awaitable<std::string> Wire::read_chunked() {
  std::string body;
  for (;;) {
    while (inbox.find("\r\n") == std::string::npos) co_await fill();
    const std::size_t size = std::stoul(inbox, nullptr, 16);
    inbox.erase(0, inbox.find("\r\n") + 2);
    co_await fill_to(size + 2);
    body += inbox.substr(0, size);
    inbox.erase(0, size + 2);
    if (size == 0) co_return body;
  }
}

Awaitable<HttpRequest> Wire::read_request() {
  std::size_t end = inbox.find("\r\n\r\n");
  while (end == std::string::npos) {
    if (inbox.size() > 65536) throw std::runtime_error("too large");
    co_await fill();
    end = inbox.find("\r\n\r\n");
  }
  HttpRequest request = parse_head(inbox.substr(0, end + 4));
  inbox.erase(0, end + 4);
  if (header(request, "expect") == "100-continue") {
    std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await write(std::move(go_on));
  }
  if (lower(header(request, "transfer-encoding")) == "chunked") {
    request.body = co_await read_chunked();
  } else if (const std::string length = header(request, "content-length"); !length.empty()) {
    const std::size_t size = std::stoul(length);
    co_await fill_to(size);
    request.body = inbox.substr(0, size);
    inbox.erase(0, size);
  }
  co_return request;
}

HttpFront::~HttpFront() { close(); }

void HttpFront::use_tls(const Authority& authority, const PemPair& certificate) {
  tls_ = std::make_shared<TlsContext>();
  auto& context = tls_->context;
  context.use_certificate_chain(asio::buffer(certificate.certificate));
  context.use_private_key(asio::buffer(certificate.key), asio::ssl::context::pem);
  context.add_certificate_authority(asio::buffer(authority.pem()));
  context.set_verify_mode(asio::ssl::verify_peer);
  SSL_CTX_set_session_id_context(context.native_handle(), reinterpret_cast<const unsigned char*>("k8s"), 3);
}

void HttpFront::bind(const std::vector<std::string>& addresses, std::uint16_t port) {
  port_ = port;
  for (const auto& address : addresses) {
    tcp::endpoint endpoint(asio::ip::make_address(address), port_);
    auto& held = held_.emplace_back(io_, endpoint.protocol());
    held.set_option(asio::socket_base::reuse_address(true));
    if (endpoint.protocol() == tcp::v6()) held.set_option(asio::ip::v6_only(true));
    held.bind(endpoint);
    port_ = held.local_endpoint().port();
    endpoints_.push_back(held.local_endpoint());
  }
}

void HttpFront::open() {
  for (const auto& endpoint : endpoints_) {
    auto& acceptor = *acceptors_.emplace_back(std::make_unique<tcp::acceptor>(io_));
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    if (endpoint.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(true));
    acceptor.bind(endpoint);
    acceptor.listen();
    asio::co_spawn(io_, accept(acceptor), asio::detached);
  }
}

void HttpFront::close() {
  for (auto& acceptor : acceptors_) {
    error_code ignored;
    acceptor->close(ignored);
  }
  cut_connections();
}

void HttpFront::cut_connections() {
  for (auto& each : std::exchange(wires_, {}))
    if (const auto wire = each.lock()) wire->cut();
}

std::shared_ptr<Wire> HttpFront::wire_of(tcp::socket socket) {
  if (tls_) return std::make_shared<TlsWire>(std::move(socket), tls_->context);
  return std::make_shared<TcpWire>(std::move(socket));
}

Awaitable<void> HttpFront::accept(tcp::acceptor& acceptor) {
  for (;;) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(use_awaitable, error));
    if (!acceptor.is_open()) co_return;
    if (error) continue;
    socket.set_option(tcp::no_delay(true), error);
    const auto wire = wire_of(std::move(socket));
    std::erase_if(wires_, [](const auto& each) { return each.expired(); });
    wires_.push_back(wire);
    asio::co_spawn(io_, serve(wire), asio::detached);
  }
}

Awaitable<void> HttpFront::serve(std::shared_ptr<Wire> wire) {
  try {
    co_await wire->accept();
    bool goes_on = true;
    while (goes_on) {
      HttpRequest request = co_await wire->read_request();
      goes_on = co_await answer_(wire, std::move(request));
    }
  } catch (const std::exception&) {
    // The client is gone, or sent what is no HTTP.
  }
  wire->cut();
}

}  // namespace gatehouse::kubernetes::fake

#include "tests/doubles/acme/scripted_dns.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace gatehouse::acme {
namespace {

constexpr std::size_t head_size = 12;

AskedDns read_query(std::string_view message, bool tcp) {
  WireReader reader(message, head_size);
  AskedDns asked;
  asked.name = reader.name();
  asked.type = static_cast<DnsType>(reader.u16());
  asked.tcp = tcp;
  asked.message = message;
  return asked;
}

void put_data(std::string& out, const DnsData& data) {
  if (data.type == DnsType::a) {
    for (const auto byte : asio::ip::make_address_v4(data.text).to_bytes()) out += static_cast<char>(byte);
  } else if (data.type == DnsType::aaaa) {
    for (const auto byte : asio::ip::make_address_v6(data.text).to_bytes()) out += static_cast<char>(byte);
  } else if (data.type == DnsType::txt) {
    out += static_cast<char>(data.text.size());
    out += data.text;
  } else {
    put_name(out, *HostName::parse(data.text));
    if (data.type == DnsType::soa) out += std::string(1, '\0') + std::string(20, '\1');
  }
}

void put_record(std::string& out, const std::string& owner, const DnsData& data) {
  put_name(out, *HostName::parse(owner));
  put_u16(out, static_cast<std::uint16_t>(data.type));
  put_u16(out, 1);
  put_u32(out, 60);
  std::string bytes;
  put_data(bytes, data);
  put_u16(out, static_cast<std::uint16_t>(bytes.size()));
  out += bytes;
}

}  // namespace

std::string reply_to(std::string_view query, const DnsReply& reply) {
  const AskedDns asked = read_query(query, false);
  std::string message(query.substr(0, 2));
  put_u16(message, static_cast<std::uint16_t>(0x8400 | (reply.truncated ? 0x0200 : 0) | static_cast<int>(reply.code)));
  put_u16(message, 1);
  put_u16(message, static_cast<std::uint16_t>(reply.answers.size()));
  put_u16(message, reply.authority.empty() ? 0 : 1);
  put_u16(message, 0);
  put_name(message, *HostName::parse(asked.name));
  put_u16(message, static_cast<std::uint16_t>(asked.type));
  put_u16(message, 1);
  for (const auto& data : reply.answers) put_record(message, asked.name, data);
  if (!reply.authority.empty()) put_record(message, reply.authority, {DnsType::soa, "ns1." + reply.authority});
  return message;
}

ScriptedDns::ScriptedDns(asio::io_context& io, const std::string& address, std::uint16_t port) {
  const auto host = asio::ip::make_address(address);
  for (int tries = 0; !sockets_; ++tries) {
    try {
      asio::ip::tcp::acceptor tcp(io, {host, port});
      asio::ip::udp::socket udp(io, {host, tcp.local_endpoint().port()});
      sockets_ = std::make_shared<Sockets>(Sockets{std::move(udp), std::move(tcp), this});
    } catch (const boost::system::system_error&) {
      if (port != 0 || tries == 100) throw;
    }
  }
  asio::co_spawn(io, serve_udp(sockets_), asio::detached);
  asio::co_spawn(io, serve_tcp(sockets_), asio::detached);
}

ScriptedDns::~ScriptedDns() {
  sockets_->owner = nullptr;
  error_code ignored;
  sockets_->udp.close(ignored);
  sockets_->tcp.close(ignored);
}

Endpoint ScriptedDns::endpoint() const {
  const auto local = sockets_->tcp.local_endpoint();
  return {local.address(), local.port()};
}

int ScriptedDns::count(const std::string& name, DnsType type) const {
  return static_cast<int>(std::count_if(
      asked.begin(), asked.end(), [&](const AskedDns& query) { return query.name == name && query.type == type; }));
}

std::string ScriptedDns::from_table(const AskedDns& query) const {
  DnsReply reply;
  const auto known = records_.find(query.name);
  if (known == records_.end()) {
    reply.code = DnsCode::no_such_name;
  } else {
    for (const auto& data : known->second)
      if (data.type == query.type) reply.answers.push_back(data);
  }
  return reply_to(query.message, reply);
}

std::vector<std::string> ScriptedDns::replies(std::string_view message, bool tcp) {
  asked.push_back(read_query(message, tcp));
  if (script) return script(asked.back());
  return {from_table(asked.back())};
}

Awaitable<void> ScriptedDns::serve_udp(std::shared_ptr<Sockets> sockets) {
  std::string buffer(4096, '\0');
  error_code error;
  while (!error) {
    asio::ip::udp::endpoint client;
    const std::size_t size = co_await sockets->udp.async_receive_from(asio::buffer(buffer), client,
                                                                      asio::redirect_error(asio::use_awaitable, error));
    if (error || sockets->owner == nullptr) co_return;
    sockets->owner->last_client = client;
    for (const auto& reply : sockets->owner->replies(std::string_view(buffer).substr(0, size), false))
      sockets->udp.send_to(asio::buffer(reply), client);
  }
}

Awaitable<void> ScriptedDns::serve_tcp(std::shared_ptr<Sockets> sockets) {
  error_code error;
  const auto executor = sockets->tcp.get_executor();
  while (!error) {
    asio::ip::tcp::socket client(executor);
    co_await sockets->tcp.async_accept(client, asio::redirect_error(asio::use_awaitable, error));
    if (error || sockets->owner == nullptr) co_return;
    error_code gone;
    std::string length(2, '\0');
    co_await asio::async_read(client, asio::buffer(length), asio::redirect_error(asio::use_awaitable, gone));
    std::string message(WireReader(length).u16(), '\0');
    co_await asio::async_read(client, asio::buffer(message), asio::redirect_error(asio::use_awaitable, gone));
    if (gone || sockets->owner == nullptr) continue;
    std::string framed;
    for (const auto& reply : sockets->owner->replies(message, true)) {
      put_u16(framed, static_cast<std::uint16_t>(reply.size()));
      framed += reply;
    }
    co_await asio::async_write(client, asio::buffer(framed), asio::redirect_error(asio::use_awaitable, gone));
  }
}

}  // namespace gatehouse::acme

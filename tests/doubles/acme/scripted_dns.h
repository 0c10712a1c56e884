// A DNS server in the test's own thread, UDP and TCP on one loopback port: answers from a table of records, or
// whatever the test has it say.
#pragma once

#include "acme/dns_message.h"
#include "base/asio.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gatehouse::acme {

// A record's type and data: an address, a name, a TXT value; for SOA the primary's name.
struct DnsData {
  DnsType type;
  std::string text;
};

struct AskedDns {
  std::string name;
  DnsType type{};
  bool tcp = false;
  std::string message;  // the whole query
};

// The answer to a query: `answers` for the name asked, `authority` as the SOA of that zone.
struct DnsReply {
  DnsCode code = DnsCode::no_error;
  std::vector<DnsData> answers;
  std::string authority;  // empty: none
  bool truncated = false;
};
std::string reply_to(std::string_view query, const DnsReply& reply);

class ScriptedDns {
 public:
  // `port` 0: any that is free for UDP and TCP.
  explicit ScriptedDns(asio::io_context& io, const std::string& address = "127.0.0.1", std::uint16_t port = 0);
  ~ScriptedDns();
  ScriptedDns(const ScriptedDns&) = delete;
  ScriptedDns& operator=(const ScriptedDns&) = delete;

  Endpoint endpoint() const;
  void set(const std::string& name, std::vector<DnsData> data) { records_[name] = std::move(data); }
  void remove(const std::string& name) { records_.erase(name); }

  // Takes the place of the table: what to send back for a query, one after another; nothing: silence.
  std::function<std::vector<std::string>(const AskedDns&)> script;
  std::vector<AskedDns> asked;
  int count(const std::string& name, DnsType type) const;
  asio::ip::udp::endpoint last_client;  // of a query by UDP

  std::string from_table(const AskedDns& query) const;

 private:
  // Lives on while its coroutines do.
  struct Sockets {
    asio::ip::udp::socket udp;
    asio::ip::tcp::acceptor tcp;
    ScriptedDns* owner;
  };
  static Awaitable<void> serve_udp(std::shared_ptr<Sockets> sockets);
  static Awaitable<void> serve_tcp(std::shared_ptr<Sockets> sockets);
  std::vector<std::string> replies(std::string_view message, bool tcp);

  std::shared_ptr<Sockets> sockets_;
  std::map<std::string, std::vector<DnsData>> records_;
};

}  // namespace gatehouse::acme

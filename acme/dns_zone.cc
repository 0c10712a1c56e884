#include "acme/dns_zone.h"

namespace gatehouse::acme {
namespace {

Failure trouble(const DnsQuestion& question, const std::string& words) {
  return Failure(FailureKind::challenge_failed,
                 "asked for " + std::string(words_of(question.type)) + " of " + question.name.text() + ": " + words);
}

bool is_within(std::string_view name, std::string_view zone) {
  return name == zone || (name.ends_with(zone) && name[name.size() - zone.size() - 1] == '.');
}

std::optional<HostName> parent_of(const HostName& name) {
  const auto dot = name.text().find('.');
  if (dot == std::string::npos) return std::nullopt;
  auto parent = HostName::parse(std::string_view(name.text()).substr(dot + 1));
  if (!parent) return std::nullopt;
  return *std::move(parent);
}

// The zone that an answer to a question for `name`'s SOA tells of: the name's own, or in a negative answer the zone
// that says so (RFC 2308 §3).
std::optional<DnsZone> zone_told(const DnsMessage& reply, const HostName& name) {
  if (const auto* own = reply.find(name, DnsType::soa)) return DnsZone{name, own->text};
  for (const auto& record : reply.authority) {
    if (record.type != DnsType::soa || !is_within(name.text(), record.name)) continue;
    if (auto zone = HostName::parse(record.name)) return DnsZone{*std::move(zone), record.text};
  }
  return std::nullopt;
}

// Records of other names are left out but where CNAMEs may have led to them: what resolvers say of addresses is
// theirs to answer for.
void add_addresses(const DnsMessage& reply, DnsType type, std::uint16_t port, std::vector<Endpoint>& addresses) {
  std::size_t added = 0;
  for (const auto& record : reply.answers) {
    if (record.type != type || added == ZoneFinder::max_addresses) continue;
    addresses.push_back({record.address, port});
    ++added;
  }
}

}  // namespace

Awaitable<Result<DnsMessage>> ZoneFinder::ask(DnsQuestion question) {
  std::string words = "there is no resolver";
  const std::size_t first = last_good_;
  for (std::size_t i = 0; i < resolvers_.size(); ++i) {
    const std::size_t index = (first + i) % resolvers_.size();
    const Endpoint resolver = resolvers_[index];
    const DnsRequest request{question};
    auto reply = co_await exchange_.ask(resolver, request);
    const bool usable = reply && (reply->code == DnsCode::no_error || reply->code == DnsCode::no_such_name);
    if (usable) {
      last_good_ = index;
      co_return reply;
    }
    const std::string said =
        reply ? "DNS server " + resolver.text() + ": " + words_of(reply->code) : reply.error().detail;
    words = i == 0 ? said : words + "; " + said;
  }
  co_return trouble(question, words);
}

Awaitable<Result<HostName>> ZoneFinder::follow_aliases(HostName name) {
  HostName here = name;
  for (int i = 0; i <= max_aliases; ++i) {
    const DnsQuestion question{here, DnsType::cname};
    auto reply = co_await ask(question);
    if (!reply) co_return reply.error();
    const DnsRecord* alias = reply->find(here, DnsType::cname);
    if (alias == nullptr) co_return here;
    auto target = HostName::parse(alias->text);
    if (!target) co_return trouble(question, "an alias of \"" + alias->text + "\", which is no usable name");
    here = *std::move(target);
  }
  co_return trouble({name, DnsType::cname}, "more than " + std::to_string(max_aliases) + " aliases, or a circle");
}

Awaitable<Result<DnsZone>> ZoneFinder::zone_of(HostName name) {
  std::optional<HostName> here = name;
  while (here) {
    const DnsQuestion question{*here, DnsType::soa};
    auto reply = co_await ask(question);
    if (!reply) co_return reply.error();
    if (auto zone = zone_told(*reply, *here)) co_return *std::move(zone);
    here = parent_of(*here);
  }
  co_return trouble({name, DnsType::soa}, "neither it nor a name above it is a zone");
}

Awaitable<Result<std::vector<NameServer>>> ZoneFinder::servers_of(HostName zone) {
  const DnsQuestion question{zone, DnsType::ns};
  auto reply = co_await ask(question);
  if (!reply) co_return reply.error();
  std::vector<NameServer> servers;
  for (const auto& record : reply->answers) {
    if (record.type != DnsType::ns || record.name != zone.text() || servers.size() == max_servers) continue;
    auto name = HostName::parse(record.text);
    if (!name) continue;
    auto addresses = co_await addresses_of(*name, authoritative_port_);
    if (!addresses) co_return addresses.error();
    if (!addresses->empty()) servers.push_back({*std::move(name), *std::move(addresses)});
  }
  if (servers.empty()) co_return trouble(question, "no name server with an address");
  co_return servers;
}

Awaitable<Result<std::vector<Endpoint>>> ZoneFinder::addresses_of(HostName host, std::uint16_t port) {
  std::vector<Endpoint> addresses;
  std::optional<Failure> failure;
  for (const DnsType type : {DnsType::a, DnsType::aaaa}) {
    const DnsQuestion question{host, type};
    auto reply = co_await ask(question);
    if (reply)
      add_addresses(*reply, type, port, addresses);
    else
      failure = reply.error();
  }
  if (addresses.empty() && failure) co_return *failure;
  co_return addresses;
}

Awaitable<Result<std::vector<Endpoint>>> ZoneFinder::addresses_of(DnsServer server) {
  if (const auto* address = std::get_if<asio::ip::address>(&server.host))
    co_return std::vector<Endpoint>(1, Endpoint{*address, server.port});
  auto found = co_await addresses_of(std::get<HostName>(server.host), server.port);
  co_return found;
}

}  // namespace gatehouse::acme

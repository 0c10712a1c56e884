#include "proxy/request_facts.h"

namespace gatehouse {

std::string resolve_client(const ClientConnection& client, const EntryPoint& entry_point, const RequestHead& request,
                           bool trusted) {
  std::string found = client.peer_text;
  if (!trusted) return found;
  std::vector<std::string_view> hops;
  for (const auto& field : request.fields)
    if (field.id == HeaderId::x_forwarded_for)
      for_each_element(field.value, [&](std::string_view hop) { hops.push_back(hop); });
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    error_code error;
    const auto address = asio::ip::make_address(std::string(*hop), error);
    if (error) break;
    found = unmapped(address).to_string();
    if (!entry_point.forwarded_from.contains(address)) break;
  }
  return found;
}

bool is_trusted(const ClientConnection& client, const EntryPoint& entry_point) {
  return entry_point.forwarded_from_all || entry_point.forwarded_from.contains(client.peer.address);
}

ExchangeRecord begin_record(const ClientConnection& client, const RequestHead& request, std::string_view protocol) {
  ExchangeRecord record;
  record.started = client.worker.clock.wall_now();
  record.entry_point = client.entry_point_name;
  record.method = request.method;
  record.target = request.target;
  record.host = request.authority;
  record.protocol = protocol;
  record.over_tls = client.tls != nullptr;
  record.server_name = client.server_name;
  if (client.worker.access_log.write) {
    record.user_agent = request.find("user-agent");
    record.referer = request.find("referer");
  }
  return record;
}

}  // namespace gatehouse

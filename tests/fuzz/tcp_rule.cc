// A TCP route's rule: refused or usable, in time.
#include "proxy/route/tcp_route.h"
#include "tests/fuzz/promise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  if (size == 0) return 0;
  const std::string_view text = as_text(data + 1, size - 1);
  const auto rule = TcpRule::parse(text, (data[0] & 1) != 0);
  if (!rule) return 0;
  TcpConnectionFacts facts;
  facts.sni = "git.example.test";
  facts.client = asio::ip::make_address("192.0.2.7");
  const bool matches = rule->matches(facts);
  promise(matches == rule->matches(facts), "a rule has one answer");
  promise(!(rule->is_catch_all() && rule->needs_sni()), "a catch-all asks for no name");
  for (const HostName& host : rule->hosts()) promise(!host.text().empty(), "its hosts have names");
  return 0;
}

// A PROXY header: a piece of an accepted one is never refused or taken for a shorter one, and what it says can be said
// again.
#include "proxy/proxy_protocol.h"
#include "tests/fuzz/promise.h"

namespace {

using namespace gatehouse;

void check_repeated(const Endpoint& source, const Endpoint& destination) {
  if (source.address.is_v4() != destination.address.is_v4()) return;
  for (const auto version : {ProxyHeaderVersion::v1, ProxyHeaderVersion::v2}) {
    const std::string written = write_proxy_header(version, source, destination);
    const auto again = read_proxy_header(written);
    promise(again && again->size == written.size(), "a written header is read whole");
    promise(again->source == source && again->destination == destination, "and says the same");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = as_text(data, size);
  const auto header = read_proxy_header(bytes);
  if (!header || header->size == 0) return 0;
  promise(header->size <= bytes.size(), "a header lies within the bytes");
  for (std::size_t part = 0; part < header->size; ++part) {
    const auto piece = read_proxy_header(bytes.substr(0, part));
    promise(piece && piece->size == 0, "a part of a header asks for more");
  }
  if (header->source && header->destination) check_repeated(*header->source, *header->destination);
  return 0;
}

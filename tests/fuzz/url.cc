// A URL that somebody tells us to ask. What is taken means the same when it is put together again, and cannot break
// out of a request line.
#include "proxy/http/url.h"

#include "tests/fuzz/promise.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const auto url = parse_url(as_text(data, size));
  if (!url) return 0;
  promise(!url->host.empty() && url->port != 0, "it leads somewhere");
  promise(url->target.starts_with('/'), "a target begins with a slash");
  for (const std::string& part : {url->target, url->authority()})
    promise(std::all_of(part.begin(), part.end(), [](char c) { return c > ' ' && c < 0x7f; }), "it is one word");
  const auto again = parse_url(url->origin() + url->target);
  if (!again) return promise(size + 8 > 2048, "only its length is against it"), 0;
  promise(again->origin() == url->origin() && again->target == url->target && again->tls == url->tls,
          "it means the same again");
  return 0;
}

// A ClientHello reads the same whole and in any two pieces, and its names are names.
#include "tls/client_hello.h"

#include "base/names.h"
#include "tests/fuzz/promise.h"

namespace {

using gatehouse::tls::ClientHelloReader;
using Verdict = ClientHelloReader::Verdict;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  if (size == 0) return 0;
  const std::string_view bytes = as_text(data + 1, size - 1);
  ClientHelloReader whole;
  const Verdict verdict = whole.feed(bytes);

  ClientHelloReader pieces;
  const std::size_t step = 1 + data[0] % 64;
  Verdict last = Verdict::need_more;
  for (std::size_t at = 0; at < bytes.size() && last == Verdict::need_more; at += step)
    last = pieces.feed(bytes.substr(at, step));
  promise(last == verdict, "the verdict does not depend on the pieces");
  if (verdict == Verdict::complete) {
    promise(whole.hello().server_name == pieces.hello().server_name, "nor does the name");
    promise(whole.hello().alpn == pieces.hello().alpn, "nor do the protocols");
    const std::string& name = whole.hello().server_name;
    promise(name.empty() || HostName::parse(name), "a server name is a host name");
  }
  return 0;
}

// A TLS Secret's chain and key, cut at the first NUL of the input.
#include "tls/certificate.h"

#include "tests/fuzz/promise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view text = as_text(data, size);
  const std::size_t cut = text.find('\0');
  const std::string_view key = cut == std::string_view::npos ? text : text.substr(cut + 1);
  const auto certificate = tls::Certificate::from_pem(text.substr(0, cut), key);
  if (!certificate) return 0;
  const auto again = tls::Certificate::from_pem((*certificate)->pem(), (*certificate)->key_pem());
  promise(again && (*again)->fingerprint() == (*certificate)->fingerprint(), "a certificate survives being written");
  return 0;
}

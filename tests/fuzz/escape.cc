// Whatever the text: printable() is printable ASCII on one line, and a JSON string is JSON.
#include "base/escape.h"

#include "tests/fuzz/promise.h"

#include <boost/json/parse.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view text = as_text(data, size);
  for (const char c : printable(text)) promise(c >= 0x20 && c < 0x7f, "printable text is printable");
  std::string json;
  append_json_string(json, text);
  boost::system::error_code error;
  const auto value = boost::json::parse(json, error);
  promise(!error && value.is_string(), "a JSON string parses");
  for (const char c : json) promise(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "JSON holds no control byte");
  return 0;
}

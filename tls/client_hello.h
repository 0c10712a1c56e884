// SNI and ALPN out of a TLS client's first bytes, without decrypting or answering anything: how a pass-through
// connection finds its route. The hello may arrive in any number of segments and TLS records (post-quantum key
// shares make it longer than one packet). RFC 8446 §4.1.2 and §5.1, RFC 6066 §3, RFC 7301 §3.1.
#pragma once

#include "base/result.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::tls {

struct ClientHello {
  std::string server_name;  // normalised; empty when none was sent, or an IP address (which RFC 6066 forbids)
  std::vector<std::string> alpn;
};

class ClientHelloReader {
 public:
  enum class Verdict { need_more, not_tls, malformed, complete };
  static constexpr std::size_t max_bytes = 64 * 1024;  // on the wire, record headers included

  // Takes the bytes that follow those fed before; each is looked at once, so any split costs the same. Everything
  // but need_more is final; bytes after a complete hello are ignored. The caller keeps what it fed if others are to
  // read it again. Records of other kinds, empty or longer than 2^14 bytes are refused by their header alone.
  Verdict feed(std::string_view bytes);

  // After complete.
  const ClientHello& hello() const { return hello_; }
  // After malformed: what is wrong.
  const std::string& problem() const { return problem_; }

 private:
  Verdict take_header_byte(std::uint8_t byte);
  Verdict take_body(std::string_view body);
  Verdict refuse(std::string words);

  Verdict verdict_ = Verdict::need_more;
  std::size_t fed_ = 0;
  std::array<std::uint8_t, 5> header_{};
  std::size_t header_size_ = 0;
  std::size_t record_left_ = 0;
  std::string message_;
  ClientHello hello_;
  std::string problem_;
};

// The host name in the body of a server_name extension, normalised as in ClientHello. A malformed list, two names or
// a name that is no DNS name is a handshake_failed.
Result<std::string> parse_server_name(std::string_view extension_body);

}  // namespace gatehouse::tls

// What answers a URL, and why. ◦ The same choices as proxy/connection and proxy/forward make for a real connection,
// told in words.
#pragma once

#include "base/result.h"
#include "proxy/snapshot.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// What to explain: http://HOST[:PORT]/PATH, https://…, tcp://[HOST]:PORT, tls://HOST[:PORT].
struct Question {
  enum class Scheme : std::uint8_t { http, https, tcp, tls };

  Scheme scheme = Scheme::https;
  std::string host;        // normalised; empty: none (tcp)
  std::uint16_t port = 0;  // the scheme's own when not given (tcp: must be)
  bool port_given = false;
  std::string path = "/";  // without query

  static Result<Question> parse(std::string_view url);
};

struct Explanation {
  std::string text;        // several lines
  bool answered = false;   // a service with an endpoint, a redirection or the admin pages answer
};

// `entry_point`: the one asked, or empty: those that listen on the URL's port. `client`: whose connection it is.
Explanation explain(const Snapshot& snapshot, const Question& question, std::string_view entry_point,
                    const asio::ip::address& client);

}  // namespace gatehouse

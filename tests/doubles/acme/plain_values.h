// Names, instants and certificates for tests of acme/, and a way to run a coroutine to its end.
#pragma once

#include "acme/held_certificate.h"
#include "acme/record_coding.h"
#include "acme/time_text.h"
#include "tls/new_certificate.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::acme {

inline constexpr const char* test_ca = "https://ca.test/directory";

inline HostName name(std::string_view text) { return HostName::parse_with_wildcard(text).value(); }

inline std::vector<HostName> names(const std::vector<std::string>& texts) {
  std::vector<HostName> parsed;
  for (const auto& text : texts) parsed.push_back(name(text));
  return parsed;
}

inline WallTime instant(std::string_view text) { return parse_time(text).value(); }
inline WallTime new_year() { return instant("2026-01-01T00:00:00Z"); }

template <class T>
T run(Awaitable<T> coroutine) {
  asio::io_context io;
  std::optional<T> result;
  asio::co_spawn(io, std::move(coroutine), [&](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result.emplace(std::move(value));
  });
  io.run();
  return std::move(result.value());
}

// Signed by itself, of `test_ca`.
inline StoredCertificate stored(const std::vector<std::string>& texts, WallTime from, std::chrono::hours lifetime) {
  const tls::NewCertificate wanted{
      .common_name = texts[0], .names = names(texts), .not_before = from, .not_after = from + lifetime};
  const auto made = tls::make_certificate(wanted, nullptr).value();
  return {"le", test_ca, names(texts), made->pem(), made->key_pem(), from};
}

// The same without its cost: only what the plan looks at.
inline HeldCertificate held_for(const std::vector<HostName>& hosts, WallTime from, std::chrono::hours lifetime,
                                const std::string& ca = test_ca, const std::string& resolver = "le") {
  HeldCertificate held{record_name(resolver, hosts),     resolver, ca, hosts, {from, from + lifetime, from},
                       hosts[0].text() + time_text(from)};
  return held;
}

}  // namespace gatehouse::acme

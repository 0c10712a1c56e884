// A CA in memory that says what the test tells it to, for what pebble does not have: renewal information, profiles,
// rate limits, and answers no honest CA would give. It checks no signatures.
#pragma once

#include "acme/client.h"

#include <boost/json.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::acme {

class ScriptedCa {
 public:
  static constexpr const char* directory_url = "https://ca.example/dir";

  ScriptedCa();

  Client::Fetch fetch();
  // The next answers of this URL, in order; the last one stays.
  void answer(const std::string& url, FetchResponse response) { answers_[url].push_back(std::move(response)); }
  // What was asked of this URL: the payloads of signed requests, empty for the others.
  const std::vector<std::string>& asked(const std::string& url) { return asked_[url]; }
  std::size_t requests() const { return requests_; }

 private:
  Awaitable<Result<FetchResponse>> respond(FetchRequest request);

  std::map<std::string, std::vector<FetchResponse>> answers_;
  std::map<std::string, std::vector<std::string>> asked_;
  std::size_t requests_ = 0;
};

inline FetchResponse said(std::uint16_t status, std::string body, HeaderLines headers = {}) {
  headers.emplace_back("Replay-Nonce", "bm9uY2U");
  return {status, std::move(headers), std::move(body)};
}

inline FetchResponse refused(std::uint16_t status, const std::string& type, HeaderLines headers = {}) {
  return said(status, R"({"type":"urn:ietf:params:acme:error:)" + type + R"(","detail":"no"})", std::move(headers));
}

}  // namespace gatehouse::acme

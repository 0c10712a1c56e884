#include "tests/doubles/acme/scripted_ca.h"

#include "acme/json.h"
#include "base/base64.h"

namespace gatehouse::acme {

ScriptedCa::ScriptedCa() {
  answer(directory_url, said(200, R"({"newNonce":"https://ca.example/nonce","newAccount":"https://ca.example/account",
    "newOrder":"https://ca.example/new-order","revokeCert":"https://ca.example/revoke",
    "keyChange":"https://ca.example/change","renewalInfo":"https://ca.example/ari",
    "meta":{"profiles":{"shortlived":"six days"}}})"));
  answer("https://ca.example/nonce", said(200, ""));
}

Client::Fetch ScriptedCa::fetch() {
  return [this](FetchRequest request) { return respond(std::move(request)); };
}

Awaitable<Result<FetchResponse>> ScriptedCa::respond(FetchRequest request) {
  ++requests_;
  const auto jws = parse_object(request.body);
  asked_[request.url].push_back(jws ? from_base64url(text_at(*jws, "payload")).value() : std::string());
  auto& answers = answers_[request.url];
  if (answers.empty()) co_return Failure(FailureKind::connect_failed, "nobody answers at " + request.url);
  FetchResponse response = answers.front();
  if (answers.size() > 1) answers.erase(answers.begin());
  co_return response;
}

}  // namespace gatehouse::acme

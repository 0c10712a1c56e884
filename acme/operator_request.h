// What an operator asks a running Gatehouse for from the command line: a file in STORAGE/requests, whose name says it
// all. Whoever may write there is the owner or root; the loop looks every few seconds, carries it out and removes it.
#pragma once

#include "acme/acme_json.h"
#include "acme/holdings.h"
#include "acme/resolver.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::acme {

struct OperatorRequest {
  enum class Kind : std::uint8_t {
    renew,   // renew-RECORD
    revoke,  // revoke-RECORD
    roll_key,  // roll-key-ACCOUNT; the account's record
    prune,   // prune
    import,  // import-NUMBER; the file is an acme.json
  };
  Kind kind{};
  std::string subject;  // the record or number
  std::filesystem::path file = {};  // where it was read
};

std::string file_name(const OperatorRequest& request);
// Nothing for other names.
std::optional<OperatorRequest> parse_request(const std::string& name);

std::filesystem::path requests_in(const std::filesystem::path& storage);
// In the order of their names, up to 1000. No directory, no requests.
std::vector<OperatorRequest> waiting_requests(const std::filesystem::path& storage);
// Puts one there whole; `contents` of an import. In root's hands the file is given to the owner of the storage.
Result<std::filesystem::path> leave_request(const std::filesystem::path& storage, const OperatorRequest& request,
                                            std::string_view contents);

enum class RenewalCause : std::uint8_t { asked_for, revoked };

// What it does to the records. Each returns a sentence for log or terminal.
Awaitable<Result<std::string>> mark_for_renewal(Holdings& holdings, std::string record, RenewalCause cause,
                                                WallTime now);
// Failures of these names are forgotten, so they are tried at once.
Awaitable<Result<std::string>> try_again(Holdings& holdings, std::vector<HostName> names, WallTime now);
std::vector<std::string> unwanted_records(const Plan& plan);
Awaitable<Result<std::string>> prune(Holdings& holdings, std::vector<std::string> records);
// `resolvers`: the URLs of their CAs, for the accounts. A certificate that is there already is kept unless the file's
// ends later.
std::map<std::string, std::vector<std::string>> cas_of(
    const std::map<std::string, std::shared_ptr<Resolver>>& resolvers);
Awaitable<Result<std::string>> import_acme_json(Holdings& holdings, std::string text,
                                                std::map<std::string, std::vector<std::string>> resolvers,
                                                WallTime now);

}  // namespace gatehouse::acme

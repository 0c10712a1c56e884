#include "acme/operator_request.h"

#include "acme/private_files.h"
#include "acme/record_coding.h"
#include "base/escape.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace gatehouse::acme {
namespace {

namespace fs = std::filesystem;
using Kind = OperatorRequest::Kind;

constexpr std::size_t most_requests = 1000;
constexpr std::array<std::pair<std::string_view, Kind>, 4> prefixes{
    {{"renew-", Kind::renew}, {"revoke-", Kind::revoke}, {"roll-key-", Kind::roll_key}, {"import-", Kind::import}}};

bool is_subject(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

Failure failed(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

// The host of an URL as it is written.
std::string_view host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.substr(0, url.find('/'));
}

}  // namespace

std::string file_name(const OperatorRequest& request) {
  for (const auto& [prefix, kind] : prefixes)
    if (kind == request.kind) return std::string(prefix) + request.subject;
  return "prune";
}

std::optional<OperatorRequest> parse_request(const std::string& name) {
  if (name == "prune") return OperatorRequest{Kind::prune, {}};
  for (const auto& [prefix, kind] : prefixes)
    if (name.starts_with(prefix) && is_subject(std::string_view(name).substr(prefix.size())) && !is_leftover(name))
      return OperatorRequest{kind, name.substr(prefix.size())};
  return std::nullopt;
}

fs::path requests_in(const fs::path& storage) { return storage / "requests"; }

std::vector<OperatorRequest> waiting_requests(const fs::path& storage) {
  std::vector<OperatorRequest> requests;
  std::error_code error;
  for (fs::directory_iterator entry(requests_in(storage), error), end; !error && entry != end; entry.increment(error)) {
    auto request = parse_request(entry->path().filename().string());
    if (!request) continue;
    request->file = entry->path();
    requests.push_back(std::move(*request));
    if (requests.size() == most_requests) break;
  }
  std::sort(requests.begin(), requests.end(), [](const auto& a, const auto& b) { return a.file < b.file; });
  return requests;
}

Result<fs::path> leave_request(const fs::path& storage, const OperatorRequest& request, std::string_view contents) {
  const fs::path folder = requests_in(storage);
  std::error_code error;
  const bool fresh_storage = !fs::exists(storage, error);
  struct stat owner {};
  if (::stat((fresh_storage ? storage.parent_path() : storage).c_str(), &owner) != 0)
    return failed(storage.string() + " is not there");
  const auto give = [&](const fs::path& path) {
    return ::geteuid() != 0 || ::lchown(path.c_str(), owner.st_uid, owner.st_gid) == 0;
  };
  if (auto made = make_private_directory(folder); !made) return made.error();
  if (!give(folder) || (fresh_storage && !give(storage)))
    return failed(folder.string() + " cannot be given to the owner of the storage");
  const fs::path file = folder / file_name(request);
  auto fresh = write_beside(file, contents);
  if (!fresh) return fresh.error();
  if (!give(*fresh)) return failed(fresh->string() + " cannot be given to the owner of the storage");
  if (auto renamed = rename_file(*fresh, file); !renamed) return renamed.error();
  return file;
}

Awaitable<Result<std::string>> mark_for_renewal(Holdings& holdings, std::string record, RenewalCause cause,
                                                WallTime now) {
  const KeptCertificate* kept = holdings.certificate(record);
  if (kept == nullptr) co_return failed("there is no certificate " + record);
  StoredCertificate stored = kept->stored;
  stored.renew_now = true;
  stored.revoked = stored.revoked || cause == RenewalCause::revoked;
  const std::vector<HostName> names = stored.names;
  auto saved = co_await holdings.keep(std::move(stored));
  if (!saved) co_return saved.error();
  auto forgiven = co_await try_again(holdings, names, now);
  if (!forgiven) co_return forgiven.error();
  co_return names.front().text() + " is to be renewed";
}

Awaitable<Result<std::string>> try_again(Holdings& holdings, std::vector<HostName> names, WallTime now) {
  const auto ledgers = holdings.plan_input().ledgers;
  for (const auto& [ca, known] : ledgers) {
    if (setback(known, names) == nullptr) continue;
    forgive(holdings.ledger(ca), names);
    auto saved = co_await holdings.keep_ledger(ca, now);
    if (!saved) co_return saved.error();
  }
  co_return names.front().text() + " is to be tried again";
}

std::vector<std::string> unwanted_records(const Plan& plan) {
  std::vector<std::string> records;
  for (const auto& planned : plan.certificates)
    if (planned.state == PlanState::unwanted) records.push_back(planned.record);
  return records;
}

std::map<std::string, std::vector<std::string>> cas_of(
    const std::map<std::string, std::shared_ptr<Resolver>>& resolvers) {
  std::map<std::string, std::vector<std::string>> cas;
  for (const auto& [name, resolver] : resolvers)
    for (const CaRules& ca : resolver->rules().cas) cas[name].push_back(ca.url);
  return cas;
}

Awaitable<Result<std::string>> prune(Holdings& holdings, std::vector<std::string> records) {
  for (const std::string& record : records) {
    auto dropped = co_await holdings.drop_certificate(record);
    if (!dropped) co_return dropped.error();
  }
  co_return std::to_string(records.size()) + (records.size() == 1 ? " certificate" : " certificates") + " pruned";
}

Awaitable<Result<std::string>> import_acme_json(Holdings& holdings, std::string text,
                                                std::map<std::string, std::vector<std::string>> resolvers,
                                                WallTime now) {
  auto parsed = parse_acme_json(text, now);
  if (!parsed) co_return parsed.error();
  std::size_t certificates = 0, accounts = 0;
  for (StoredCertificate& stored : parsed->certificates) {
    auto fresh = held(stored);
    if (!fresh) continue;
    const KeptCertificate* own = holdings.certificate(fresh->record);
    if (own != nullptr && own->held.validity.not_after >= fresh->validity.not_after) continue;
    auto saved = co_await holdings.keep(std::move(stored));
    if (!saved) co_return saved.error();
    ++certificates;
  }
  for (ImportedAccount& imported : parsed->accounts)
    for (const std::string& ca : resolvers[imported.resolver]) {
      if (host_of(ca) != host_of(imported.account.url)) continue;
      if (!holdings.account(imported.resolver, ca).url.empty()) continue;
      imported.account.ca = ca;
      auto saved = co_await holdings.keep(imported.resolver, imported.account);
      if (!saved) co_return saved.error();
      ++accounts;
    }
  std::string words = std::to_string(certificates) + " certificates and " + std::to_string(accounts) +
                      " accounts imported; what was there and lasts longer is kept";
  for (const std::string& problem : parsed->problems) words += "; left out: " + printable(problem);
  co_return words;
}

}  // namespace gatehouse::acme

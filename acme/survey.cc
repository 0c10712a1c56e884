#include "acme/survey.h"

#include "acme/directory_storage.h"
#include "acme/record_coding.h"
#include "acme/resolver.h"

#include <boost/asio/co_spawn.hpp>

namespace gatehouse::acme {
namespace {

// Nobody is asked anything here.
Result<Client::Fetch> no_network(const std::vector<std::string>&) {
  return Client::Fetch([](FetchRequest) -> Awaitable<Result<FetchResponse>> {
    co_return Failure(FailureKind::internal, "no network here");
  });
}

// Null: nothing can be read.
std::unique_ptr<Holdings> read(Survey& survey) {
  std::error_code error;
  if (!std::filesystem::exists(survey.storage, error) && !error) return nullptr;  // not run yet
  auto storage = DirectoryStorage::open(survey.storage, DirectoryStorage::Mode::reading);
  if (!storage || error) {
    survey.readable = false;
    survey.sentences.push_back(storage ? survey.storage + ": " + error.message() : storage.error().detail);
    return nullptr;
  }
  auto holdings = std::make_unique<Holdings>(std::move(*storage));
  asio::io_context io;
  asio::co_spawn(io, holdings->load(), [&](std::exception_ptr thrown, Result<std::vector<std::string>> sentences) {
    if (thrown) std::rethrow_exception(thrown);
    survey.readable = sentences.has_value();
    survey.sentences = sentences ? *sentences : std::vector<std::string>{sentences.error().detail};
  });
  io.run();
  survey.input = holdings->plan_input();
  return holdings;
}

}  // namespace

std::vector<Survey> survey(const std::map<std::string, ResolverSettings>& resolvers,
                           const std::vector<CertificateRequest>& requests, Clock& clock) {
  std::map<std::string, Survey> by_storage;
  std::map<std::string, std::unique_ptr<Holdings>> held;  // the same
  const auto board = std::make_shared<Board>([](const auto&) {});
  for (const auto& [name, settings] : resolvers) {
    if (!settings.acme || settings.acme->in_secrets()) continue;
    Survey& there = by_storage[settings.acme->storage];
    if (there.storage.empty()) {
      there.storage = settings.acme->storage;
      held[there.storage] = read(there);
    }
    auto resolver = Resolver::make(name, *settings.acme, {clock, board, no_network});
    if (!resolver) {
      there.sentences.push_back("certificatesResolvers." + name + ".acme: " + resolver.error().detail);
      continue;
    }
    there.input.resolvers[name] = (*resolver)->rules();
    const Holdings* holdings = held[there.storage].get();
    for (const CaRules& ca : (*resolver)->rules().cas) {
      there.resolvers[name].push_back(ca.url);
      if (holdings != nullptr && !holdings->account(name, ca.url).url.empty())
        there.accounts[name].push_back(account_record_name(name, ca.url));
    }
  }
  std::vector<Survey> all;
  for (auto& [storage, there] : by_storage) {
    for (const auto& request : requests)
      if (there.resolvers.contains(request.resolver)) there.input.requests.push_back(request);
    there.plan = plan(there.input, clock.wall_now());
    all.push_back(std::move(there));
  }
  return all;
}

}  // namespace gatehouse::acme

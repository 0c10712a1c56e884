#include "acme/challenges.h"

#include "acme/together.h"

#include <algorithm>
#include <exception>

namespace gatehouse::acme {
namespace {

Trouble about_hosts(std::vector<std::string> hosts, std::string words, bool order_over) {
  Trouble trouble = trouble_of(Failure(FailureKind::validation_failed, std::move(words)));
  trouble.remedy = Remedy::host;
  trouble.hosts = std::move(hosts);
  trouble.order_over = order_over;
  return trouble;
}

bool is_among(const HostName& host, const std::vector<HostName>& names, bool wildcard) {
  const std::string wanted = wildcard ? "*." + host.text() : host.text();
  return std::any_of(names.begin(), names.end(), [&](const HostName& name) { return name.text() == wanted; });
}

}  // namespace

Challenges::Challenges(Client& client, Signer signer, Solver& solver, Clock& clock, const OrderPolicy& policy)
    : client_(client), signer_(std::move(signer)), solver_(solver), clock_(clock), policy_(policy) {}

Awaitable<Answer<void>> Challenges::pass(const OrderState& order, const std::vector<HostName>& names) {
  auto gathered = co_await gather(order, names);
  if (!gathered) co_return gathered;
  Answer<void> proved;
  std::exception_ptr bug;
  try {
    proved = co_await prove();
  } catch (...) {
    bug = std::current_exception();
  }
  co_await clean_up_all();
  if (bug) std::rethrow_exception(bug);
  co_return proved;
}

Awaitable<Answer<void>> Challenges::gather(const OrderState& order, const std::vector<HostName>& names) {
  for (const std::string& url : order.authorizations) {
    auto authorization = co_await client_.authorization(signer_, url);
    if (!authorization) co_return authorization.error();
    if (!is_among(authorization->host, names, authorization->wildcard))
      co_return trouble_of(
          Failure(FailureKind::bad_answer, "it asks about the foreign host " + authorization->host.text()));
    auto added = add(*authorization);
    if (!added) co_return added;
  }
  co_return Answer<void>();
}

Answer<void> Challenges::add(const Authorization& authorization) {
  if (authorization.status == Status::valid) return {};
  const std::string& host = authorization.host.text();
  if (authorization.status != Status::pending) {
    const std::string why =
        authorization.problem.empty() ? "its authorization is no longer good" : authorization.problem;
    return about_hosts({host}, host + ": " + why, true);
  }
  const auto& offered = authorization.challenges;
  const auto found = std::find_if(offered.begin(), offered.end(),
                                  [this](const ChallengeState& challenge) { return challenge.type == solver_.type(); });
  if (found == offered.end())
    return about_hosts({host}, host + ": the CA does not offer " + std::string(solver_.type()) + " for it", true);
  const Challenge challenge{authorization.host, found->token, key_authorization(found->token, *signer_.key)};
  tasks_.push_back({challenge, found->url, authorization.url, found->status != Status::pending});
  return {};
}

Awaitable<Answer<void>> Challenges::prove() {
  auto done = co_await present_all();
  if (done) done = co_await tell_all();
  if (done) done = co_await wait_for_all();
  co_return done;
}

Awaitable<void> Challenges::present(Task& task) { task.presented = co_await solver_.present(task.challenge); }

Awaitable<Answer<void>> Challenges::present_all() {
  std::vector<Awaitable<void>> all;
  for (Task& task : tasks_) all.push_back(present(task));
  co_await together(std::move(all));
  std::vector<std::string> hosts;
  std::string words;
  for (const Task& task : tasks_) {
    if (task.presented) continue;
    hosts.push_back(task.challenge.host.text());
    words.append(words.empty() ? "" : "; ").append(hosts.back()).append(": ").append(describe(task.presented.error()));
  }
  // The CA has seen nothing of it: the order can be taken up again.
  if (!hosts.empty()) co_return about_hosts(std::move(hosts), "not shown: " + words, false);
  co_return Answer<void>();
}

Awaitable<Answer<void>> Challenges::tell_all() {
  if (!may_go_on(policy_)) co_return left_to_another();
  for (Task& task : tasks_) {
    auto told = co_await tell(task);
    if (!told) co_return told;
  }
  co_return Answer<void>();
}

// When no answer comes, the CA may look all the same: what is shown stays, and the outcome decides.
Awaitable<Answer<void>> Challenges::tell(Task& task) {
  if (task.told) co_return Answer<void>();
  auto told = co_await client_.start_challenge(signer_, task.challenge_url);
  task.told = told.has_value();
  if (told || told.error().remedy == Remedy::try_again) co_return Answer<void>();
  task.told = co_await looks_already(task);
  if (task.told) co_return Answer<void>();
  co_return told;
}

// After a refusal: we may have told it before and not seen the answer.
Awaitable<bool> Challenges::looks_already(const Task& task) {
  auto seen = co_await client_.authorization(signer_, task.authorization_url);
  if (!seen) co_return false;
  if (seen->status != Status::pending) co_return true;
  const auto& all = seen->challenges;
  co_return std::any_of(all.begin(), all.end(), [&](const ChallengeState& challenge) {
    return challenge.url == task.challenge_url && challenge.status != Status::pending;
  });
}

Awaitable<Answer<void>> Challenges::wait_for_all() {
  Polling polling(clock_, policy_.first_pause, policy_.longest_pause, policy_.validation_limit);
  std::vector<std::string> hosts;
  std::string words;
  for (Task& task : tasks_) {
    auto outcome = co_await outcome_of(task, polling);
    if (!outcome) co_return outcome.error();
    if (outcome->status == Status::valid) continue;
    const std::string why = outcome->problem.empty() ? "the CA does not say why" : outcome->problem;
    hosts.push_back(outcome->host.text());
    words.append(words.empty() ? "" : "; ").append(hosts.back()).append(": ").append(why);
  }
  if (!hosts.empty()) co_return about_hosts(std::move(hosts), words, true);
  co_return Answer<void>();
}

// The first question comes at once: the CA may have answered while the others were waited for.
Awaitable<Answer<Authorization>> Challenges::outcome_of(Task& task, Polling& polling) {
  std::optional<WallTime> not_before;
  while (true) {
    if (!may_go_on(policy_)) co_return left_to_another();
    auto seen = co_await client_.authorization(signer_, task.authorization_url);
    if (seen && seen->status != Status::pending) co_return seen;
    if (!seen && !polling.bears(seen.error())) co_return seen;
    if (seen) polling.answered();
    not_before = seen ? seen->not_before : seen.error().not_before;
    if (!polling.allows(not_before)) co_return polling.trouble("it does not validate " + task.challenge.host.text());
    co_await polling.pause(not_before);
    auto told = co_await tell(task);
    if (!told) co_return told.error();
  }
}

Awaitable<void> Challenges::clean_up(Task& task) {
  auto cleaned = co_await solver_.clean_up(task.challenge);
  (void)cleaned;  // the solver logs it; the certificate does not depend on it
}

Awaitable<void> Challenges::clean_up_all() {
  std::vector<Awaitable<void>> all;
  for (Task& task : tasks_) all.push_back(clean_up(task));
  co_await together(std::move(all));
}

}  // namespace gatehouse::acme

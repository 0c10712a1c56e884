#include "config/kubernetes/lease.h"

#include "base/escape.h"
#include "tls/digest.h"

#include <algorithm>
#include <cstring>

namespace gatehouse::kubernetes {
namespace {

std::uint32_t seed() {
  std::uint32_t value = 0;
  const std::string bytes = tls::random_bytes(sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace

LeaderElection::LeaderElection(LeaseTerms terms, Ports ports)
    : candidacy_(std::move(terms)), ports_(std::move(ports)), bell_(ports_.executor, ports_.clock), dice_(seed()) {}

void LeaderElection::stop() {
  stopped_ = true;
  bell_.ring();
}

Awaitable<void> LeaderElection::run() {
  while (!stopped_) {
    co_await step();
    notice();
    TimePoint wake = candidacy_.next();
    if (told_leading_) wake = std::min(wake, candidacy_.leads_until());
    if (!stopped_) co_await bell_.wait_until(wake);
    notice();
  }
  notice();
  co_await resign();
}

Awaitable<void> LeaderElection::step() {
  const TimePoint sent = ports_.clock.now();
  if (sent < candidacy_.next()) co_return;
  // Half the deadline, so that there is time for another try.
  TimePoint limit = sent + terms().renew_within / 2;
  if (told_leading_) limit = std::min(limit, candidacy_.leads_until());
  ApiRequest request = candidacy_.request(ports_.clock.wall_now());
  const auto answer = co_await ask(ports_.clock, limit, ports_.call, std::move(request));
  candidacy_.take(answer, sent, ports_.clock.now(), std::uniform_real_distribution<double>(0, 1)(dice_));
  complain();
}

Awaitable<void> LeaderElection::resign() {
  auto request = candidacy_.resign(ports_.clock.now(), ports_.clock.wall_now());
  if (!request) co_return;
  const TimePoint limit = ports_.clock.now() + longest_release;
  const auto answer = co_await ask(ports_.clock, limit, ports_.call, std::move(*request));
  if (answer && answer->good())
    ports_.log->info("Lease {} is handed back", terms().lease.text());
  else
    ports_.log->info("Lease {} could not be handed back; another replica leads when it has run out",
                     terms().lease.text());
}

void LeaderElection::notice() {
  if (!holder().empty() && holder() != told_holder_) {
    told_holder_ = holder();
    if (holder() != terms().identity) ports_.log->info("{} leads", printable(holder()));
  }
  if (leading() == told_leading_) return;
  told_leading_ = !told_leading_;
  if (told_leading_)
    ports_.log->info("this replica leads: Lease {}, {}", terms().lease.text(), terms().identity);
  else if (stopped_)
    ports_.log->info("this replica stops leading");
  else
    ports_.log->warn("this replica does not lead any more: {}",
                     holder() == terms().identity ? "its Lease could not be renewed in time" : "another one does");
  ports_.changed(told_leading_);
}

void LeaderElection::complain() {
  const std::string& trouble = candidacy_.trouble();
  if (trouble == told_trouble_) return;
  if (!trouble.empty())
    ports_.log->warn("Lease {}: {}", terms().lease.text(), printable(trouble.substr(0, 500)));
  else
    ports_.log->info("Lease {} can be read and written again", terms().lease.text());
  told_trouble_ = trouble;
}

}  // namespace gatehouse::kubernetes

#include "cli/program.h"

#include "base/thread_urgency.h"
#include "config/problem_reasons.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <csignal>
#include <span>
#include <thread>

namespace gatehouse {
namespace {

constexpr std::size_t most_lines_at_once = 100;

std::string problems_json(const std::vector<Problem>& problems, const std::vector<std::string>& not_listening) {
  boost::json::array list;
  for (const auto& words : not_listening) list.push_back(boost::json::object{{"severity", "error"}, {"words", words}});
  for (const auto& problem : problems)
    list.push_back(boost::json::object{{"severity", problem.severity == Severity::error ? "error" : "warning"},
                                       {"file", problem.file},
                                       {"line", problem.line},
                                       {"column", problem.column},
                                       {"object", problem.object},
                                       {"words", problem.words}});
  return boost::json::serialize(list) + "\n";
}

// Like Problem::text(), without the severity, which is the log's level.
std::string log_text(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) text += ":" + std::to_string(problem.line);
  if (problem.line > 0 && problem.column > 0) text += ":" + std::to_string(problem.column);
  for (const auto* part : {&problem.object, &problem.words})
    if (!part->empty()) text += (text.empty() ? "" : ": ") + *part;
  return text;
}

std::size_t usable_processors() { return std::max(1u, std::thread::hardware_concurrency()); }

}  // namespace

Program::Program(ConfigurationSource source, Settings settings, std::vector<Problem> warnings, ServiceStart start,
                 ProgramLog log, std::shared_ptr<LineSink> access_lines, std::optional<kubernetes::Access> access)
    : source_(std::move(source)),
      start_(std::move(start)),
      log_(std::move(log)),
      access_lines_(std::move(access_lines)),
      admin_(admin_source(settings)),
      server_(clock_, server_options(settings), &admin_, log_.logger),
      reload_(control_.get_executor(), clock_, std::move(settings), std::move(warnings),
              {[this](const Publication& publication) { publish(publication); }, [this] { return load_settings(); },
               [this](std::string name) { return names_.resolve(std::move(name)); }}),
      renewals_(renewal_ports()),
      signals_(control_, SIGTERM, SIGINT) {
  signals_.add(SIGHUP);
  signals_.add(SIGUSR1);
  if (access) join_cluster(std::move(*access));
}

void Program::join_cluster(kubernetes::Access access) {
  auto identity = member_identity(source_.environment, access);
  log_.logger->info("routes come from the API server {} ({})", access.server, access.origin);
  member_ = std::make_unique<ClusterMember>(
      std::move(access), *reload_.settings().kubernetes, std::move(identity),
      ClusterMember::Ports{control_, clock_, deadlines_, log_.logger,
                           [this](std::string name) { return names_.resolve(std::move(name)); }, reload_});
  reload_.use_cluster(member_->source());
}

SettingsOrProblems Program::load_settings() {
  auto loaded = source_.load();
  if (loaded.settings) settings_read_ = true;
  return loaded;
}

acme::Renewals::Ports Program::renewal_ports() {
  return {control_.get_executor(),
          clock_,
          log_.logger,
          acme::fetch_by_network(control_, deadlines_,
                                 [this](std::string name) { return names_.resolve(std::move(name)); }),
          [this](std::vector<ObtainedCertificate> obtained) { reload_.use_certificates(std::move(obtained)); },
          [this](std::shared_ptr<const tls::ChallengeBoard> board) { reload_.use_challenges(std::move(board)); },
          {},
          [this](const std::string& storage) {
            return member_ && storage == AcmeSettings::secrets_storage ? member_->place() : nullptr;
          },
          [this](const acme::IssueReport& report) {
            if (!member_) return;
            for (const auto& object : report.asked_by)
              member_->tell(object, report.issued ? reasons::certificate_issued : reasons::certificate_failed,
                            report.words, !report.issued);
          }};
}

Server::Options Program::server_options(const Settings& settings) const {
  Server::Options options;
  options.workers = settings.workers > 0 ? settings.workers : usable_processors();
  if (access_lines_) {
    options.access_log.format =
        settings.access_log->format == LogFormat::json ? AccessLogFormat::json : AccessLogFormat::common;
    options.access_log.write = [lines = access_lines_](std::string line) { lines->write(line); };
  }
  for (const auto& socket : start_.sockets) options.activated.push_back({socket.name, socket.fd.number()});
  return options;
}

AdminSource Program::admin_source(const Settings& settings) {
  AdminSource source;
  source.ready = [this] { return standing_.synced.load(); };
  source.draining = [this] { return standing_.stopping.load(); };
  source.snapshot = [this] { return server_.snapshot(); };
  source.extra_metrics = [this] { return renewals_.metrics() + (member_ ? member_->metrics() : std::string()); };
  source.problems_json = [this] { return *standing_.problems_json.load(); };
  if (settings.kubernetes) source.cluster_json = [this] { return member_ ? member_->json() : std::string("{}\n"); };
  source.version = GATEHOUSE_VERSION;
  source.allowed_hosts = settings.admin_allowed_hosts;
  return source;
}

bool Program::run() {
  server_.start();
  // Before anybody can connect: stored certificates are in the first snapshot.
  renewals_.use(reload_.settings().resolvers);
  reload_.start();
  if (!required_entry_points_listen()) {
    server_.stop();
    return false;
  }
  // Without it nothing would follow the files any more: better to end and be started again than to serve the past.
  asio::co_spawn(control_, reload_.run(), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
  if (member_) member_->start();
  asio::co_spawn(control_, keep_listening(), asio::detached);
  asio::co_spawn(control_, deadlines_.run(), asio::detached);
  if (start_.watchdog) asio::co_spawn(control_, feed_watchdog(*start_.watchdog / 2), asio::detached);
  await_signal();
  for (const auto& [name, addresses] : server_.bound())
    for (const auto& address : addresses) log_.logger->info("entry point {} listens on {}", name, address.text());
  log_.logger->info("gatehouse {} serves, {} found", GATEHOUSE_VERSION, count_of(reload_.problems()));
  start_.notifier.ready("serving");
  defer_this_thread();
  control_.run();
  server_.stop();  // however it ended: workers ask members that go before it
  return true;
}

void Program::publish(const Publication& publication) {
  listen(publication.snapshot);
  report(publication);
  if (std::exchange(settings_read_, false)) {
    renewals_.use(reload_.settings().resolvers);
    requested_ = nullptr;
  }
  if (member_) member_->report(publication);
  if (publication.complete && publication.certificate_requests != requested_) {
    requested_ = publication.certificate_requests;
    renewals_.want(*requested_);
  }
  synced_ = publication.synced;
  standing_.synced = synced_ && renewals_.loaded();
  if (std::exchange(notify_ready_, false)) start_.notifier.ready("serving");
}

// Says what cannot be listened on once, and once when it can again.
void Program::listen(const SnapshotPtr& snapshot) {
  auto failed = server_.publish(snapshot);
  const auto absent = [](const std::vector<std::string>& list, const std::string& words) {
    return std::find(list.begin(), list.end(), words) == list.end();
  };
  for (const auto& words : failed)
    if (absent(not_listening_, words)) log_.logger->error("{}", words);
  for (const auto& words : not_listening_)
    if (absent(failed, words)) log_.logger->info("solved: {}", words);
  not_listening_ = std::move(failed);
  standing_.problems_json = std::make_shared<const std::string>(problems_json(reload_.problems(), not_listening_));
}

void Program::report(const Publication& publication) {
  std::size_t lines = 0;
  for (const auto& problem : publication.appeared) {
    if (++lines > most_lines_at_once) break;
    auto level = problem.severity == Severity::error ? spdlog::level::err : spdlog::level::warn;
    log_.logger->log(level, "{}", log_text(problem));
  }
  if (publication.appeared.size() > most_lines_at_once)
    log_.logger->error("and {} more; `gatehouse check` tells all", publication.appeared.size() - most_lines_at_once);
  if (publication.solved.size() > most_lines_at_once) {
    log_.logger->info("solved: {} problems", publication.solved.size());
  } else {
    for (const auto& problem : publication.solved) log_.logger->info("solved: {}", log_text(problem));
  }
  const std::chrono::duration<double, std::milli> took = publication.translating;
  log_.logger->debug("routes in force: generation {}, in {:.2f} ms", publication.snapshot->generation, took.count());
}

bool Program::required_entry_points_listen() const {
  const auto bound = server_.bound();
  const auto snapshot = server_.snapshot();
  return std::all_of(snapshot->entry_points.begin(), snapshot->entry_points.end(), [&](const auto& entry_point) {
    const auto found = bound.find(entry_point->name);
    return !entry_point->required || (found != bound.end() && found->second.size() == entry_point->addresses.size());
  });
}

Awaitable<void> Program::keep_listening() {
  for (;;) {
    co_await clock_.sleep_until(clock_.now() + listen_again);
    standing_.synced = synced_ && renewals_.loaded();
    if (!not_listening_.empty() && !standing_.stopping) listen(server_.snapshot());
  }
}

Awaitable<void> Program::feed_watchdog(Duration every) {
  for (;;) {
    start_.notifier.watchdog();
    co_await clock_.sleep_until(clock_.now() + every);
  }
}

void Program::await_signal() {
  signals_.async_wait([this](error_code cancelled, int number) {
    if (cancelled) return;
    on_signal(number);
    await_signal();
  });
}

void Program::on_signal(int number) {
  if (number == SIGUSR1) return reopen_logs();
  if (number == SIGHUP) {
    log_.logger->info("reloading");
    start_.notifier.reloading(clock_.now());
    notify_ready_ = true;
    return reload_.reload_settings();
  }
  if (standing_.stopping.exchange(true)) {
    log_.logger->warn("stopping at once");
    return control_.stop();
  }
  start_.notifier.stopping("draining");
  renewals_.stop();
  asio::co_spawn(control_, leave_cluster(), asio::detached);
  asio::co_spawn(control_, stop_after_drain(), asio::detached);
}

void Program::reopen_logs() {
  for (const auto& lines : {log_.lines, access_lines_}) {
    if (!lines) continue;
    if (auto reopened = lines->reopen(); !reopened) log_.logger->error("{}", describe(reopened.error()));
  }
}

Awaitable<void> Program::stop_after_drain() {
  auto accept_grace = longest(&LifeCycleSettings::request_accept_grace);
  auto grace = longest(&LifeCycleSettings::grace);
  if (accept_grace > Duration::zero()) co_await clock_.sleep_until(clock_.now() + accept_grace);
  log_.logger->info("draining, for {} s at most", std::chrono::duration_cast<std::chrono::seconds>(grace).count());
  server_.drain([this] { asio::post(control_, [this] { drained(); }); });
  co_await clock_.sleep_until(clock_.now() + grace);
  co_await end();
}

void Program::tell_cut(const std::vector<CutConnection>& cut) const {
  constexpr std::size_t most = 100;
  log_.logger->warn("{} connections were cut", cut.size());
  for (const auto& connection : std::span(cut).first(std::min(cut.size(), most)))
    log_.logger->warn("cut: {} at entry point {}{}", connection.peer, connection.entry_point,
                      connection.server_name.empty() ? "" : " for " + connection.server_name);
}

// Another replica may lead at once, however long the drain takes.
Awaitable<void> Program::leave_cluster() {
  if (member_) co_await member_->leave();
  left_cluster_ = true;
  stop_if_done();
}

void Program::drained() {
  log_.logger->info("every connection ended");
  drained_ = true;
  stop_if_done();
}

void Program::stop_if_done() {
  if (drained_ && left_cluster_) asio::co_spawn(control_, end(), asio::detached);
}

Awaitable<void> Program::end() {
  if (std::exchange(ending_, true)) co_return;
  if (member_) co_await member_->stop();
  const auto cut = server_.stop();
  if (!drained_) tell_cut(cut);
  control_.stop();
}

Duration Program::longest(Duration LifeCycleSettings::*limit) const {
  Duration most{};
  for (const auto& entry_point : reload_.settings().entry_points)
    if (!entry_point.admin()) most = std::max(most, entry_point.life_cycle.*limit);
  return most;
}

}  // namespace gatehouse

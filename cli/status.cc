#include "base/log.h"
#include "cli/commands.h"
#include "cli/membership.h"
#include "cli/published_status.h"
#include "config/kubernetes/api_client.h"
#include "config/kubernetes/ingress_status.h"
#include "config/kubernetes/lease.h"
#include "config/system_resolver.h"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <ostream>

namespace gatehouse {

using namespace kubernetes;

namespace {

// Takes the lead from the running replicas, so that none writes the status again, and removes it.
class Clearing {
 public:
  Clearing(Access access, const KubernetesSettings& settings, const MemberIdentity& identity, Logger log)
      : settings_(settings),
        client_({io_, deadlines_, clock_, [this](std::string name) { return names_.resolve(std::move(name)); }, log},
                std::move(access), quick),
        cluster_(
            std::make_shared<Cluster>(Cluster::Ports{io_.get_executor(), clock_, client_.streamer(), log}, options())),
        published_(*cluster_, settings.reports, identity.pod),
        heard_(io_.get_executor(), clock_) {
    LeaseTerms terms = lease_terms(settings.leader_election, identity);
    terms.takes_over = true;
    election_ = std::make_shared<LeaderElection>(
        std::move(terms),
        LeaderElection::Ports{io_.get_executor(), clock_, log, client_.caller(), [this](bool) { heard_.ring(); }});
  }

  // `limit`: on what comes before the first write.
  ClearedStatus run(Duration limit) {
    asio::co_spawn(io_, deadlines_.run(), asio::detached);
    asio::co_spawn(io_, cluster_->run([this] { heard_.ring(); }), [held = cluster_](std::exception_ptr) {});
    asio::co_spawn(io_, clear(clock_.now() + limit), [this](std::exception_ptr) { io_.stop(); });
    io_.run();
    return std::move(report_);
  }

 private:
  static constexpr ApiLimits quick{.per_second = 200, .burst = 200};  // an uninstall waits for it

  ClusterOptions options() const {
    ClusterOptions options = cluster_options(settings_);
    options.secrets = ClusterOptions::Secrets::referenced;  // and none is
    options.cache_file.clear();
    options.tcp_routes = false;
    return options;
  }

  bool synced() {
    if (cluster_->listed() && !cluster_->has_synced()) cluster_->want_secrets({});
    return cluster_->has_synced();
  }

  // By its end whoever led has wanted to renew, and seen that it leads no more. False: not in time.
  Awaitable<bool> take_lead(TimePoint end) {
    asio::co_spawn(io_, election_->run(), asio::detached);
    while (!election_->leading()) {
      if (clock_.now() >= end) co_return false;
      co_await heard_.wait_until(end);
    }
    co_await clock_.sleep_until(clock_.now() + election_->terms().retry * 3 / 2);
    co_return true;
  }

  Awaitable<void> clear(TimePoint end) {
    const std::string& server = client_.access().server;
    while (!synced()) {
      if (clock_.now() >= end) co_return fail(server + " has not told all Ingresses in time");
      co_await heard_.wait_until(end);
    }
    std::string address = published_.address();
    if (address.empty())
      co_return fail("the address is not known: publishedService has to name the Service, and it has to be there");
    if (settings_.leader_election.enabled) {
      const bool leads = co_await take_lead(end);
      if (!leads) co_return fail(server + " has not given the Lease in time");
    }
    auto call = client_.caller();
    auto ours = published_.ours({settings_.ingress_classes, settings_.controllers, settings_.ingress_without_class});
    auto clearing = clear_ingress_status(clock_, std::move(call), std::move(ours), std::move(address));
    report_ = co_await std::move(clearing);
  }

  void fail(std::string words) { report_.failures.push_back(std::move(words)); }

  const KubernetesSettings& settings_;
  SystemClock clock_;
  Deadlines deadlines_{clock_};
  asio::io_context io_{1};
  SystemResolver names_;
  ApiClient client_;
  const std::shared_ptr<Cluster> cluster_;
  PublishedStatus published_;
  Bell heard_;
  std::shared_ptr<LeaderElection> election_;
  ClearedStatus report_;
};

int clear_status(const CommandLine& line, int seconds) {
  const Console& console = line.console;
  const auto loaded = line.source.load();
  for (const auto& problem : loaded.problems)
    if (!loaded.settings || problem.severity == Severity::error) console.err << problem.text() << '\n';
  if (!loaded.settings) return exit_problem;
  if (!loaded.settings->kubernetes || !loaded.settings->kubernetes->reports.update_status) {
    console.out << "these settings write no status\n";
    return exit_well;
  }
  const auto found = find_access(*loaded.settings, line.source.environment);
  for (const auto& problem : found.problems) console.err << problem.text() << '\n';
  if (!found.access) return exit_problem;
  auto log = open_program_log({});
  if (!log) {
    console.err << describe(log.error()) << '\n';
    return exit_problem;
  }
  Clearing clearing(*found.access, *loaded.settings->kubernetes,
                    member_identity(line.source.environment, *found.access), log->logger);
  const auto report = clearing.run(std::chrono::seconds(seconds));
  for (const auto& failure : report.failures) console.err << failure << '\n';
  console.out << "removed from " << report.removed << " Ingresses\n";
  return report.failures.empty() ? exit_well : exit_problem;
}

}  // namespace

void add_status(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("status", "what Ingresses show of where they are served");
  command->require_subcommand(1);
  auto* clear_command = command->add_subcommand("clear", "remove our addresses from status.loadBalancer of Ingresses");
  add_source_options(*clear_command, line);
  auto seconds = std::make_shared<int>(60);
  clear_command->add_option("--timeout", *seconds, "how long to wait for the API server")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  clear_command->footer(
      "For taking Gatehouse away from a cluster; the Helm chart runs it before an uninstall. It takes the lead from\n"
      "running replicas and keeps it for 15 s after its end, so let them end by then. Other addresses are left.\n\n"
      "Exit codes: 0 removed, 1 some could not be or the API server did not answer, 2 the command line is wrong.");
  clear_command->callback([&line, seconds] { line.exit_code = clear_status(line, *seconds); });
}

}  // namespace gatehouse

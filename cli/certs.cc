#include "cli/commands.h"

#include "acme/operator_request.h"
#include "acme/survey.h"
#include "base/escape.h"
#include "base/regular_file.h"

#include <CLI/CLI.hpp>

#include <ostream>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>
#include <thread>

namespace gatehouse {
namespace {

using acme::OperatorRequest;
using acme::Survey;

constexpr Duration obeyed_within = std::chrono::seconds(10);
constexpr Duration look_again = std::chrono::milliseconds(100);

int refuse(const CommandLine& line, const std::string& words) {
  line.console.err << printable(words) << '\n';
  return exit_problem;
}

// What is kept in Secrets the cluster's own tools show, and an annotation asks for. True when there is such a thing.
bool tell_of_secrets(const Settings& settings, std::ostream& err) {
  bool some = false;
  for (const auto& [name, resolver] : settings.resolvers) {
    if (!resolver.acme || !resolver.acme->in_secrets()) continue;
    some = true;
    err << "certificatesResolvers." << printable(name)
        << " keeps its certificates in Secrets: kubectl get secrets -l gatehouse.dev/record; to renew one: "
           "kubectl annotate secret NAME gatehouse.dev/renew=now\n";
  }
  return some;
}

// Nothing when it has been refused.
std::optional<std::vector<Survey>> look(const CommandLine& line) {
  auto configuration = read_configuration(line.source, Names::unresolved);
  warn_of_problems(configuration, line.console.err);
  if (!configuration.settings) return std::nullopt;
  SystemClock clock;
  auto surveys = acme::survey(configuration.settings->resolvers, configuration.certificate_requests, clock);
  const bool in_secrets = tell_of_secrets(*configuration.settings, line.console.err);
  if (surveys.empty() && !in_secrets) {
    refuse(line, line.source.file + ": no certificatesResolvers entry is `acme: {…}`");
    return std::nullopt;
  }
  for (const Survey& survey : surveys)
    for (const auto& sentence : survey.sentences) line.console.err << printable(sentence) << '\n';
  return surveys;
}

bool readable(const std::vector<Survey>& surveys) {
  return std::all_of(surveys.begin(), surveys.end(), [](const Survey& survey) { return survey.readable; });
}

int list(const CommandLine& line, const std::string& output) {
  const auto surveys = look(line);
  if (!surveys) return exit_problem;
  std::vector<acme::CertificateStatus> all;
  for (const Survey& survey : *surveys) {
    auto some = acme::certificate_statuses(survey.plan, survey.input);
    all.insert(all.end(), some.begin(), some.end());
  }
  line.console.out << (output == "json" ? acme::status_json(all) : acme::status_table(all));
  return readable(*surveys) ? exit_well : exit_problem;
}

int print_plan(const CommandLine& line) {
  const auto surveys = look(line);
  if (!surveys) return exit_problem;
  for (const Survey& survey : *surveys) line.console.out << survey.storage << ": " << acme::describe(survey.plan);
  return readable(*surveys) ? exit_well : exit_problem;
}

// A file that vanishes has been taken by the running gatehouse. A person waits here, so in real time.
bool is_obeyed(const std::filesystem::path& file) {
  const auto end = SystemClock().now() + obeyed_within;
  error_code error;
  while (std::filesystem::exists(file, error)) {
    if (SystemClock().now() > end) return false;
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

int ask(const CommandLine& line, const Survey& survey, const OperatorRequest& request, std::string_view contents) {
  auto left = acme::leave_request(survey.storage, request, contents);
  if (!left) return refuse(line, describe(left.error()));
  line.console.err
      << (is_obeyed(*left)
              ? "taken up; `gatehouse certs list` and the log tell what becomes of it\n"
              : "not taken up yet: gatehouse does not run with this storage, or has to finish orders first\n");
  return exit_well;
}

struct Match {
  const Survey* survey;
  std::string record;
};

// By the record's name, or a host the certificate is for.
std::vector<Match> find(const std::vector<Survey>& surveys, const std::string& name) {
  std::vector<Match> matches;
  const auto host = HostName::parse_with_wildcard(name);
  for (const Survey& survey : surveys)
    for (const auto& planned : survey.plan.certificates) {
      const bool is_for = host && std::find(planned.names.begin(), planned.names.end(), *host) != planned.names.end();
      const bool can_be_asked_for = planned.expires || planned.state == acme::PlanState::waiting;
      if (can_be_asked_for && (planned.record == name || is_for)) matches.push_back({&survey, planned.record});
    }
  return matches;
}

int ask_about(const CommandLine& line, OperatorRequest::Kind kind, const std::string& name) {
  const auto surveys = look(line);
  if (!surveys) return exit_problem;
  const auto matches = find(*surveys, name);
  if (matches.empty()) return refuse(line, "there is no certificate for '" + name + "'");
  if (matches.size() > 1) {
    std::string words = "several certificates are for '" + name + "'; say which:";
    for (const auto& match : matches) words += " " + match.record;
    return refuse(line, words);
  }
  return ask(line, *matches[0].survey, {kind, matches[0].record}, {});
}

int roll_key(const CommandLine& line, const std::string& resolver) {
  const auto surveys = look(line);
  if (!surveys) return exit_problem;
  int code = exit_well;
  bool any = false;
  for (const Survey& survey : *surveys) {
    const auto accounts = survey.accounts.find(resolver);
    if (accounts == survey.accounts.end()) continue;
    any = true;
    for (const std::string& account : accounts->second)
      code = std::max(code, ask(line, survey, {OperatorRequest::Kind::roll_key, account}, {}));
  }
  return any ? code : refuse(line, "resolver '" + resolver + "' has no account");
}

int prune(const CommandLine& line) {
  const auto surveys = look(line);
  if (!surveys) return exit_problem;
  int code = exit_well;
  for (const Survey& survey : *surveys) {
    std::size_t count = 0;
    for (const auto& planned : survey.plan.certificates) {
      if (planned.state != acme::PlanState::unwanted) continue;
      line.console.out << planned.record << ": " << planned.words << '\n';
      ++count;
    }
    if (count > 0) code = std::max(code, ask(line, survey, {OperatorRequest::Kind::prune, {}}, {}));
  }
  return code;
}

int import(const CommandLine& line, const std::string& file) {
  const auto surveys = look(line);
  if (!surveys) return exit_problem;
  auto read = read_regular_file(file, acme::max_acme_json_bytes);
  if (!read) return refuse(line, file + " " + read.error().detail);
  SystemClock clock;
  const auto parsed = acme::parse_acme_json(read->text, clock.wall_now());
  if (!parsed) return refuse(line, file + ": " + describe(parsed.error()));
  for (const auto& problem : parsed->problems) line.console.err << "left out: " << printable(problem) << '\n';
  // Each storage takes what is of its own resolvers.
  int code = exit_problem;
  for (const Survey& survey : *surveys) {
    const auto is_here = [&](const auto& imported) { return survey.resolvers.contains(imported.resolver); };
    const auto& certificates = parsed->certificates;
    const auto& accounts = parsed->accounts;
    if (std::none_of(certificates.begin(), certificates.end(), is_here) &&
        std::none_of(accounts.begin(), accounts.end(), is_here))
      continue;
    const std::string number = std::to_string(clock.wall_now().time_since_epoch().count());
    code = ask(line, survey, {OperatorRequest::Kind::import, number}, read->text);
    if (code != exit_well) return code;
  }
  if (code != exit_well) return refuse(line, file + ": nothing in it is of a resolver in " + line.source.file);
  return code;
}

constexpr const char* how_it_gets_through =
    "It is left as a file in STORAGE/requests. A running gatehouse takes it up within seconds, another one when it\n"
    "starts; whether it was done is in the log and in `gatehouse certs list`.\n\n";
constexpr const char* exit_codes =
    "Exit codes: 0 asked for, 1 there is no such certificate or the storage cannot be used, 2 the command line is "
    "wrong.";

void add_list(CLI::App& certs, CommandLine& line) {
  auto* command = certs.add_subcommand("list", "print the certificates of the ACME resolvers, and how they stand");
  add_source_options(*command, line);
  auto output = std::make_shared<std::string>("table");
  command->add_option("-o,--output", *output, "how")->check(CLI::IsMember({"table", "json"}))->capture_default_str();
  command->footer(
      "Names, resolver, CA, state, expiry, when it is renewed or tried next, and why; the last error of those that\n"
      "failed. Reads the storage beside a running gatehouse.\n\n"
      "Examples:\n"
      "  gatehouse certs list\n"
      "  gatehouse certs list --output json | jq '.[] | select(.failures > 0) | .names[0], .lastError'\n\n"
      "Exit codes: 0 printed, 1 the configuration has an error or a storage cannot be read, 2 the command line is "
      "wrong.");
  command->callback([&line, output] { line.exit_code = list(line, *output); });
}

void add_plan(CLI::App& certs, CommandLine& line) {
  auto* command = certs.add_subcommand("plan", "print which certificates there should be, and what is done when");
  add_source_options(*command, line);
  command->footer(
      "From configuration, manifests and what is stored; nothing is ordered. What waits for a limit of the CA is told\n"
      "until when.\n\n"
      "Exit codes: 0 printed, 1 the configuration has an error or a storage cannot be read, 2 the command line is "
      "wrong.");
  command->callback([&line] { line.exit_code = print_plan(line); });
}

void add_named(CLI::App& certs, CommandLine& line, OperatorRequest::Kind kind, const std::string& verb,
               const std::string& words, const std::string& more) {
  auto* command = certs.add_subcommand(verb, words);
  add_source_options(*command, line);
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "a host it is for, or its name in `gatehouse certs list --output json`")
      ->required();
  command->footer(more + how_it_gets_through + exit_codes);
  command->callback([&line, kind, name] { line.exit_code = ask_about(line, kind, *name); });
}

}  // namespace

void add_certs(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("certs", "certificates obtained by ACME");
  command->require_subcommand(1);
  add_list(*command, line);
  add_plan(*command, line);
  add_named(*command, line, OperatorRequest::Kind::renew, "renew", "have a certificate renewed now",
            "Also tries one again that failed, without waiting. The limits of the CA hold all the same.\n");
  add_named(*command, line, OperatorRequest::Kind::revoke, "revoke",
            "have a certificate revoked by its CA, and replaced",
            "For a key that somebody else may have. It is shown until the new one is there.\n");
  auto* roll_command = command->add_subcommand("roll-key", "give the accounts of a resolver a new key");
  add_source_options(*roll_command, line);
  auto resolver = std::make_shared<std::string>();
  roll_command->add_option("RESOLVER", *resolver, "its name under certificatesResolvers")->required();
  roll_command->footer(
      std::string(
          "At each of its CAs where it has one; certificates and their keys stay. Orders under way are finished\n"
          "first, with the old key.\n") +
      how_it_gets_through +
      "Exit codes: 0 asked for, 1 it has no account or the storage cannot be used, 2 the command line is wrong.");
  roll_command->callback([&line, resolver] { line.exit_code = roll_key(line, *resolver); });
  auto* prune_command = command->add_subcommand("prune", "remove the certificates nobody asks for any more");
  add_source_options(*prune_command, line);
  prune_command->footer(std::string("Without waiting for the time of grace; prints which.\n") + how_it_gets_through +
                        exit_codes);
  prune_command->callback([&line] { line.exit_code = prune(line); });
  auto* import_command = command->add_subcommand("import", "take accounts and certificates from Traefik's acme.json");
  add_source_options(*import_command, line);
  auto file = std::make_shared<std::string>();
  import_command->add_option("FILE", *file, "acme.json of Traefik v2 or v3")->required();
  import_command->footer(
      std::string(
          "Those of resolvers that have the same name here. What is stored already and lasts longer is kept.\n") +
      how_it_gets_through + exit_codes);
  import_command->callback([&line, file] { line.exit_code = import(line, *file); });
}

}  // namespace gatehouse

// tests/golden/ingress/*.yaml: objects, then what they mean. Each file holds, in this order: words on what it shows
// (lines with `#`), the objects as YAML, and after `=== NAME` one line each of
//   settings      what differs from the defaults: see apply_setting. With `cluster` all objects are the API server's,
//                 with `cluster NAMESPACE…` those of these namespaces; its rules are strict unless settings say so
//   routes        the tables as printed, each under the entry points that share it
//   problems      in the order of the file; those of the API server's objects come first, with their reason
//   resolve       the DNS names that translation wants resolved
//   certificates  host: whose certificate it shows
//   asked         what the ACME resolvers are asked for
//   requests      what is asked → the service and endpoints, and the TLS options the host has of its own, or 404, or
//   503
//                 and why, or what TLS options answer
// Of certificates and requests the file gives the part before the arrow, of the others all.
// GATEHOUSE_WRITE_GOLDEN=1 writes the answers as they are now; read the difference before keeping it.
#include "config/kubernetes/manifest.h"
#include "config/translation.h"
#include "proxy/route/print.h"
#include "proxy/route_choice.h"
#include "tests/golden/difference.h"
#include "tls/client_context.h"
#include "tls/internal_ca.h"
#include "tls/new_certificate.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace gatehouse {
namespace {

using Lines = std::vector<std::string>;

struct Golden {
  std::string yaml;
  std::map<std::string, Lines> parts;
};

struct World {
  TranslationInput input;
  bool all_in_cluster = false;
  std::set<std::string> cluster_namespaces;
  std::vector<HostClaims::Rule> claims;
  ResolvedNames resolved;
};

constexpr std::string_view arrow = " → ";
constexpr auto written_parts = {"settings", "routes", "problems", "resolve", "certificates", "asked", "requests"};

Golden read_golden(const std::filesystem::path& path) {
  Golden golden;
  std::ifstream stream(path);
  Lines* part = nullptr;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("=== "))
      part = &golden.parts[line.substr(4)];
    else if (part != nullptr)
      part->push_back(line);
    else
      golden.yaml += line + "\n";
  }
  return golden;
}

std::string text_of(Golden& golden) {
  std::string text = golden.yaml;
  for (const std::string part : written_parts) {
    if (golden.parts[part].empty()) continue;
    text += "=== " + part + "\n";
    for (const std::string& line : golden.parts[part]) text += line + "\n";
  }
  return text;
}

Lines words_of(const std::string& line) {
  std::istringstream stream(line);
  Lines words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

const TlsOptionsPtr& default_options() {
  static const TlsOptionsPtr options = make_tls_options("default", {}).value();
  return options;
}

// `kind`: as clientAuthType says it.
void add_tls_options(World& world, const std::string& name, const std::string& kind) {
  const std::map<std::string, tls::ClientAuth> kinds = {
      {"NoClientCert", tls::ClientAuth::none},
      {"RequestClientCert", tls::ClientAuth::request},
      {"VerifyClientCertIfGiven", tls::ClientAuth::verify_if_given},
      {"RequireAnyClientCert", tls::ClientAuth::require_any},
      {"RequireAndVerifyClientCert", tls::ClientAuth::require_and_verify}};
  world.input.tls_options[name] = make_tls_options(name, {.client_auth = kinds.at(kind)}).value();
}

EntryPointInput entry_point(const std::string& name) {
  EntryPointInput input;
  input.entry_point.tls.options = default_options();
  input.entry_point.name = name;
  input.entry_point.admin = name == "admin";
  return input;
}

EntryPointInput& find_entry_point(World& world, const std::string& name) {
  for (auto& input : world.input.entry_points)
    if (input.entry_point.name == name) return input;
  return world.input.entry_points.emplace_back(entry_point(name));
}

std::shared_ptr<const tls::InternalCa> test_ca() {
  const auto root = tls::make_self_signed({}, std::chrono::system_clock::now());
  return std::make_shared<const tls::InternalCa>(*root);
}

std::vector<HostName> host_names(const Lines& texts) {
  std::vector<HostName> names;
  for (const auto& text : texts) names.push_back(HostName::parse_with_wildcard(text).value());
  return names;
}

// Valid for so many days from now; its subject says so.
tls::CertificatePtr test_certificate(const std::string& days, const Lines& names) {
  const auto now = std::chrono::system_clock::now();
  const auto end = now + std::chrono::hours(24 * std::stoi(days));
  return tls::make_certificate({"for " + days + " days", host_names(names), end - std::chrono::hours(24 * 90), end},
                               nullptr)
      .value();
}

// The entry point is `-` for none.
void add_acme_resolver(World& world, const std::string& name, const std::string& entry_point,
                       const std::string& until) {
  world.input.resolvers.insert(name);
  world.input.acme_resolvers[name].until_issued = until == "none"       ? UntilIssued::none
                                                  : until == "internal" ? UntilIssued::internal_ca
                                                                        : UntilIssued::default_certificate;
  if (entry_point != "-") find_entry_point(world, entry_point).cert_resolver = name;
}

std::vector<NamePattern> patterns(const Lines& texts) {
  std::vector<NamePattern> parsed;
  for (const auto& text : texts) parsed.push_back(NamePattern::parse(text).value());
  return parsed;
}

// One line of `=== settings` that is about the API server's objects. False: it is not.
bool apply_cluster_setting(World& world, const Lines& words) {
  ProviderRules& rules = world.input.kubernetes;
  const Lines rest(words.begin() + 1, words.end());
  if (words[0] == "cluster") {
    world.all_in_cluster = rest.empty();
    world.cluster_namespaces.insert(rest.begin(), rest.end());
  } else if (words[0] == "external-names") {
    rules.allow_external_names = true;
    rules.external_names = patterns(rest);
  } else if (words[0] == "own-hosts") {
    rules.shared_hosts = false;
  } else if (words[0] == "local-addresses") {
    rules.allow_local_addresses = true;
  } else if (words[0] == "claim" && rest.size() > 1) {
    world.claims.push_back({{rest[0]}, patterns({rest.begin() + 1, rest.end()})});
  } else if (words[0] == "node" && rest.size() == 1) {
    rules.node = rest[0];
  } else if (words[0] == "zone" && rest.size() == 1) {
    rules.zone = rest[0];
  } else {
    return false;
  }
  return true;
}

// One line of `=== settings`.
void apply_setting(World& world, const std::string& line) {
  const Lines words = words_of(line);
  const auto is = [&](std::string_view name, std::size_t arguments) {
    return words[0] == name && words.size() == arguments + 1;
  };
  if (is("entry-point", 1))
    find_entry_point(world, words[1]);
  else if (is("as-default", 1))
    find_entry_point(world, words[1]).as_default = true;
  else if (is("class", 1))
    for (auto* rules : {&world.input.manifests, &world.input.kubernetes}) rules->classes.names.push_back(words[1]);
  else if (is("controller", 1))
    for (auto* rules : {&world.input.manifests, &world.input.kubernetes})
      rules->classes.controllers.push_back(words[1]);
  else if (is("without-class", 0))
    world.input.manifests.classes.without_class = true;
  else if (is("no-external-names", 0))
    world.input.manifests.allow_external_names = false;
  else if (is("no-local-addresses", 0))
    world.input.manifests.allow_local_addresses = false;
  else if (is("cross-namespace", 0))
    world.input.manifests.allow_cross_namespace = true;
  else if (is("no-upstream-tls", 0))
    world.input.upstream_tls = nullptr;
  else if (is("resolved", 2))
    world.resolved[words[1]].push_back(asio::ip::make_address(words[2]));
  else if (is("tls-options", 2))
    add_tls_options(world, words[1], words[2]);
  else if (is("entry-point-options", 2))
    find_entry_point(world, words[1]).entry_point.tls.options = world.input.tls_options.at(words[2]);
  else if (is("resolver", 1))
    world.input.resolvers.insert(words[1]);
  else if (is("acme-resolver", 3))
    add_acme_resolver(world, words[1], words[2], words[3]);
  else if (is("issuer", 2))
    world.input.acme_resolvers[words[1]].cert_manager_issuers.push_back(words[2]);
  else if (words[0] == "domains" && words.size() > 2)
    find_entry_point(world, words[1]).domains.push_back(host_names({words.begin() + 2, words.end()}));
  else if (words[0] == "obtained" && words.size() > 3)
    world.input.obtained.push_back({words[1], test_certificate(words[2], {words.begin() + 3, words.end()})});
  else if (words[0] == "configured" && words.size() > 1)
    world.input.certificates.push_back(test_certificate("30", {words.begin() + 1, words.end()}));
  else if (is("internal-resolver", 2)) {
    world.input.resolvers.insert(words[1]);
    world.input.internal_resolvers.insert(words[1]);
    world.input.internal_ca = test_ca();
    if (words[2] != "-") find_entry_point(world, words[2]).cert_resolver = words[1];
  } else if (!apply_cluster_setting(world, words))
    ADD_FAILURE() << "not a setting of these tests: " << line;
}

// As the API server gives it: without a file.
kubernetes::Object without_file(const kubernetes::Object& object) {
  const auto forget = [](const auto& o) {
    std::const_pointer_cast<std::remove_const_t<typename std::decay_t<decltype(o)>::element_type>>(o)->meta.origin = {};
  };
  std::visit(forget, object);
  return object;
}

std::string problem_line(Problem problem) {
  if (!problem.file.empty()) return problem.text();
  problem.line = 0;
  return problem.text() + (problem.reason.empty() ? "" : " (" + std::string(problem.reason) + ")");
}

World world_of(Golden& golden) {
  World world;
  const auto context = tls::make_client_context(
      {.verify = false, .ca_pem = "", .server_name = "", .certificate_pem = "", .key_pem = "", .alpn = {}});
  EXPECT_TRUE(context.has_value());
  world.input.upstream_tls = *context;
  for (const char* name : {"web", "websecure", "admin"}) world.input.entry_points.push_back(entry_point(name));
  world.input.kubernetes.allow_external_names = false;
  world.input.kubernetes.allow_local_addresses = false;
  for (const std::string& line : golden.parts["settings"]) apply_setting(world, line);
  if (!world.claims.empty()) world.input.kubernetes.host_claims = std::make_shared<const HostClaims>(world.claims);
  return world;
}

void append_lines(Lines& lines, const std::string& text) {
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
}

Lines route_lines(const Snapshot& snapshot) {
  Lines lines;
  const auto add_table = [&](auto table_of) {
    std::vector<const void*> shown;
    for (const auto& first : snapshot.entry_points) {
      const auto& table = table_of(*first);
      if (table->empty() || std::find(shown.begin(), shown.end(), table.get()) != shown.end()) continue;
      shown.push_back(table.get());
      std::string names;
      for (const auto& other : snapshot.entry_points)
        if (table_of(*other) == table) names += (names.empty() ? "" : ", ") + other->name;
      lines.push_back(names + ":");
      append_lines(lines, table->print());
    }
  };
  add_table([](const EntryPoint& point) { return point.http; });
  add_table([](const EntryPoint& point) { return point.tcp; });
  return lines;
}

const EntryPoint* find_entry_point(const Snapshot& snapshot, std::string_view name) {
  for (const auto& point : snapshot.entry_points)
    if (point->name == name) return point.get();
  return nullptr;
}

// The name, and how the service is reached where that is not plain HTTP.
std::string service_text(const Service& service) {
  std::string text = print_target(&service, "", "503").substr(std::string_view("→ ").size());
  if (service.tls) text += " over TLS as " + service.host;
  if (service.tls && service.speech == UpstreamSpeech::http1) text += " in HTTP/1.1";
  if (service.speech == UpstreamSpeech::http2_in_clear) text += " in HTTP/2";
  if (!service.pass_host_header) text += " with Host " + service.host;
  if (!service.sticky) return text;
  text += " sticky by " + service.sticky->name + " path=" + service.sticky->path;
  if (service.sticky->secure) text += " secure";
  if (service.sticky->http_only) text += " httponly";
  if (!service.sticky->same_site.empty()) text += " samesite=" + service.sticky->same_site;
  if (service.sticky->max_age_s != 0) text += " max-age=" + std::to_string(service.sticky->max_age_s);
  return text;
}

std::string http_answer(const EntryPoint& point, std::string_view authority, std::string_view path, bool over_tls) {
  HostBuffer buffer;
  const std::string_view host = host_of_authority(authority, buffer).value_or("");
  const HttpRoute* route = point.http->match(host, path, over_tls);
  if (route != nullptr && !route->service) return "503 " + route->missing;
  const TlsOptions& options = tls_options_for(point, host);
  if (const auto refusal = refusal_by_tls_options(over_tls ? &options : nullptr, point, host, route))
    return std::to_string(row(*refusal).status) + " by TLS options";
  if (route == nullptr) return "404";
  const bool own = over_tls && point.http->tls_options(host).named_by != nullptr;
  return service_text(*route->service) + (own ? " under " + options.name : "");
}

std::string tcp_answer(const TcpRoute* route) {
  if (route == nullptr) return "no route";
  std::string text;
  for (const auto& service : route->services)
    text += (text.empty() ? "" : ", ") + (service.service ? service_text(*service.service) : "closed");
  return text.empty() ? "closed" : text;
}

// `http://host/path` asks entry point web, `https://…` websecure; `tcp://ENTRYPOINT` connects without TLS and
// `tls://ENTRYPOINT/sni` with; ` from ADDRESS` may follow.
std::string answer(const Snapshot& snapshot, const std::string& request) {
  const Lines words = words_of(request);
  const auto scheme_end = words[0].find("://");
  const std::string scheme = words[0].substr(0, scheme_end);
  const std::string rest = words[0].substr(scheme_end + 3);
  const auto slash = std::min(rest.find('/'), rest.size());
  const std::string first = rest.substr(0, slash), path = rest.substr(slash);
  const bool is_http = scheme == "http" || scheme == "https";
  const auto* point = find_entry_point(snapshot, scheme == "http" ? "web" : scheme == "https" ? "websecure" : first);
  if (point == nullptr) return "no entry point";
  if (is_http) return http_answer(*point, first, path.empty() ? "/" : path, scheme == "https");
  TcpConnectionFacts facts;
  facts.client = asio::ip::make_address(words.size() == 3 ? words[2] : "192.0.2.1");
  if (scheme == "tcp") return tcp_answer(point->tcp->match_plain(facts));
  const std::string sni = path.empty() ? "" : path.substr(1);
  facts.sni = sni;
  const TcpRoute* specific = point->tcp->match_tls(facts, true);
  return tcp_answer(specific != nullptr ? specific : point->tcp->match_tls(facts, false));
}

std::string certificate_answer(const Snapshot& snapshot, const std::string& host) {
  const auto& store = *snapshot.certificates;
  if (const auto* certificate = store.find(host)) return (*certificate)->subject();
  if (store.may_issue(host) != nullptr) return "the built-in CA's";
  return store.is_bare(host) ? "none" : "the default certificate";
}

Lines asked_lines(const std::vector<CertificateRequest>& requests) {
  Lines lines;
  for (const auto& request : requests) {
    std::string line = request.resolver + ":";
    for (const HostName& name : request.names) line += " " + name.text();
    line += " for " + request.asked_by;
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(request.since.time_since_epoch()).count();
    lines.push_back(line + (since == 0 ? "" : " since " + std::to_string(since)));
  }
  return lines;
}

// Puts what `ask` says behind each line's arrow.
template <class Ask>
void answer_lines(Lines& lines, Ask ask) {
  for (std::string& line : lines) {
    if (line.empty() || line.starts_with("#")) continue;
    const std::string question = line.substr(0, line.find(arrow));
    line = question + std::string(arrow) + ask(question);
  }
}

Golden as_it_is(Golden golden, const std::string& name) {
  const World world = world_of(golden);
  const auto manifest = kubernetes::parse_manifest(golden.yaml, name + ".yaml");
  kubernetes::ClusterObjects files, cluster;
  for (const auto& object : manifest.objects) {
    if (world.all_in_cluster || world.cluster_namespaces.contains(meta_of(object).name.ns))
      cluster.add(without_file(object));
    else
      files.add(object);
  }
  const Translation translation =
      translate({{&files, &world.input.manifests}, {&cluster, &world.input.kubernetes}}, world.input, world.resolved);
  const Snapshot& snapshot = *translation.snapshot;

  golden.parts["routes"] = route_lines(snapshot);
  golden.parts["problems"].clear();
  for (const auto* problems : {&manifest.problems, translation.problems.get()})
    for (const auto& problem : *problems) golden.parts["problems"].push_back(problem_line(problem));
  golden.parts["resolve"] = *translation.names_to_resolve;
  golden.parts["asked"] = asked_lines(*translation.certificate_requests);
  answer_lines(golden.parts["certificates"],
               [&](const std::string& host) { return certificate_answer(snapshot, host); });
  answer_lines(golden.parts["requests"], [&](const std::string& request) { return answer(snapshot, request); });
  return golden;
}

std::filesystem::path golden_folder() { return std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/golden/ingress"; }

Lines golden_names() {
  Lines names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder()))
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

class IngressGolden : public testing::TestWithParam<std::string> {};

TEST_P(IngressGolden, MeansWhatTheFileSays) {
  const auto path = golden_folder() / (GetParam() + ".yaml");
  Golden golden = read_golden(path);
  Golden now = as_it_is(golden, GetParam());
  if (std::getenv("GATEHOUSE_WRITE_GOLDEN") != nullptr) std::ofstream(path) << text_of(now);
  const std::string expected = text_of(golden), actual = text_of(now);
  EXPECT_TRUE(expected == actual) << "- " << path << "\n+ as it is\n" << difference(expected, actual);
}

INSTANTIATE_TEST_SUITE_P(Files, IngressGolden, testing::ValuesIn(golden_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace gatehouse

#include "config/setting_checks.h"

#include "config/acme_setting_checks.h"
#include "config/kubernetes_setting_checks.h"
#include "config/nearest.h"
#include "config/quantities.h"
#include "config/setting_complaints.h"

namespace gatehouse {
namespace {

constexpr std::size_t most_entry_points = 64;  // a route's entry points are a set of bits

class Checks {
 public:
  Checks(const Settings& settings, const SettingNode& tree, std::vector<Problem>& problems)
      : settings_(settings), tree_(tree), complaints_(tree, problems) {}

  void all() {
    if (settings_.entry_points.empty() && says_nothing("entryPoints"))
      error("entryPoints", "no entry points: name at least one, such as web: {address: \":80\"}");
    if (settings_.entry_points.size() > most_entry_points)
      error("entryPoints", "there are more than " + std::to_string(most_entry_points) + " entry points");
    for (const auto& point : settings_.entry_points) entry_point(point);
    addresses();
    resolvers();
    certificates();
    program();
  }

 private:
  void entry_point(const EntryPointSettings& point) {
    const std::string path = "entryPoints." + point.name;
    if (point.listen.addresses.empty() && !there(path + ".address"))
      error(path, "has no address; give one, such as address: \":80\"");
    if (point.redirection) redirection(point, path + ".http.redirections.entryPoint");
    if (point.tls) tls(*point.tls, path + ".http.tls");
    const auto& proxy = point.proxy_protocol;
    if (proxy && proxy->trusted.empty() && !proxy->insecure && !there(path + ".proxyProtocol.trustedIPs"))
      warn(path + ".proxyProtocol", "trusts nobody: give trustedIPs");
    if (point.admin() && (point.as_default || point.redirection))
      error(path, "serves no routes, so asDefault and redirections have no place here");
  }

  void redirection(const EntryPointSettings& point, const std::string& path) {
    const std::string& to = point.redirection->to;
    if (to.empty()) return error(path, "needs `to`: the name of an entry point");
    if (to.starts_with(':')) {
      const auto port = parse_number(to.substr(1));
      if (!port || *port == 0 || *port > 65535) error(path + ".to", quoted(to) + " is not a port");
    } else if (to == point.name) {
      error(path + ".to", "redirects the entry point to itself");
    } else if (settings_.entry_point(to) == nullptr) {
      error(path + ".to", "there is no entry point " + quoted(to) + meant(to, entry_point_names()));
    }
  }

  void tls(const EntryPointTlsSettings& tls, const std::string& path) {
    if (!tls.cert_resolver.empty() && !settings_.resolvers.contains(tls.cert_resolver))
      error(path + ".certResolver", "there is no certificates resolver " + quoted(tls.cert_resolver) +
                                        meant(tls.cert_resolver, resolver_names()));
    if (!tls.domains.empty() && tls.cert_resolver.empty())
      warn(path + ".domains", "means nothing without certResolver");
    if (!tls.options.empty() && !settings_.tls.options.contains(tls.options))
      error(path + ".options", "there are no tls.options." + tls.options + meant(tls.options, options_names()));
    for (std::size_t i = 0; i < tls.domains.size(); ++i) {
      const std::string domain = path + ".domains[" + std::to_string(i) + "]";
      if (tls.domains[i].main.empty() && !there(domain + ".main")) error(domain, "needs `main`");
    }
  }

  // Two sockets at one address would share its connections at random.
  void addresses() {
    struct Taken {
      Endpoint endpoint;
      bool dual_stack;
      const std::string* name;
    };
    std::map<std::uint16_t, std::vector<Taken>> by_port;
    for (const auto& point : settings_.entry_points) {
      for (const auto& endpoint : point.listen.addresses) {
        const Taken mine{endpoint, point.listen.dual_stack && endpoint.address == asio::ip::address_v6::any(),
                         &point.name};
        auto& others = by_port[endpoint.port];
        const auto both = [](const Taken& a, const Taken& b) {
          return a.dual_stack && b.endpoint.address == asio::ip::address_v4::any();
        };
        const auto other = std::find_if(others.begin(), others.end(), [&](const Taken& taken) {
          return taken.endpoint == mine.endpoint || both(taken, mine) || both(mine, taken);
        });
        if (endpoint.port != 0 && other != others.end())
          error("entryPoints." + point.name + ".address",
                "port " + std::to_string(endpoint.port) + " of this address is taken by entry point " + *other->name);
        others.push_back(mine);
      }
    }
  }

  void resolvers() {
    const SettingMember* all = tree_.find("certificatesResolvers");
    if (all == nullptr) return;
    for (const auto& member : all->value.members)
      if (member.value.members.empty() && member.value.kind != SettingNode::Kind::scalar &&
          !settings_.resolvers.contains(member.key))
        error("certificatesResolvers." + member.key.substr(0, 80),
              "says nothing; `internal: {}` is the built-in CA, `acme: {…}` a public one");
    for (const auto& [name, resolver] : settings_.resolvers) {
      const std::string path = "certificatesResolvers." + name;
      if (resolver.internal && resolver.acme) error(path, "is either internal or acme");
      if (resolver.acme) check_acme(*resolver.acme, settings_, path + ".acme", complaints_);
    }
  }

  void client_auth(const TlsOptionsSettings& options, const std::string& path) {
    const bool files = !options.client_ca_files.empty();
    const bool verifies = tls::verifies_certificate(options.client_auth);
    if (files && !there(path + ".clientAuthType"))
      error(path, "needs clientAuthType; with caFiles alone Traefik means RequireAndVerifyClientCert");
    else if (files && !verifies)
      warn(path + ".caFiles", "means nothing with this clientAuthType, which verifies no certificate");
    if (verifies && !files) error(path, "needs caFiles: the authorities that certificates are verified by");
  }

  void certificates() {
    for (const auto& [name, options] : settings_.tls.options)
      client_auth(options, "tls.options." + name + ".clientAuth");
    const auto pair = [&](const CertificateFiles& files, const std::string& path) {
      if (files.cert_file.empty() && !there(path + ".certFile")) error(path, "needs certFile");
      if (files.key_file.empty() && !there(path + ".keyFile")) error(path, "needs keyFile");
    };
    for (std::size_t i = 0; i < settings_.tls.certificates.size(); ++i)
      pair(settings_.tls.certificates[i], "tls.certificates[" + std::to_string(i) + "]");
    if (settings_.tls.default_certificate)
      pair(*settings_.tls.default_certificate, "tls.stores.default.defaultCertificate");
  }

  void program() {
    if (settings_.manifests && settings_.manifests->directory.empty())
      error("providers.manifests.directory", "is empty");
    if (settings_.kubernetes) check_kubernetes(*settings_.kubernetes, complaints_);
    if (!settings_.manifests && !settings_.kubernetes && !there("providers"))
      warn("providers",
           "no provider, so there are no routes: give providers.manifests.directory or providers.kubernetes");
    if (!settings_.admin_expected || settings_.entry_point("admin") != nullptr) return;
    for (const char* section : {"api", "ping", "metrics"})
      if (there(section)) warn(section, "is served on entry point admin, and there is none");
  }

  std::vector<std::string> entry_point_names() const {
    std::vector<std::string> names;
    for (const auto& point : settings_.entry_points) names.push_back(point.name);
    return names;
  }

  std::vector<std::string> options_names() const {
    std::vector<std::string> names;
    for (const auto& [name, options] : settings_.tls.options) names.push_back(name);
    return names;
  }

  std::vector<std::string> resolver_names() const {
    std::vector<std::string> names;
    for (const auto& [name, resolver] : settings_.resolvers) names.push_back(name);
    return names;
  }

  static std::string meant(std::string_view word, const std::vector<std::string>& names) {
    const auto name = nearest(word, names);
    return name.empty() ? "" : " (did you mean " + name + "?)";
  }

  bool there(const std::string& path) const { return complaints_.there(path); }
  void error(const std::string& path, std::string words) { complaints_.error(path, std::move(words)); }
  void warn(const std::string& path, std::string words) { complaints_.warn(path, std::move(words)); }

  bool says_nothing(const std::string& section) const {
    const SettingMember* member = tree_.find(section);
    return member == nullptr || (member->value.members.empty() && member->value.kind != SettingNode::Kind::scalar);
  }

  const Settings& settings_;
  const SettingNode& tree_;
  SettingComplaints complaints_;
};

}  // namespace

void check_settings(const Settings& settings, const SettingNode& tree, std::vector<Problem>& problems) {
  Checks(settings, tree, problems).all();
}

}  // namespace gatehouse

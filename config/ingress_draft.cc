#include "config/ingress_draft.h"

#include "base/names.h"
#include "config/claimant.h"
#include "config/problem_reasons.h"
#include "proxy/route/precedence.h"
#include "proxy/route/regex.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace gatehouse {
namespace {

using kubernetes::Ingress;
using kubernetes::IngressBackend;
using kubernetes::IngressPath;
using kubernetes::IngressRule;
using kubernetes::PathType;

constexpr std::string_view challenge_path = "/.well-known/acme-challenge/";
constexpr std::size_t longest_path = 4096;
constexpr std::ptrdiff_t most_regexes = 100;  // each is compiled with every table it is in

// What is wrong with a path of type Exact or Prefix (Kubernetes validates the same at the API server).
std::string_view path_fault(std::string_view path) {
  if (!path.starts_with('/')) return "a path must begin with '/'";
  for (const std::string_view part : {"//", "/./", "/../", "%2f", "%2F"})
    if (path.find(part) != std::string_view::npos)
      return "a path must not contain '//', '/./', '/../' or an encoded slash";
  if (path.ends_with("/..") || path.ends_with("/.")) return "a path must not end in '/.' or '/..'";
  return {};
}

bool is_address(std::string_view host) {
  error_code error;
  asio::ip::make_address(std::string(host), error);
  return !error;
}

// One token of a challenge, nothing a regex could make more of (RFC 8555 §8.3).
bool is_challenge_path(std::string_view path) {
  if (!path.starts_with(challenge_path)) return false;
  path.remove_prefix(challenge_path.size());
  return std::all_of(path.begin(), path.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
}

bool is_overlay(const Ingress& ingress, const IngressPath& path) {
  return is_challenge_path(path.path) &&
         (is_challenge_solver(ingress) || path.backend.name.starts_with("cm-acme-http-solver-"));
}

class Drafting {
 public:
  Drafting(std::shared_ptr<const Ingress> ingress, const DraftTerms& terms)
      : terms_(terms), draft_(std::make_shared<IngressDraft>()) {
    draft_->ingress = std::move(ingress);
    draft_->age = age_of(draft_->ingress->meta);
    draft_->has_tls = !draft_->ingress->tls.empty();
    draft_->is_challenge_solver = is_challenge_solver(*draft_->ingress);
  }

  IngressDraftPtr result() {
    annotations_ = read_route_annotations(*draft_->ingress, draft_->problems);
    if (terms_.rights.claims != nullptr || terms_.rights.owners != nullptr) keep_claimable();
    if (!terms_.far_priorities) keep_priority_near();
    if (!draft_->ingress->meta.notes().annotations.empty())
      draft_->asked = std::make_shared<const RouteAnnotations>(annotations_);
    const Ingress& ingress = *draft_->ingress;
    for (std::size_t i = 0; i < ingress.rules.size(); ++i) add_rule(ingress.rules[i], i);
    if (ingress.default_backend) add_default_backend(*ingress.default_backend);
    if (ingress.rules.empty() && !ingress.default_backend)
      report(Severity::warning, ingress.meta.origin.line.number,
             "neither rules nor a defaultBackend: it routes nothing", reasons::invalid_rule);
    draft_->routes.shrink_to_fit();
    return draft_;
  }

 private:
  // Whether it may not have the host, which is told.
  bool is_refused(int line, std::string_view what, const std::string& host) {
    const auto refusal = terms_.rights.refusal(draft_->ingress->meta.name.ns, host);
    if (refusal) report(Severity::error, line, std::string(what) + " is left out: " + refusal->words, refusal->reason);
    return refusal.has_value();
  }

  void keep_priority_near() {
    const auto is_far = [](const IngressRule& rule) { return rule.host.empty() || rule.host.starts_with('*'); };
    const auto& rules = draft_->ingress->rules;
    const auto far = std::find_if(rules.begin(), rules.end(), is_far);
    if (annotations_.priority == 0 || far == rules.end()) return;
    report(Severity::warning, far->line.number,
           "router.priority does not count for " + (far->host.empty() ? "every host" : quoted(far->host)) +
               ": it would overtake hosts of others (hostClaims or allowSharedHosts)",
           reasons::unsupported_annotation);
  }

  // Names for certificates. Those that are no names are complained of where they are used.
  void keep_claimable() {
    std::vector<kubernetes::IngressTls> kept;
    for (const auto& tls : draft_->ingress->tls) {
      const auto& entry = kept.emplace_back(claimable(tls));
      if (entry.hosts.empty() && !tls.hosts.empty()) kept.pop_back();  // without hosts it would be for all
    }
    if (kept != draft_->ingress->tls)
      draft_->narrowed_tls = std::make_shared<const std::vector<kubernetes::IngressTls>>(std::move(kept));
    for (auto& names : annotations_.domains)
      std::erase_if(names, [&](const auto& name) { return is_name_refused(name, 0); });
    std::erase_if(annotations_.domains, [](const auto& names) { return names.empty(); });
  }

  kubernetes::IngressTls claimable(kubernetes::IngressTls tls) {
    std::erase_if(tls.hosts, [&](const std::string& host) { return is_name_refused(host, tls.line.number); });
    return tls;
  }

  bool is_name_refused(const std::string& text, int line) {
    const auto host = HostName::parse_with_wildcard(text);
    return host && is_refused(line, "a certificate", host->text());
  }

  void add_rule(const IngressRule& rule, std::size_t index) {
    const auto host = host_of(rule);
    if (!host) return count_regexes(rule);
    hosts_.insert(*host);
    if (!rule.has_http && !draft_->ingress->default_backend)
      report(Severity::warning, rule.line.number, "a rule without http and no defaultBackend: it routes nothing",
             reasons::invalid_rule);
    for (std::size_t i = 0; i < rule.paths.size(); ++i) {
      const IngressPath& path = rule.paths[i];
      if (const auto kind = kind_of(path))
        add_route({*host, *kind, path.path, is_overlay(*draft_->ingress, path), false}, path.backend, path.line.number,
                  " rule " + std::to_string(index) + " path " + std::to_string(i));
    }
  }

  // Of a rule that is left out too: or else one might gain a path by losing a host to others.
  void count_regexes(const IngressRule& rule) {
    if (annotations_.specific_path != PathKind::regex) return;
    regexes_ += std::count_if(rule.paths.begin(), rule.paths.end(), [](const IngressPath& path) {
      return path.type == PathType::implementation_specific && path.path.size() <= longest_path;
    });
  }

  std::optional<std::string> host_of(const IngressRule& rule) {
    const auto claimed = [&](std::string host) -> std::optional<std::string> {
      if (is_refused(rule.line.number, "the rule", host)) return std::nullopt;
      return host;
    };
    if (rule.host.empty()) return claimed("");
    const auto host = HostName::parse_with_wildcard(rule.host);
    if (host && !is_address(rule.host)) return claimed(host->text());
    report(Severity::error, rule.line.number,
           "the rule is left out: " +
               (host ? "host " + quoted(rule.host) + " is an address, not a DNS name" : "host " + host.error().detail),
           reasons::invalid_rule);
    return std::nullopt;
  }

  std::optional<PathKind> kind_of(const IngressPath& path) {
    const auto refuse = [&](std::string_view words) {
      report(Severity::error, path.line.number, "path " + quoted(path.path) + " is left out: " + std::string(words),
             reasons::invalid_rule);
      return std::nullopt;
    };
    if (path.path.size() > longest_path) return refuse("longer than 4096 bytes");
    switch (path.type) {
      case PathType::missing: return refuse("pathType is missing: Exact, Prefix or ImplementationSpecific");
      case PathType::unknown: return refuse("pathType is not Exact, Prefix or ImplementationSpecific");
      case PathType::implementation_specific: return specific_kind_of(path, refuse);
      case PathType::exact:
      case PathType::prefix: break;
    }
    if (const auto fault = path_fault(path.path); !fault.empty()) return refuse(fault);
    return path.type == PathType::exact ? PathKind::exact : PathKind::prefix;
  }

  template <class Refuse>
  std::optional<PathKind> specific_kind_of(const IngressPath& path, Refuse refuse) {
    const auto kind = annotations_.specific_path;
    if (!kind) return std::nullopt;  // the annotation's warning says so
    if (kind == PathKind::regex) {
      if (++regexes_ > most_regexes) return refuse("an Ingress may have 100 regular expressions");
      if (const auto checked = check_path_regex(path.path); !checked) return refuse(checked.error().detail);
    } else if (!path.path.empty() && !path.path.starts_with('/')) {
      return refuse("a path must begin with '/'");
    }
    return kind;
  }

  // With rules, for the hosts they name; alone, for everything.
  void add_default_backend(const IngressBackend& backend) {
    const Ingress& ingress = *draft_->ingress;
    if (ingress.rules.empty() && !is_refused(backend.line.number, "the defaultBackend", "")) hosts_.insert("");
    for (const std::string& host : hosts_)
      add_route({host, PathKind::prefix, "", false, true}, backend, backend.line.number, " defaultBackend");
  }

  struct Match {
    std::string host;
    PathKind kind;
    std::string path;
    bool overlay;
    bool is_default;
  };

  void add_route(Match match, const IngressBackend& backend, int line, const std::string& place) {
    auto route = std::make_shared<HttpRoute>();
    route->name = "Ingress " + draft_->ingress->meta.name.text() + place;
    route->name.shrink_to_fit();  // there may be very many of them
    route->host = std::move(match.host);
    route->path_kind = match.kind;
    route->path = std::move(match.path);
    const bool near = terms_.far_priorities || host_level(route->host) == HostLevel::exact;
    route->priority = match.overlay || match.is_default || !near ? 0 : annotations_.priority;
    route->tls_only = (annotations_.tls_only || annotations_.tls_options) && !match.overlay;
    route->creates_host = !match.overlay;
    route->owner = std::to_string(terms_.rights.source) + "/" + draft_->ingress->meta.name.ns;
    draft_->routes.push_back({std::move(route), &backend, line, match.is_default});
  }

  void report(Severity severity, int line, std::string words, std::string_view reason) {
    const auto& meta = draft_->ingress->meta;
    draft_->problems.push_back({meta.origin.file_name(), line > 0 ? line : meta.origin.line.number, 0, severity,
                                "Ingress " + meta.name.text(), std::move(words), reason});
  }

  const DraftTerms terms_;
  std::shared_ptr<IngressDraft> draft_;
  RouteAnnotations annotations_;
  std::set<std::string> hosts_;
  std::ptrdiff_t regexes_ = 0;
};

}  // namespace

IngressDraftPtr draft_ingress(std::shared_ptr<const Ingress> ingress, const DraftTerms& terms) {
  return Drafting(std::move(ingress), terms).result();
}

std::vector<OthersHost> others_hosts(const IngressDraft& draft, const HostRights& rights) {
  std::vector<OthersHost> others;
  const std::string& ns = draft.ingress->meta.name.ns;
  const auto look = [&](const std::string& host) {
    if (const ObjectName* const owner = rights.other_owner(ns, host)) others.push_back({host, *owner});
  };
  const auto look_at = [&](const std::vector<std::string>& texts) {
    for (const std::string& text : texts)
      if (const auto host = HostName::parse_with_wildcard(text)) look(host->text());
  };
  for (const DraftRoute& at : draft.routes) look(at.route->host);
  if (draft.has_tls)
    for (const auto& tls : draft.tls()) look_at(tls.hosts);
  for (const auto& names : draft.annotations().domains) look_at(names);
  return others;
}

const RouteAnnotations& IngressDraft::annotations() const {
  static const RouteAnnotations none;
  return asked ? *asked : none;
}

bool is_challenge_solver(const Ingress& ingress) {
  const auto& labels = ingress.meta.notes().labels;
  const auto label = labels.find("acme.cert-manager.io/http01-solver");
  if (label == labels.end() || label->second != "true" || ingress.default_backend) return false;
  const auto is_challenge = [](const IngressPath& path) { return is_challenge_path(path.path); };
  return std::all_of(ingress.rules.begin(), ingress.rules.end(), [&](const IngressRule& rule) {
    return std::all_of(rule.paths.begin(), rule.paths.end(), is_challenge);
  });
}

}  // namespace gatehouse

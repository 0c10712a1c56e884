#include "config/certificate_wishes.h"

#include "config/problem_reasons.h"

#include <algorithm>

namespace gatehouse {
namespace {

using kubernetes::IngressRouteTcp;
using kubernetes::IngressTls;

// Those that are names; whoever shows them complains about the others.
std::vector<HostName> valid_names(const std::vector<std::string>& texts) {
  std::vector<HostName> names;
  names.reserve(texts.size());
  for (const std::string& text : texts)
    if (auto name = HostName::parse_with_wildcard(text)) names.push_back(std::move(*name));
  return names;
}

}  // namespace

bool NameSet::covers(const HostName& host) const {
  if (names_.contains(host.text())) return true;
  const auto dot = host.text().find('.');
  return !host.is_wildcard() && dot != std::string::npos && names_.contains("*" + host.text().substr(dot));
}

CertificateWishes::CertificateWishes(const TranslationInput& input, CertificateChoice& certificates)
    : input_(input), certificates_(certificates) {
  constexpr std::size_t most = 64;
  for (std::size_t i = 0; i < std::min(input.entry_points.size(), most); ++i) {
    const EntryPointInput& entry_point = input.entry_points[i];
    const std::string& resolver = entry_point.cert_resolver;
    const EntryPointSet bit = EntryPointSet{1} << i;
    if (input.internal_resolvers.contains(resolver)) internal_ |= bit;
    if (!input.acme_resolvers.contains(resolver)) continue;
    const auto same =
        std::find_if(acme_.begin(), acme_.end(), [&](const auto& row) { return *row.second == resolver; });
    if (same == acme_.end())
      acme_.emplace_back(bit, &resolver);
    else
      same->first |= bit;
    for (const auto& names : entry_point.domains)
      for (const HostName& name : names) domains_[resolver].add(name);
  }
}

void CertificateWishes::of_entry_points(Contribution& into) {
  for (const EntryPointInput& entry_point : input_.entry_points) {
    const bool internal = input_.internal_resolvers.contains(entry_point.cert_resolver);
    const bool acme = input_.acme_resolvers.contains(entry_point.cert_resolver);
    for (const auto& names : entry_point.domains) {
      if (internal)
        for (const HostName& host : names) certificates_.may_issue(host.text());
      if (acme) request(entry_point.cert_resolver, names, "entryPoints." + entry_point.entry_point.name, {}, into);
    }
  }
}

void CertificateWishes::of_ingress(const IngressDraft& draft, EntryPointSet set, const Claimant& claimant,
                                   SecretFinder& secrets, Contribution& into) {
  look_for(draft, set, claimant);
  if (!draft.has_tls && asked_.resolvers.empty() && !asked_.internal) return;
  const Asking asking{draft.ingress->meta, claimant, asked_, secrets, into};
  Settled settled;
  for (const IngressTls& tls : draft.tls()) of_tls_entry(asking, tls, settled);
  if ((set & internal_) != 0)
    for (const IngressTls& tls : draft.tls())
      for (const std::string& host : tls.hosts) certificates_.may_issue(host);
  const auto& groups = draft.annotations().domains;
  if (asked_.internal) {
    for (const DraftRoute& route : draft.routes) certificates_.may_issue(route.route->host);
    for (const auto& names : groups)
      for (const std::string& domain : names) certificates_.may_issue(domain);
  }
  if (asked_.resolvers.empty()) return;
  for (const HostName& name : domains(asking, groups, 0)) settled.covered.add(name);
  of_rule_hosts(asking, draft, settled);
}

void CertificateWishes::look_for(const IngressDraft& draft, EntryPointSet set, const Claimant& claimant) {
  const RouteAnnotations& annotations = draft.annotations();
  const std::string* ours = annotations.issuer.empty() ? nullptr : place_of(annotations.issuer);
  asked_.resolvers.clear();
  asked_.by_name = !annotations.cert_resolver.empty() || ours != nullptr;
  asked_.internal = input_.internal_resolvers.contains(annotations.cert_resolver);
  asked_.foreign_issuer = ours == nullptr ? annotations.issuer : std::string_view();
  warn_of_unknown(annotations.cert_resolver, 0, "router.tls.certresolver: ", claimant);
  if (set == 0) return;
  if (input_.acme_resolvers.contains(annotations.cert_resolver))
    asked_.resolvers.push_back(&annotations.cert_resolver);
  else if (annotations.cert_resolver.empty() && ours != nullptr)
    asked_.resolvers.push_back(ours);
  if (asked_.by_name) return;
  for (const auto& [entry_points, resolver] : acme_)
    if ((entry_points & set) != 0) asked_.resolvers.push_back(resolver);
}

const std::string* CertificateWishes::place_of(std::string_view issuer) const {
  for (const auto& [name, resolver] : input_.acme_resolvers) {
    const auto& issuers = resolver.cert_manager_issuers;
    if (std::find(issuers.begin(), issuers.end(), issuer) != issuers.end()) return &name;
  }
  return nullptr;
}

void CertificateWishes::warn_of_unknown(const std::string& resolver, int line, std::string_view what,
                                        const Claimant& claimant) const {
  if (!resolver.empty() && !input_.resolvers.contains(resolver))
    claimant.warn(line, std::string(what) + "there is no certificate resolver " + quoted(resolver),
                  reasons::resolver_not_found);
}

void CertificateWishes::of_tls_entry(const Asking& asking, const IngressTls& tls, Settled& settled) {
  const ObjectName secret{asking.meta.name.ns, tls.secret};
  const bool named = !tls.secret.empty();
  if (named) asking.into.secrets.push_back(secret);
  if (asking.asked.resolvers.empty()) {
    if (named) certificates_.show(asking.secrets, secret, tls.hosts, asking.claimant, tls.line.number);
    return;
  }
  const Names names = valid_names(tls.hosts);
  const bool managed = named && manager_is_in_charge(asking, secret, tls.line.number);
  const bool served = named && !asking.asked.by_name && asking.secrets.serves(secret, names);
  const bool awaited = named && asking.secrets.is_awaited(secret);
  const bool requested = !names.empty() && !managed && !served && !awaited;
  if (requested) ask(asking, names);
  of_secret(asking, tls.secret, tls.hosts, tls.line.number, requested);
  for (const HostName& name : names) (managed || served || awaited ? settled.covered : settled.named).add(name);
  if (served) settled.secrets.insert(secret);
}

// A certificate the object asked for by name is shown before the Secret, which serves until then.
void CertificateWishes::of_secret(const Asking& asking, const std::string& secret,
                                  const std::vector<std::string>& hosts, int line, bool requested) {
  const ObjectName name{asking.meta.name.ns, secret};
  const bool named = !secret.empty();
  if (!requested) {
    if (named) certificates_.show(asking.secrets, name, hosts, asking.claimant, line);
    return;
  }
  const bool there = named && asking.secrets.is_there(name);
  if (!there && !(named && asking.secrets.has_certificate(name))) {
    for (const std::string& text : hosts)
      if (const auto host = HostName::parse_with_wildcard(text); !host)
        asking.claimant.error(line, "tls host " + host.error().detail, reasons::invalid_rule);
    return;
  }
  std::vector<std::string> rest;
  for (const std::string& text : hosts) {
    const auto host = HostName::parse_with_wildcard(text);
    const auto shown = [&](const std::string* resolver) { return certificates_.show_obtained(*resolver, *host); };
    const auto& resolvers = asking.asked.resolvers;
    const bool steps_back = asking.asked.by_name || !there;
    if (!host || !steps_back || std::none_of(resolvers.begin(), resolvers.end(), shown)) rest.push_back(text);
  }
  if (!rest.empty()) certificates_.show(asking.secrets, name, rest, asking.claimant, line);
}

// Two that make certificates for one host would undo each other's work.
bool CertificateWishes::manager_is_in_charge(const Asking& asking, const ObjectName& secret, int line) const {
  const std::string_view issuer = asking.asked.foreign_issuer;
  const bool managed = asking.secrets.is_managed(secret);
  if (issuer.empty() && !managed) return false;
  if (asking.asked.by_name)
    asking.claimant.warn(line, "no certificate is asked for in place of Secret " + secret.text() + ": " +
                                   (managed ? "cert-manager made it; it has to be deleted first"
                                            : "cert-manager is in charge, by its issuer " + quoted(issuer)));
  return true;
}

// Those of the groups' names that the object's namespace may claim; what is no name is complained of elsewhere.
std::vector<std::vector<std::string>> CertificateWishes::claimable(const Asking& asking,
                                                                   std::vector<std::vector<std::string>> groups,
                                                                   int line) const {
  const std::string& ns = asking.meta.name.ns;
  const auto is_refused = [&](const std::string& text) {
    const auto host = HostName::parse_with_wildcard(text);
    const auto refusal = host ? asking.secrets.refusal(ns, *host) : std::nullopt;
    if (refusal) asking.claimant.error(line, "a certificate is left out: " + refusal->words, refusal->reason);
    return refusal.has_value();
  };
  for (auto& names : groups) std::erase_if(names, is_refused);
  std::erase_if(groups, [](const auto& names) { return names.empty(); });
  return groups;
}

CertificateWishes::Names CertificateWishes::domains(const Asking& asking,
                                                    const std::vector<std::vector<std::string>>& groups, int line) {
  Names all;
  for (const auto& group : groups) {
    Names names;
    for (const std::string& text : group) {
      auto name = HostName::parse_with_wildcard(text);
      if (name)
        names.push_back(std::move(*name));
      else
        asking.claimant.error(line, "tls domain " + name.error().detail, reasons::invalid_rule);
    }
    if (&asking.meta != (last_tcp_ != nullptr ? &last_tcp_->meta : nullptr)) ask(asking, names);
    all.insert(all.end(), names.begin(), names.end());
  }
  return all;
}

// One request a host: one that fails costs no other.
void CertificateWishes::of_rule_hosts(const Asking& asking, const IngressDraft& draft, Settled& settled) {
  const auto has_secret = [&](const HostName& host) {
    return std::any_of(settled.secrets.begin(), settled.secrets.end(),
                       [&](const ObjectName& secret) { return asking.secrets.serves(secret, {host}); });
  };
  const bool several = draft.routes.size() > 1 || !draft.tls().empty();
  for (const DraftRoute& at : draft.routes) {
    if (at.route->host.empty() || !at.route->creates_host) continue;
    auto host = HostName::parse_with_wildcard(at.route->host);
    if (!host || settled.covered.covers(*host) || (several && !settled.named.add(*host)) || has_secret(*host)) continue;
    ask(asking, {*std::move(host)});
  }
}

void CertificateWishes::of_tcp_route(const IngressRouteTcp& object, const TcpRule& rule, EntryPointSet set,
                                     const Claimant& claimant, SecretFinder& secrets, Contribution& into) {
  const auto& tls = *object.tls;
  const int line = tls.line.number;
  warn_of_unknown(tls.cert_resolver, line, "", claimant);
  asked_.resolvers.clear();
  asked_.by_name = true;
  asked_.foreign_issuer = {};
  asked_.internal =
      tls.cert_resolver.empty() ? (set & internal_) != 0 : input_.internal_resolvers.contains(tls.cert_resolver);
  if (input_.acme_resolvers.contains(tls.cert_resolver)) asked_.resolvers.push_back(&tls.cert_resolver);
  const Asking asking{object.meta, claimant, asked_, secrets, into};
  if (!tls.secret.empty()) into.secrets.push_back({object.meta.name.ns, tls.secret});
  const auto groups = claimable(asking, tls.domains, line);
  const Names hosts = rule.hosts();
  std::vector<std::string> texts;
  texts.reserve(hosts.size());
  for (const HostName& host : hosts) texts.push_back(host.text());
  const bool managed = !tls.secret.empty() && !asked_.resolvers.empty() &&
                       manager_is_in_charge(asking, {object.meta.name.ns, tls.secret}, line);
  const bool awaited = !tls.secret.empty() && secrets.is_awaited({object.meta.name.ns, tls.secret});
  const bool requested = !asked_.resolvers.empty() && !managed && !awaited;
  of_secret(asking, tls.secret, texts, line, requested);
  if (asked_.internal) {
    for (const std::string& host : texts) certificates_.may_issue(host);
    for (const auto& names : groups)
      for (const std::string& host : names) certificates_.may_issue(host);
  }
  if (!requested) return;
  NameSet covered;
  for (const HostName& name : domains(asking, groups, line)) covered.add(name);
  last_tcp_ = &object;
  for (const HostName& host : hosts)
    if (!covered.covers(host)) ask(asking, {host});
}

void CertificateWishes::ask(const Asking& asking, const Names& names) {
  for (const std::string* resolver : asking.asked.resolvers) {
    if (names.size() == 1 && in_domains_of(*resolver, names.front())) continue;
    request(*resolver, names, asking.claimant.text(), asking.meta.created(), asking.into);
  }
}

bool CertificateWishes::in_domains_of(const std::string& resolver, const HostName& host) const {
  const auto found = domains_.find(resolver);
  return found != domains_.end() && found->second.covers(host);
}

// What a certificate of the static configuration names needs no other.
void CertificateWishes::request(const std::string& resolver, Names names, std::string asked_by, WallTime since,
                                Contribution& into) {
  std::erase_if(names, [&](const HostName& name) { return certificates_.is_configured(name); });
  if (names.empty()) return;
  into.requests.push_back({resolver, std::move(names), std::move(asked_by), since});
}

}  // namespace gatehouse

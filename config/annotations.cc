#include "config/annotations.h"

#include "config/nearest.h"
#include "config/problem_reasons.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatehouse {
namespace {

enum class Effect : std::uint8_t { honoured, harmless, ignored, refused };

struct Row {
  std::string_view name;
  Effect effect;
  std::string_view words;  // why, for the ignored and refused
};

constexpr std::string_view traefik_prefix = "traefik.ingress.kubernetes.io/";
constexpr std::string_view own_prefix = "gatehouse.dev/";
constexpr std::string_view domains_prefix = "router.tls.domains.";

constexpr std::array<Row, 27> table = {{
    {"router.entrypoints", Effect::honoured, ""},
    {"router.priority", Effect::honoured, ""},
    {"router.pathmatcher", Effect::honoured, ""},
    {"router.tls", Effect::honoured, ""},
    {"router.tls.certresolver", Effect::honoured, ""},
    {"router.tls.domains", Effect::honoured, ""},
    {"router.rulesyntax", Effect::harmless, ""},
    {"router.middlewares", Effect::refused, "middlewares are not supported, and serving without them may open a door"},
    {"router.tls.options", Effect::honoured, ""},
    {"router.observability.accesslogs", Effect::ignored, "ignored: the access log has all requests"},
    {"router.observability.metrics", Effect::ignored, "ignored: metrics count all requests"},
    {"router.observability.tracing", Effect::ignored, "ignored: there is no tracing"},
    {"router.observability.traceverbosity", Effect::ignored, "ignored: there is no tracing"},
    {"service.serversscheme", Effect::honoured, ""},
    {"service.passhostheader", Effect::honoured, ""},
    {"service.nativelb", Effect::honoured, ""},
    {"service.sticky.cookie", Effect::honoured, ""},
    {"service.sticky.cookie.name", Effect::honoured, ""},
    {"service.sticky.cookie.secure", Effect::honoured, ""},
    {"service.sticky.cookie.httponly", Effect::honoured, ""},
    {"service.sticky.cookie.samesite", Effect::honoured, ""},
    {"service.sticky.cookie.path", Effect::honoured, ""},
    {"service.sticky.cookie.domain", Effect::honoured, ""},
    {"service.sticky.cookie.maxage", Effect::honoured, ""},
    {"service.nodeportlb", Effect::ignored, "ignored: endpoints are reached directly"},
    {"service.serverstransport", Effect::ignored, "ignored: the static configuration's serversTransport is used"},
    {"service.middlewares", Effect::refused, "middlewares are not supported, and serving without them may open a door"},
}};

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lowered;
}

// The annotations of ours on one object: name after the prefix, in lower case → value. Each is checked against the
// table; complaints name the object.
class Found {
 public:
  Found(const kubernetes::Meta& meta, std::string_view kind, std::string_view side, std::vector<Problem>& problems)
      : meta_(meta), object_(std::string(kind) + " " + meta.name.text()), problems_(problems) {
    collect(traefik_prefix, side);
    collect(own_prefix, side);
  }

  const std::string* operator[](std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second;
  }

  const kubernetes::TextMap& values() const { return values_; }
  const std::string& refusal() const { return refusal_; }

  void warn(std::string_view name, const std::string& words) {
    report(Severity::warning, "annotation " + std::string(name) + ": " + words);
  }

  bool boolean(std::string_view name, bool otherwise) {
    const std::string* text = (*this)[name];
    if (text == nullptr) return otherwise;
    // Go's strconv.ParseBool, which Traefik uses.
    const std::string value = lower(*text);
    if (value == "true" || value == "t" || value == "1") return true;
    if (value == "false" || value == "f" || value == "0") return false;
    warn(name, "ignored: " + quoted(*text) + " is neither true nor false");
    return otherwise;
  }

  std::int64_t integer(std::string_view name, std::int64_t otherwise) {
    const std::string* text = (*this)[name];
    if (text == nullptr) return otherwise;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error == std::errc() && end == text->data() + text->size()) return number;
    warn(name, "ignored: " + quoted(*text) + " is not a whole number");
    return otherwise;
  }

 private:
  void collect(std::string_view prefix, std::string_view side) {
    const auto& annotations = meta_.notes().annotations;
    for (auto at = annotations.lower_bound(prefix); at != annotations.end() && at->first.starts_with(prefix); ++at) {
      std::string name = lower(std::string_view(at->first).substr(prefix.size()));
      if (check(at->first, name, side)) values_.insert_or_assign(std::move(name), at->second);
    }
  }

  bool check(const std::string& key, const std::string& name, std::string_view side) {
    const bool domain = name.starts_with(domains_prefix);
    const auto row = std::find_if(table.begin(), table.end(),
                                  [&](const Row& r) { return r.name == (domain ? "router.tls.domains" : name); });
    if (row == table.end()) {
      const std::string near = nearest(name, known_annotations());
      warn(key, near.empty() ? "ignored: not known" : "ignored: not known; did you mean " + near + "?");
      return false;
    }
    if (!name.starts_with(side)) {
      warn(key, "ignored: it belongs on the " + std::string(side == "router." ? "Service" : "Ingress"));
      return false;
    }
    if (row->effect == Effect::ignored) warn(key, std::string(row->words));
    if (row->effect == Effect::refused && !meta_.notes().annotations.find(key)->second.empty()) {
      refusal_ = row->words;
      report(Severity::error, "annotation " + key + ": its routes answer 503: " + refusal_);
    }
    return row->effect == Effect::honoured;
  }

  void report(Severity severity, std::string words) {
    problems_.push_back({meta_.origin.file_name(), meta_.origin.line.number, 0, severity, object_, std::move(words),
                         reasons::unsupported_annotation});
  }

  const kubernetes::Meta& meta_;
  std::string object_;
  std::vector<Problem>& problems_;
  kubernetes::TextMap values_;
  std::string refusal_;
};

std::vector<std::string> comma_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

std::optional<PathKind> path_matcher(Found& found) {
  const std::string* matcher = found["router.pathmatcher"];
  if (matcher == nullptr || *matcher == "PathPrefix") return PathKind::prefix;
  if (*matcher == "Path") return PathKind::exact;
  if (*matcher == "PathRegexp") return PathKind::regex;
  found.warn("router.pathmatcher", quoted(*matcher) + " is not Path, PathPrefix or PathRegexp; " +
                                       "paths of type ImplementationSpecific are left out");
  return std::nullopt;
}

std::optional<bool> upstream_tls(Found& found) {
  const std::string* scheme = found["service.serversscheme"];
  if (scheme == nullptr) return std::nullopt;
  if (*scheme == "https") return true;
  if (*scheme != "http" && *scheme != "h2c")
    found.warn("service.serversscheme", "ignored: " + quoted(*scheme) + " is not http, https or h2c");
  return *scheme == "http" || *scheme == "h2c" ? std::optional(false) : std::nullopt;
}

// Cookie attributes go into a header as they are.
bool fits_a_cookie(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != ';' && c != ','; });
}

std::string cookie_text(Found& found, std::string_view name, const std::string& otherwise) {
  const std::string* text = found[name];
  if (text == nullptr) return otherwise;
  if (fits_a_cookie(*text) && text->size() <= 256) return *text;
  found.warn(name, "ignored: " + quoted(*text) + " does not fit into a cookie");
  return otherwise;
}

std::string same_site(Found& found) {
  const std::string* text = found["service.sticky.cookie.samesite"];
  if (text == nullptr) return {};
  const std::string value = lower(*text);
  if (value == "none" || value == "lax" || value == "strict") return value;
  found.warn("service.sticky.cookie.samesite", "ignored: " + quoted(*text) + " is not none, lax or strict");
  return {};
}

std::optional<StickyCookie> sticky_cookie(Found& found) {
  if (!found.boolean("service.sticky.cookie", false)) return std::nullopt;
  StickyCookie cookie;
  cookie.name = cookie_text(found, "service.sticky.cookie.name", "");
  if (cookie.name.find('=') != std::string::npos) cookie.name.clear();
  cookie.secure = found.boolean("service.sticky.cookie.secure", false);
  cookie.http_only = found.boolean("service.sticky.cookie.httponly", false);
  cookie.same_site = same_site(found);
  cookie.path = cookie_text(found, "service.sticky.cookie.path", cookie.path);
  cookie.domain = cookie_text(found, "service.sticky.cookie.domain", "");
  cookie.max_age_s = found.integer("service.sticky.cookie.maxage", 0);
  return cookie;
}

// The values of one N stand together: `.main` sorts before `.sans`.
std::vector<std::vector<std::string>> certificate_domains(const Found& found) {
  std::vector<std::vector<std::string>> domains;
  std::string_view last;
  for (const auto& [name, value] : found.values()) {
    if (!name.starts_with(domains_prefix)) continue;
    const auto number = std::string_view(name).substr(0, name.find('.', domains_prefix.size()));
    auto names = comma_list(value);
    if (names.empty()) continue;
    if (domains.empty() || number != last) domains.emplace_back();
    last = number;
    domains.back().insert(domains.back().end(), names.begin(), names.end());
  }
  return domains;
}

std::string issuer_of(const kubernetes::Meta& meta) {
  const auto& annotations = meta.notes().annotations;
  for (const std::string_view name : {"cert-manager.io/cluster-issuer", "cert-manager.io/issuer"})
    if (const auto found = annotations.find(name); found != annotations.end() && !found->second.empty())
      return found->second;
  return {};
}

}  // namespace

RouteAnnotations read_route_annotations(const kubernetes::Ingress& ingress, std::vector<Problem>& problems) {
  RouteAnnotations read;
  if (ingress.meta.notes().annotations.empty()) return read;
  Found found(ingress.meta, "Ingress", "router.", problems);
  if (const std::string* names = found["router.entrypoints"]) read.entry_points = comma_list(*names);
  read.priority = found.integer("router.priority", 0);
  read.tls_only = found.boolean("router.tls", false);
  if (const std::string* resolver = found["router.tls.certresolver"]) read.cert_resolver = *resolver;
  if (const std::string* options = found["router.tls.options"]) read.tls_options = tls_options_name(*options);
  read.specific_path = path_matcher(found);
  read.domains = certificate_domains(found);
  read.issuer = issuer_of(ingress.meta);
  read.refusal = found.refusal();
  return read;
}

ServiceAnnotations read_service_annotations(const kubernetes::Service& service, std::vector<Problem>& problems) {
  ServiceAnnotations read;
  if (service.meta.notes().annotations.empty()) return read;
  Found found(service.meta, "Service", "service.", problems);
  read.tls = upstream_tls(found);
  if (const std::string* scheme = found["service.serversscheme"]) read.http2_in_clear = *scheme == "h2c";
  read.pass_host_header = found.boolean("service.passhostheader", true);
  read.native_lb = found.boolean("service.nativelb", false);
  read.sticky = sticky_cookie(found);
  read.refusal = found.refusal();
  return read;
}

std::optional<std::string> tls_options_name(std::string_view text) {
  std::string name(text.substr(0, text.find('@')));
  if (text.empty() || name == "default") return std::nullopt;
  return name;
}

std::vector<std::string_view> known_annotations() {
  std::vector<std::string_view> names;
  for (const Row& row : table) names.push_back(row.name);
  return names;
}

}  // namespace gatehouse

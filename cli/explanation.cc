#include "cli/explanation.h"

#include "proxy/route_choice.h"

#include <charconv>

namespace gatehouse {
namespace {

std::string reached_by(const Service& service) {
  if (service.speech == UpstreamSpeech::http2_in_clear) return " in HTTP/2";
  return service.tls ? " over TLS" : "";
}

using Scheme = Question::Scheme;

Failure no_url(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

std::optional<Scheme> scheme_of(std::string_view text) {
  if (text == "http") return Scheme::http;
  if (text == "https") return Scheme::https;
  if (text == "tcp") return Scheme::tcp;
  if (text == "tls") return Scheme::tls;
  return std::nullopt;
}

std::uint16_t own_port(Scheme scheme) {
  switch (scheme) {
    case Scheme::http: return 80;
    case Scheme::https:
    case Scheme::tls: return 443;
    case Scheme::tcp: return 0;
  }
  return 0;
}

// Takes ":PORT" off the end of an authority.
Result<void> take_port(std::string_view& authority, Question& question) {
  auto colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) return Result<void>();
  auto digits = authority.substr(colon + 1);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), question.port);
  if (error != std::errc() || end != digits.data() + digits.size() || question.port == 0)
    return no_url("'" + std::string(digits) + "' is not a port");
  question.port_given = true;
  authority = authority.substr(0, colon);
  return Result<void>();
}

struct Line {
  std::string_view title;
  std::string words;
};

// One answer as it grows: aligned titles, then the candidates.
class Answer {
 public:
  void add(std::string_view title, std::string words) { lines_.push_back({title, std::move(words)}); }
  void consider(std::string line) { considered_.push_back(std::move(line)); }

  Explanation finish(bool answered) const {
    std::string text;
    for (const auto& line : lines_)
      text += std::string(line.title) + std::string(13 - line.title.size(), ' ') + line.words + "\n";
    if (!considered_.empty()) text += "considered, in order:\n";
    for (const auto& line : considered_) text += "  " + line + "\n";
    return {std::move(text), answered};
  }

 private:
  std::vector<Line> lines_;
  std::vector<std::string> considered_;
};

std::string addresses_of(const EntryPoint& entry_point) {
  std::string text;
  for (const auto& address : entry_point.addresses) text += (text.empty() ? "" : ", ") + address.text();
  return text;
}

std::string endpoints_of(const Service& service) {
  std::string text;
  for (const auto& endpoint : service.endpoints) text += (text.empty() ? "" : ", ") + endpoint.text();
  return text;
}

// True when the service can answer.
bool add_service(Answer& answer, const Service* service, const std::string& missing, const std::string& otherwise) {
  if (service == nullptr) {
    answer.add("service", "none: " + missing + "; " + otherwise);
    return false;
  }
  answer.add("service", service->name + reached_by(*service));
  answer.add("endpoints", service->endpoints.empty() ? "none is ready; " + otherwise : endpoints_of(*service));
  return !service->endpoints.empty();
}

Explanation explain_tcp_route(Answer& answer, const TcpRoute& route) {
  answer.add("route", route.name + ", rule " + route.rule.text() + ", priority " + std::to_string(route.priority));
  if (route.tls == TcpTls::passthrough) answer.add("TLS", "passed through");
  if (route.tls == TcpTls::terminate) answer.add("TLS", "ends here");
  bool answered = false;
  for (const auto& weighted : route.services)
    if (add_service(answer, weighted.service.get(), weighted.missing, "the connection is closed")) answered = true;
  if (route.services.empty()) answer.add("service", "none: the connection is closed");
  return answer.finish(answered);
}

void consider_tcp_routes(Answer& answer, const EntryPoint& entry_point, const TcpConnectionFacts& facts,
                         const TcpRoute* chosen, bool over_tls) {
  for (const auto& route : entry_point.tcp->routes()) {
    std::string verdict = "matches, but another one comes before it";
    if (route.get() == chosen)
      verdict = "chosen";
    else if ((route->tls != TcpTls::none) != over_tls)
      verdict = over_tls ? "is for plain TCP" : "is for TLS";
    else if (!route->rule.matches(facts))
      verdict = "the rule does not match";
    answer.consider(route->name + " " + route->rule.text() + ": " + verdict);
  }
}

std::string certificate_for(const Snapshot& snapshot, const std::string& host) {
  const auto& store = *snapshot.certificates;
  if (const auto* found = store.find(host)) return (*found)->subject() + ", " + (*found)->fingerprint().substr(0, 16);
  if (store.may_issue(host) != nullptr) return "made by the built-in CA";
  if (store.is_bare(host)) return "none yet: the handshake fails until it is issued";
  if (store.strict_sni() || !store.default_certificate()) return "none for this name: the handshake fails";
  return "none for this name: the default one, " + store.default_certificate()->subject();
}

// False: a connection of its own, over TLS if that is the question, may not have it.
bool add_tls_options(Answer& answer, const EntryPoint& entry_point, const Question& question, const HttpRoute* route,
                     bool over_tls) {
  const TlsOptions& options = tls_options_for(entry_point, question.host);
  const auto refusal = refusal_by_tls_options(over_tls ? &options : nullptr, entry_point, question.host, route);
  const HostTlsOptions own = entry_point.http->tls_options(question.host);
  if (own.named_by == nullptr && !refusal) return true;
  answer.add("TLS options", (options.can_be_met() ? options.name : "not there") +
                                (own.named_by != nullptr ? ", named by " + own.named_by->name : "") +
                                (refusal ? "; answered " + std::to_string(row(*refusal).status) : ""));
  return !refusal;
}

Explanation explain_http_route(Answer& answer, const EntryPoint& entry_point, const Question& question, bool over_tls) {
  const auto* route = entry_point.http->match(question.host, question.path, over_tls);
  for (auto& line : entry_point.http->explain(question.host, question.path, over_tls)) answer.consider(std::move(line));
  if (!add_tls_options(answer, entry_point, question, route, over_tls)) return answer.finish(false);
  if (route == nullptr) {
    answer.add("route", "none: answered 404");
    return answer.finish(false);
  }
  answer.add("route", route->name);
  return answer.finish(add_service(answer, route->service.get(), route->missing, "answered 503"));
}

Explanation explain_plain_http(Answer& answer, const EntryPoint& entry_point, const Question& question) {
  if (entry_point.tls.required) {
    answer.add("route", "none: plain HTTP is not spoken on this entry point");
    return answer.finish(false);
  }
  if (entry_point.redirection && entry_point.redirection->scheme != "http") {
    const auto& port = entry_point.redirection->port;
    answer.add("redirection", "to " + entry_point.redirection->scheme + "://" + question.host +
                                  (port.empty() ? "" : ":" + port) + question.path +
                                  (entry_point.redirection->permanent ? ", for good" : ", for now"));
    return answer.finish(true);
  }
  return explain_http_route(answer, entry_point, question, false);
}

// Plain bytes: a TCP route without TLS has them all.
Explanation explain_plain(Answer& answer, const EntryPoint& entry_point, const Question& question,
                          const TcpConnectionFacts& facts) {
  const auto* route = entry_point.tcp->match_plain(facts);
  consider_tcp_routes(answer, entry_point, facts, route, false);
  if (route != nullptr) return explain_tcp_route(answer, *route);
  if (question.scheme == Scheme::http) return explain_plain_http(answer, entry_point, question);
  answer.add("route", "none: the connection is closed");
  return answer.finish(false);
}

// TLS: specific HTTPS host, specific TCP route, HTTPS at all, catch-all TCP route.
Explanation explain_tls(Answer& answer, const Snapshot& snapshot, const EntryPoint& entry_point,
                        const Question& question, const TcpConnectionFacts& facts) {
  bool https = entry_point.tls.options != nullptr;
  const TcpRoute* route = nullptr;
  if (!https || !entry_point.http->has_specific_tls_host(question.host)) {
    route = entry_point.tcp->match_tls(facts, true);
    if (route == nullptr && !(https && entry_point.http->has_any_tls_host()))
      route = entry_point.tcp->match_tls(facts, false);
  }
  consider_tcp_routes(answer, entry_point, facts, route, true);
  if (route == nullptr || route->tls == TcpTls::terminate)
    answer.add("certificate", certificate_for(snapshot, question.host));
  if (route != nullptr) return explain_tcp_route(answer, *route);
  return explain_http_route(answer, entry_point, question, true);
}

Explanation explain_at(const Snapshot& snapshot, const EntryPoint& entry_point, const Question& question,
                       const asio::ip::address& client) {
  Answer answer;
  answer.add("entry point", entry_point.name + ", " + addresses_of(entry_point));
  if (entry_point.admin) {
    answer.add("route", "the admin pages");
    return answer.finish(true);
  }
  bool over_tls = question.scheme == Scheme::https || question.scheme == Scheme::tls;
  TcpConnectionFacts facts;
  facts.client = client;
  if (over_tls) facts.sni = question.host;
  return over_tls ? explain_tls(answer, snapshot, entry_point, question, facts)
                  : explain_plain(answer, entry_point, question, facts);
}

bool listens_on(const EntryPoint& entry_point, std::uint16_t port) {
  return std::any_of(entry_point.addresses.begin(), entry_point.addresses.end(),
                     [&](const Endpoint& address) { return address.port == port; });
}

// Without a port in the URL, and nobody on the scheme's own (it may be mapped outside): those that speak the scheme.
bool could_be_meant(const EntryPoint& entry_point, const Question& question) {
  if (question.port_given || entry_point.admin) return false;
  return (question.scheme == Scheme::http) != entry_point.tls.required;
}

std::vector<const EntryPoint*> choose_entry_points(const Snapshot& snapshot, const Question& question,
                                                   std::string_view name) {
  std::vector<const EntryPoint*> named, listening, possible;
  for (const auto& entry_point : snapshot.entry_points) {
    if (entry_point->name == name) named.push_back(entry_point.get());
    if (listens_on(*entry_point, question.port)) listening.push_back(entry_point.get());
    if (could_be_meant(*entry_point, question)) possible.push_back(entry_point.get());
  }
  if (!name.empty()) return named;
  return listening.empty() ? possible : listening;
}

Explanation no_entry_point(const Snapshot& snapshot, const Question& question, std::string_view name) {
  std::string text = name.empty() ? "no entry point listens on port " + std::to_string(question.port)
                                  : "there is no entry point " + std::string(name);
  text += "; there are\n";
  for (const auto& entry_point : snapshot.entry_points)
    text += "  " + entry_point->name + ", " + addresses_of(*entry_point) + "\n";
  return {std::move(text), false};
}

}  // namespace

Result<Question> Question::parse(std::string_view url) {
  auto separator = url.find("://");
  auto scheme = scheme_of(url.substr(0, separator == std::string_view::npos ? 0 : separator));
  if (!scheme) return no_url("a URL begins with https://, http://, tcp:// or tls://");
  Question question;
  question.scheme = *scheme;
  question.port = own_port(*scheme);
  std::string_view rest = url.substr(separator + 3);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  std::string_view path = rest.substr(authority.size());
  path = path.substr(0, path.find_first_of("?#"));
  if (auto taken = take_port(authority, question); !taken) return taken.error();
  if (!path.empty()) question.path = path;
  HostBuffer buffer;
  if (auto host = host_of_authority(authority, buffer))
    question.host = *host;
  else if (*scheme != Scheme::tcp || !authority.empty())
    return no_url("'" + std::string(authority.substr(0, 80)) + "' is not a host");
  if (question.port == 0) return no_url("tcp:// needs a port, as in tcp://:2222");
  return question;
}

Explanation explain(const Snapshot& snapshot, const Question& question, std::string_view entry_point,
                    const asio::ip::address& client) {
  Explanation all;
  for (const auto* chosen : choose_entry_points(snapshot, question, entry_point)) {
    auto one = explain_at(snapshot, *chosen, question, client);
    all.text += (all.text.empty() ? "" : "\n") + one.text;
    all.answered = all.answered || one.answered;
  }
  return all.text.empty() ? no_entry_point(snapshot, question, entry_point) : all;
}

}  // namespace gatehouse

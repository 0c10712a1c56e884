#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include <stdexcept>

namespace gatehouse {
namespace {

constexpr std::chrono::seconds limit{20};

AdminSource admin_source(std::unique_ptr<Server>& server, bool ready) {
  AdminSource source;
  source.ready = [ready] { return ready; };
  source.draining = [&server] { return server->draining(); };
  source.snapshot = [&server] { return server->snapshot(); };
  source.problems_json = [] { return std::string("[]"); };
  source.version = "test";
  source.allowed_hosts = {"a.example", "gatehouse.test"};
  return source;
}

std::shared_ptr<const EntryPoint> finished(EntryDraft draft) {
  auto entry_point = std::make_shared<EntryPoint>(static_cast<EntryPoint&>(draft));
  entry_point->http = std::make_shared<const RouteTable>(std::move(draft.http_routes));
  entry_point->tcp = std::make_shared<const TcpRouteTable>(std::move(draft.tcp_routes));
  return entry_point;
}

EntryDraft admin_entry() {
  EntryDraft draft = entry("admin", {});
  draft.admin = true;
  return draft;
}

}  // namespace

std::shared_ptr<Service> service(std::vector<Endpoint> endpoints, std::string name) {
  auto made = std::make_shared<Service>();
  made->name = std::move(name);
  made->endpoints = std::move(endpoints);
  return made;
}

HttpRoutePtr to(ServicePtr service, std::string host, std::string path) {
  auto route = std::make_shared<HttpRoute>();
  route->name = "route " + host + path;
  route->host = std::move(host);
  route->path = std::move(path);
  if (!service) route->missing = "service test/missing does not exist";
  route->service = std::move(service);
  return route;
}

TcpRoutePtr tcp_to(ServicePtr service, const std::string& rule, TcpTls tls, ProxyHeaderVersion proxy_header) {
  auto route = std::make_shared<TcpRoute>();
  route->name = "tcp route " + rule;
  route->rule = TcpRule::parse(rule).value();
  route->priority = route->rule.default_priority();
  route->tls = tls;
  WeightedService weighted;
  weighted.service = std::move(service);
  weighted.proxy_header = proxy_header;
  route->services.push_back(std::move(weighted));
  return route;
}

EntryDraft entry(std::string name, std::vector<HttpRoutePtr> http, std::vector<TcpRoutePtr> tcp) {
  EntryDraft draft;
  draft.name = std::move(name);
  draft.addresses = {{asio::ip::make_address("127.0.0.1"), 0}};
  draft.http_routes = std::move(http);
  draft.tcp_routes = std::move(tcp);
  return draft;
}

AddressRanges ranges(const std::vector<std::string>& texts) { return AddressRanges::parse(texts).value(); }

std::string get(std::string_view target, std::string_view fields) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a.example\r\n" + std::string(fields) + "\r\n";
}

std::string failures(std::string_view reason) {
  return "gatehouse_failures_total{reason=\"" + std::string(reason) + "\"}";
}

std::string ok(std::string_view body, std::string_view fields) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(fields) + "\r\n" +
         std::string(body);
}

TestProxy::TestProxy(Setup setup)
    : clock_(setup.clock), workers_(setup.workers), admin_(admin_source(server_, setup.ready)) {
  Server::Options options;
  options.workers = setup.workers;
  options.most_connections = setup.most_connections;
  options.access_log.format = setup.format;
  options.access_log.write = [this](std::string line) {
    const std::scoped_lock lock(mutex_);
    lines_.push_back(std::move(line));
    wake_.notify_all();
  };
  Clock& clock = clock_ ? static_cast<Clock&>(*clock_) : system_clock_;
  server_ = std::make_unique<Server>(clock, std::move(options), &admin_, setup.log);
  server_->start();
}

std::vector<std::string> TestProxy::publish(std::vector<EntryDraft> entries) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = ++generation_;
  snapshot->certificates = certificates_;
  snapshot->challenges = challenges_;
  entries.push_back(admin_entry());
  for (auto& draft : entries) snapshot->entry_points.push_back(finished(std::move(draft)));
  return server_->publish(std::move(snapshot));
}

void TestProxy::publish_and_wait(std::vector<EntryDraft> entries) {
  publish(std::move(entries));
  ask_admin("/metrics");  // asks each worker, in its turn
}

void TestProxy::use(tls::CertificateStore::Contents certificates) {
  certificates_ = std::make_shared<const tls::CertificateStore>(std::move(certificates));
}

void TestProxy::use(tls::ChallengeBoard challenges) {
  challenges_ = std::make_shared<const tls::ChallengeBoard>(std::move(challenges));
}

Endpoint TestProxy::address(const std::string& entry_point) const {
  const auto bound = server_->bound();
  const auto found = bound.find(entry_point);
  if (found == bound.end()) throw std::runtime_error("no entry point " + entry_point);
  return found->second.front();
}

RawPeer TestProxy::connect(const std::string& entry_point, int receive_buffer, const std::string& source) {
  return RawPeer::connect(address(entry_point), receive_buffer, source);
}

Message TestProxy::ask(std::string_view request) {
  RawPeer client = connect();
  client.send(request);
  return client.read_message();
}

Message TestProxy::ask_admin(std::string_view path) {
  RawPeer client = connect("admin");
  client.send(get(path, "Connection: close\r\n"));
  return client.read_message();
}

std::string TestProxy::log_text() {
  std::unique_lock lock(mutex_);
  while (wake_.wait_for(lock, limit, [&] { return !lines_.empty(); })) {
    const std::string line = std::move(lines_.front());
    lines_.pop_front();
    if (line.find("\"entryPoint\":\"admin\"") == std::string::npos) return line;
  }
  ADD_FAILURE() << "no line in the access log";
  return "{}";
}

boost::json::object TestProxy::log_line() { return boost::json::parse(log_text()).as_object(); }

double TestProxy::metric(const std::string& sample) {
  const std::string text = "\n" + ask_admin("/metrics").body;
  const auto found = text.find("\n" + sample + " ");
  return found == std::string::npos ? -1 : std::stod(text.substr(found + sample.size() + 2));
}

double TestProxy::await_metric(const std::string& sample, double value) {
  const auto end = std::chrono::steady_clock::now() + limit;
  double seen = metric(sample);
  while (seen != value && std::chrono::steady_clock::now() < end) seen = metric(sample);
  return seen;
}

double TestProxy::await_open(const std::string& entry_point, double count) {
  return await_metric("gatehouse_entrypoint_open_connections{entrypoint=\"" + entry_point + "\"}", count);
}

void TestProxy::pass(Duration time) {
  // A worker that has caught up sleeps again: its wheel and its housekeeping.
  const std::size_t sleepers = 2 * workers_;
  while (clock_->sleepers() < sleepers) std::this_thread::yield();
  clock_->advance(time);
  while (clock_->sleepers() < sleepers) std::this_thread::yield();
}

Duration TestProxy::advance_until_readable(RawPeer& peer, Duration step) {
  const auto end = std::chrono::steady_clock::now() + limit;
  Duration advanced{};
  while (!peer.readable_within(5) && std::chrono::steady_clock::now() < end) {
    pass(step);
    advanced += step;
  }
  return advanced;
}

}  // namespace gatehouse

#include "proxy/admin.h"

#include "proxy/http/error_page.h"
#include "proxy/metrics_text.h"
#include "proxy/routes_json.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view html_type = "text/html; charset=utf-8";

constexpr std::string_view overview =
    "<!doctype html><html lang=\"en\"><title>Gatehouse</title><h1>Gatehouse</h1><ul>"
    "<li><a href=\"/ping\">/ping</a> the process answers<li><a href=\"/ready\">/ready</a> it may get traffic"
    "<li><a href=\"/metrics\">/metrics</a> Prometheus<li><a href=\"/api/routes\">/api/routes</a> what is routed where"
    "<li><a href=\"/api/problems\">/api/problems</a> what is wrong in the configuration"
    "<li><a href=\"/api/kubernetes\">/api/kubernetes</a> how the cluster is followed, where one is"
    "<li><a href=\"/api/version\">/api/version</a></ul></html>\n";

}  // namespace

Awaitable<std::string> Admin::metrics() {
  Counters sum;
  asio::steady_timer counted(co_await asio::this_coro::executor, TimePoint::max());
  error_code ignored;
  for (Worker* worker : workers_) {
    // Each worker counts on its own thread. Nothing that is left there when the workers end belongs to another.
    asio::post(worker->io, [worker, &sum, &counted] {
      sum.add(worker->count());
      asio::post(counted.get_executor(), [&counted] { counted.cancel(); });
    });
    co_await counted.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  const SnapshotPtr snapshot = source_.snapshot();
  std::string text = metrics_text(sum, snapshot ? *snapshot : Snapshot{});
  if (source_.extra_metrics) text += source_.extra_metrics();
  co_return text;
}

Awaitable<Admin::Page> Admin::page(std::string path) {
  Page page;
  if (path == "/ping") {
    page = source_.draining() ? Page{503, page.content_type, "draining\n"} : Page{200, page.content_type, "OK\n"};
  } else if (path == "/ready") {
    const bool ready = source_.ready() && !source_.draining();
    page = ready ? Page{200, page.content_type, "ready\n"} : Page{503, page.content_type, "not ready\n"};
  } else if (path == "/metrics") {
    page.content_type = "text/plain; version=0.0.4; charset=utf-8";
    page.body = co_await metrics();
  } else if (path == "/api/routes") {
    page = {200, json_type, routes_json(*source_.snapshot())};
  } else if (path == "/api/problems") {
    page = {200, json_type, source_.problems_json()};
  } else if (path == "/api/kubernetes" && source_.cluster_json) {
    page = {200, json_type, source_.cluster_json()};
  } else if (path == "/api/version") {
    page = {200, json_type, "{\"version\":\"" + source_.version + "\"}\n"};
  } else if (path == "/") {
    page = {200, html_type, std::string(overview)};
  } else {
    page = {404, page.content_type, error_page(FailureKind::no_route)};
  }
  co_return page;
}

bool Admin::answers_to(std::string_view authority) const {
  HostBuffer buffer;
  const auto host = host_of_authority(authority, buffer);
  if (!host) return authority.empty();  // HTTP/1.0
  error_code error;
  asio::ip::make_address(std::string(*host), error);
  if (!error || host->starts_with('[') || *host == "localhost") return true;
  return std::any_of(source_.allowed_hosts.begin(), source_.allowed_hosts.end(),
                     [&](const std::string& allowed) { return allowed == "*" || allowed == *host; });
}

Awaitable<void> Admin::answer(Exchange& exchange, ExchangeRecord& record) {
  const RequestHead& request = exchange.request();
  const bool readable = request.method == "GET" || request.method == "HEAD";
  Page page{405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
  std::string path(request.path);
  if (!answers_to(request.authority))
    page = {421, page.content_type, "this host name is not in admin.allowedHosts\n"};
  else if (readable)
    page = co_await this->page(std::move(path));
  record.status = page.status;
  std::vector<HeaderField> fields{{"Content-Type", page.content_type, HeaderId::other},
                                  {"Cache-Control", "no-store", HeaderId::other}};
  record.bytes_out = page.body.size();
  auto sent = co_await exchange.respond(page.status, std::move(fields), page.body);
  if (!sent) record.failure = sent.error();
}

}  // namespace gatehouse

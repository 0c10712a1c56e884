// Paths and hosts as matching sees them: normal forms are normal, and a table answers without falling over.
#include "base/names.h"
#include "proxy/route/route_table.h"
#include "tests/fuzz/promise.h"

namespace {

using namespace gatehouse;

const RouteTable& table() {
  static const RouteTable routes = [] {
    std::vector<HttpRoutePtr> list;
    const auto add = [&](const char* host, PathKind kind, const char* path) {
      auto route = std::make_shared<HttpRoute>();
      route->host = host;
      route->path_kind = kind;
      route->path = path;
      list.push_back(std::move(route));
    };
    add("a.test", PathKind::prefix, "/api");
    add("a.test", PathKind::exact, "/api/v1");
    add("*.b.test", PathKind::prefix, "/");
    add("", PathKind::regex, "^/x[0-9]+$");
    return RouteTable(std::move(list));
  }();
  return routes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(data, size);
  const std::size_t cut = text.find('\n');
  const std::string_view raw_path = text.substr(0, cut);
  const std::string_view authority = cut == text.npos ? std::string_view() : text.substr(cut + 1);

  std::string storage;
  const auto path = normalised_path(raw_path, storage);
  if (path) {
    std::string again_storage;
    const auto again = normalised_path(*path, again_storage);
    promise(again && *again == *path, "a normal form is its own normal form");
    promise(path->find("/../") == path->npos && path->find("//") == path->npos, "and has nothing left to resolve");
  }
  HostBuffer buffer;
  const auto host = host_of_authority(authority, buffer);
  if (host) {
    HostBuffer again_buffer;
    const auto again = host_of_authority(*host, again_buffer);
    promise(again && *again == *host, "a host is its own normal form");
  }
  const HttpRoute* found = table().match(host.value_or(""), raw_path, false);
  promise(path.has_value() || found == nullptr, "a path without a normal form has no route");
  (void)table().explain(host.value_or(""), raw_path, true);
  return 0;
}
